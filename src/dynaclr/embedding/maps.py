"""Embedding maps in files beside the embedding: two coordinates per observation."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.files import write_bytes_atomically
from dynaclr.base.fingerprint import fingerprint
from dynaclr.embedding.projection import Method
from dynaclr.embedding.table import Space


def map_file(embedding: Path, method: Method, space: Space) -> Path:
    """Return where a map of an embedding lies: embedding.t-sne-features.npz beside embedding.parquet."""
    return embedding.with_name(f"{embedding.stem}.{method.lower()}-{space}.npz")


def write_map(path: Path, places: npt.NDArray[np.float32], vectors: npt.NDArray[np.floating[Any]]) -> None:
    """Write places (N, 2) with a digest of the vectors (N, D) that they were made from.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    content = io.BytesIO()
    np.savez(content, places=places, of=np.array(fingerprint(vectors)))
    write_bytes_atomically(path, content.getvalue())


def read_map(path: Path, vectors: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32] | None:
    """Return places (N, 2); None if there are none, they are damaged, or were made from other vectors."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as content:
            same = str(content["of"]) == fingerprint(vectors)
            return np.asarray(content["places"], dtype=np.float32) if same else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
