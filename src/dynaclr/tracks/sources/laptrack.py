"""laptrack's tables: tracks (track_id, tree_id), splits and merges (parent_track_id, child_track_id)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from dynaclr.base import keys
from dynaclr.base.errors import DataError, DynaclrError, listing, problem
from dynaclr.tracks.csv import column_names, read_track_csv
from dynaclr.tracks.sources import tables
from dynaclr.tracks.sources.found import Found, SourceOptions

_TRACKS = {"track_id", "tree_id"}
_CHILD = "child_track_id"
_LINKS = {keys.PARENT_TRACK_ID, _CHILD}


def recognizes(path: Path, _head: bytes) -> bool:
    """Return whether a file is a table of tracks, or a folder holds one beside its splits."""
    if path.is_dir():
        kinds = [_names(file) for file in sorted(path.glob("*.csv"))]
        return any(names >= _TRACKS for names in kinds) and any(names >= _LINKS for names in kinds)
    return _names(path) >= _TRACKS and keys.PARENT_TRACK_ID not in _names(path)


def _names(path: Path) -> set[str]:
    """Return the names of a table's columns, none where it has none."""
    try:
        return set(column_names(path))
    except DynaclrError:
        return set()


def read(path: Path, options: SourceOptions) -> Found:
    """Return the tracks; a track that began by a split has a parent, one that began by a merge has none."""
    folder = path if path.is_dir() else path.parent
    there = {file: _names(file) for file in sorted(folder.glob("*.csv"))}
    tracks = [file for file, names in there.items() if names >= _TRACKS] if path.is_dir() else [path]
    if len(tracks) > 1:
        names, fix = listing(file.name for file in tracks), "Name the one that is meant as SOURCE."
        raise DataError(problem("several tables of tracks", file=folder, found=names, fix=fix))
    links = [file for file, names in there.items() if names >= _LINKS]
    splits = [options.edges] if options.edges is not None else [file for file in links if not _merges(file)]
    if len(splits) > 1:
        names, fix = listing(file.name for file in splits), "Name the one that is meant with --edges."
        raise DataError(problem("several tables of splits", file=folder, found=names, fix=fix))
    found = tables.read(tracks[0], options)
    track = found.columns[keys.TRACK_ID]
    parents = np.full(track.size, keys.NO_PARENT, dtype=np.int64)
    if splits:
        parent, child = _pairs(splits[0])
        values, first, counts = np.unique(child, return_index=True, return_counts=True)
        if (counts > 1).any():
            what, twice = "tracks have several parents", listing(values[counts > 1].tolist(), 5)
            raise DataError(problem(what, file=splits[0], field=_CHILD, expected="one each", found=twice))
        if values.size:
            place = np.minimum(np.searchsorted(values, track), values.size - 1)
            parents = np.where(values[place] == track, parent[first][place], keys.NO_PARENT)
    else:
        found.counts.notes.append("no table of splits: no track has a parent")
    found.columns[keys.PARENT_TRACK_ID] = parents
    merged = [_pairs(file)[1] for file in links if _merges(file)]
    found.counts.merges = int(np.unique(np.concatenate(merged)).size) if merged else 0
    return found


def _merges(path: Path) -> bool:
    """Whether a table of links is that of merges: by its name, since the columns are those of splits."""
    return re.search("(?<![a-z])merge", path.stem.lower()) is not None


def _pairs(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return parents and children (n,) each."""
    with path.open("rb") as file:
        if sum(bool(line.strip()) for _, line in zip(range(2), file, strict=False)) < 2:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)  # nothing split, or merged
    names = {keys.PARENT_TRACK_ID: keys.PARENT_TRACK_ID, _CHILD: keys.TRACK_ID}
    columns = read_track_csv(path, names=names, required=list(names.values()))
    return columns[keys.PARENT_TRACK_ID], columns[keys.TRACK_ID]
