"""Keeps a built index in a file, under a key of everything it was built from."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.files import write_bytes_atomically
from dynaclr.base.paths import absolute_path
from dynaclr.curation import CurationReport
from dynaclr.tracks import CellTable, Forest, TrackCounts

_VERSION = 5
_DIGEST_BYTES = 32
_TABLE = ("frame_key", "track", "t", "y", "x", "track_id", "track_fov", "fov_first_frame")
_FOREST = ("order", "parent", "root", "last", "depth")

Loaded = tuple[CellTable, npt.NDArray[np.uint8], list[TrackCounts | None], CurationReport | None]
"""Table, exclusions, counts of the track files, and what marks did."""


def fingerprint(identity: dict[str, Any], files: Sequence[Path | None], pixels: Sequence[str] = ()) -> str:
    """Return a digest of options, of path and content of each track file, and of what is stored.

    Parameters
    ----------
    identity
        Options and what else the index is built from.
    files
        Track files, None where there is none.
    pixels
        A digest of the stored chunks of each FOV (`stored_pixels`); empty if they do not matter.
    """
    contents: list[tuple[str, str] | None] = []
    for path in files:
        if path is None:
            contents.append(None)
        else:
            with path.open("rb") as file:
                contents.append((str(absolute_path(path)), hashlib.file_digest(file, "sha256").hexdigest()))
    text = json.dumps([_VERSION, identity, contents, list(pixels)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def load(folder: Path, key: str) -> Loaded | None:
    """Return what the cache holds under a key, None where it has none or it is damaged."""
    try:
        content = _path(folder, key).read_bytes()
    except OSError:
        return None
    data = content[_DIGEST_BYTES:]
    if hashlib.sha256(data).digest() != content[:_DIGEST_BYTES]:
        return None
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    extra = {name.removeprefix("extra:"): arrays[name] for name in arrays if name.startswith("extra:")}
    forest = Forest(**{name: arrays[f"forest:{name}"] for name in _FOREST})
    table = CellTable(**{name: arrays[name] for name in _TABLE}, extra=extra, forest=forest)
    items, marks = json.loads(arrays["counts"].tobytes())
    counts = [None if item is None else TrackCounts(**item) for item in items]
    return table, arrays["loss"], counts, None if marks is None else CurationReport(**marks)


def _path(folder: Path, key: str) -> Path:
    """Return the cache file: a SHA-256 digest, then the npz archive that it is the digest of."""
    return folder / f"index-{key}.cache"


def save(folder: Path, key: str, content: Loaded) -> None:
    """Write the cache file; the folder is made if need be."""
    table, exclusion, counts, curation = content
    arrays: dict[str, npt.NDArray[Any]] = {name: getattr(table, name) for name in _TABLE}
    arrays |= {f"forest:{name}": getattr(table.forest, name) for name in _FOREST}
    arrays |= {f"extra:{name}": values for name, values in table.extra.items()}
    items = [None if item is None else asdict(item) for item in counts]
    text = json.dumps([items, None if curation is None else asdict(curation)])
    arrays["counts"] = np.frombuffer(text.encode(), dtype=np.uint8)
    arrays["loss"] = exclusion
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    folder.mkdir(parents=True, exist_ok=True)
    data = buffer.getvalue()
    write_bytes_atomically(_path(folder, key), hashlib.sha256(data).digest() + data)
