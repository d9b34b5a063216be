"""btrack's HDF5: objects, tracks as references to them, and a table of label, begin, end, parent, root."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import DataError, listing, problem
from dynaclr.tracks.sources.extras import needed
from dynaclr.tracks.sources.found import Found, SourceOptions

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_T, _X, _Y, _Z = range(4)  # columns of btrack's coordinates
_LABEL, _PARENT = 0, 3  # columns of its table of tracks


def recognizes(_path: Path, head: bytes) -> bool:
    """Return whether a file is HDF5."""
    return head.startswith(_SIGNATURE)


def read(path: Path, _options: SourceOptions) -> Found:
    """Return the observations of the first type of objects that has tracks.

    Points that btrack put where an object was missing refer to no object (a negative number), and are left
    out. A track whose parent is itself, or 0, is a root.
    """
    h5py = needed("h5py", path)
    with h5py.File(path, "r") as file:
        kinds = [name for name in file.get("tracks", {}) if "tracks" in file["tracks"][name]]
        if not kinds:
            found = f"groups {listing(file)}"
            raise DataError(
                problem("HDF5 without btrack's tracks", file=path, expected="tracks", found=found)
            )
        group = file["tracks"][kinds[0]]
        coordinates = np.asarray(file["objects"][kinds[0]]["coords"], dtype=np.float64)
        references = np.asarray(group["tracks"]).astype(np.int64)
        spans = np.asarray(group["map"]).astype(np.int64).reshape(-1, 2)
        table = np.asarray(group["LBEPR"]).astype(np.int64) if "LBEPR" in group else None
    lengths = _lengths(spans, references.size, path)
    labels = np.arange(1, lengths.size + 1) if table is None else table[:, _LABEL]
    parents = np.full(labels.size, keys.NO_PARENT) if table is None else table[:, _PARENT]
    if labels.size != lengths.size:
        what = "btrack's tables differ in their number of tracks"
        raise DataError(problem(what, file=path, expected=lengths.size, found=labels.size))
    parents = np.where((parents == labels) | (parents == 0), keys.NO_PARENT, parents)
    place = np.repeat(spans[:, 0], lengths) + _counted(lengths)
    seen = references[place] >= 0
    rows = references[place][seen]
    columns: dict[str, Any] = {
        keys.TRACK_ID: np.repeat(labels, lengths)[seen],
        keys.PARENT_TRACK_ID: np.repeat(parents, lengths)[seen],
        keys.ID: rows,
        keys.T: coordinates[rows, _T],
        keys.Z: coordinates[rows, _Z],
        keys.Y: coordinates[rows, _Y],
        keys.X: coordinates[rows, _X],
    }
    result = Found(columns)
    result.counts.interpolated = int(np.count_nonzero(~seen))
    result.counts.unlinked = len(coordinates) - np.unique(rows).size
    if len(kinds) > 1:
        result.counts.notes.append(f"of {listing(kinds)}, {kinds[0]} is used")
    return result


def _lengths(spans: npt.NDArray[np.int64], size: int, path: Path) -> npt.NDArray[np.int64]:
    wrong = (spans[:, 0] < 0) | (spans[:, 1] < spans[:, 0]) | (spans[:, 1] > size)
    if wrong.any():
        found = listing((tuple(span) for span in spans[wrong].tolist()), 5)
        what = "tracks reach beyond the list of references"
        raise DataError(problem(what, file=path, field="map", expected=f"0 to {size}", found=found))
    lengths = spans[:, 1] - spans[:, 0]
    if lengths.sum() > size:
        what = "tracks share references"
        raise DataError(problem(what, file=path, field="map", expected=size, found=lengths.sum()))
    return lengths


def _counted(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return 0, 1, ... anew for each length."""
    ends = np.cumsum(lengths)
    return np.arange(lengths.sum()) - np.repeat(ends - lengths, lengths)
