"""Keeps a built index in a file, under a key of everything it was built from; knows no meaning of it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.atomic import write_bytes_atomically
from dynaclr.curation import CurationReport
from dynaclr.lineage import Forest
from dynaclr.tables import CellTable
from dynaclr.tracks import TrackCounts

__all__ = ("Loaded", "fingerprint", "load", "save")

_VERSION = 2
_TABLE = ("frame_key", "track", "t", "y", "x", "track_id", "track_fov", "fov_first_frame")
_FOREST = ("order", "parent", "root", "last", "depth")

Loaded = tuple[CellTable, npt.NDArray[np.uint8], list[TrackCounts | None], CurationReport | None]
"""Table, losses, counts of the track files, and what marks did."""


def fingerprint(identity: dict[str, Any], files: Sequence[Path | None]) -> str:
    """Return a digest of the options and of the path, size and time of each track file."""
    stats: list[tuple[str, int, int] | None] = []
    for path in files:
        if path is None:
            stats.append(None)
        else:
            stat = path.stat()
            stats.append((str(path.absolute()), stat.st_size, stat.st_mtime_ns))
    text = json.dumps([_VERSION, identity, stats, _metadata_times(identity)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _metadata_times(identity: dict[str, Any]) -> list[list[int]]:
    """Return times of the arrays' folders, which change when frames are added or lost."""
    times = []
    for _, array_path, _ in identity["fovs"]:
        folder = Path(array_path)
        times.append([entry.stat().st_mtime_ns for entry in (folder, *sorted(folder.iterdir())[:64])])
    return times


def load(folder: Path, key: str) -> Loaded | None:
    """Return what the cache holds under a key, None where it has none or it is damaged."""
    path = folder / f"index-{key}.npz"
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile):
        return None
    extra = {name.removeprefix("extra:"): arrays[name] for name in arrays if name.startswith("extra:")}
    forest = Forest(**{name: arrays[f"forest:{name}"] for name in _FOREST})
    table = CellTable(**{name: arrays[name] for name in _TABLE}, extra=extra, forest=forest)
    items, marks = json.loads(arrays["counts"].tobytes())
    counts = [None if item is None else TrackCounts(**item) for item in items]
    return table, arrays["loss"], counts, None if marks is None else CurationReport(**marks)


def save(folder: Path, key: str, content: Loaded) -> None:
    """Write the cache file; the folder is made if need be."""
    table, loss, counts, curation = content
    arrays: dict[str, npt.NDArray[Any]] = {name: getattr(table, name) for name in _TABLE}
    arrays |= {f"forest:{name}": getattr(table.forest, name) for name in _FOREST}
    arrays |= {f"extra:{name}": values for name, values in table.extra.items()}
    items = [None if item is None else asdict(item) for item in counts]
    text = json.dumps([items, None if curation is None else asdict(curation)])
    arrays["counts"] = np.frombuffer(text.encode(), dtype=np.uint8)
    arrays["loss"] = loss
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes_atomically(folder / f"index-{key}.npz", buffer.getvalue())
