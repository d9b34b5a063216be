"""TrackMate's tables of spots and edges: CSV with up to three more header rows (names and units)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from dynaclr.base import keys
from dynaclr.base.errors import DataError, listing, problem
from dynaclr.tracks.csv import read_track_csv
from dynaclr.tracks.graph import LinkCounts
from dynaclr.tracks.sources.found import Found, SourceOptions

_SPOTS = {
    "ID": keys.ID,
    "TRACK_ID": keys.TRACK_ID,
    "FRAME": keys.T,
    "POSITION_X": keys.X,
    "POSITION_Y": keys.Y,
    "POSITION_Z": keys.Z,
}
_EDGES = {"SPOT_SOURCE_ID": keys.ID, "SPOT_TARGET_ID": keys.PARENT_ID}
_MOST_HEADER_ROWS = 4
_HEAD_BYTES = 65536


def recognizes(path: Path, head: bytes) -> bool:
    """Return whether a file is a table of spots or of edges, or a folder holds them."""
    if path.is_dir():
        return any(_kind(_head(file)) for file in path.glob("*.csv"))
    return _kind(head.decode("utf-8", errors="replace")) is not None


def _kind(head: str) -> str | None:
    names = {name.strip().strip('"') for name in re.split(r"[,;\t\n\r]", head.lstrip("\ufeff"))}
    if set(_EDGES) <= names:
        return "edges"
    return "spots" if {"ID", "FRAME", "POSITION_X", "POSITION_Y"} <= names else None


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES).decode("utf-8", errors="replace")


def read(path: Path, options: SourceOptions) -> Found:
    """Return the spots that edges link; without a table of edges, tracks that do not divide."""
    spots, edges = _pair(path, options.edges)
    columns, units = _table(spots, _SPOTS)
    kept = {name: columns[name] for name in _SPOTS.values() if name in columns}
    found = Found(kept, unit=units.get("POSITION_X", ""))
    track = kept.pop(keys.TRACK_ID, None)
    if edges is None:
        if track is None:
            raise DataError(problem("neither edges nor TRACK_ID", file=spots, fix=_fix(spots)))
        _one_a_frame(spots, track, kept[keys.T])
        kept[keys.TRACK_ID] = track
        found.counts.notes.append("no table of edges: every track is taken as one cell that does not divide")
        return found
    links, _ = _table(edges, _EDGES)
    found.edges = np.column_stack([links[name] for name in _EDGES.values()])
    linked = np.isin(kept[keys.ID], found.edges)
    if not linked.any():
        fix = "Give the edges of the same export with --edges."
        raise DataError(problem("no spot of the edges is among the spots", file=edges, found=spots, fix=fix))
    found.counts = LinkCounts(unlinked=int(np.count_nonzero(~linked)))
    found.columns = {name: values[linked] for name, values in kept.items()}
    return found


def _fix(spots: Path) -> str:
    return f"Export 'Edges' in TrackMate too, into {spots.parent}, or name the file with --edges."


def _one_a_frame(spots: Path, track: Any, t: Any) -> None:
    """Refuse families of several cells: which is whose daughter only edges tell."""
    pairs = np.column_stack([track, t])[track != keys.NO_PARENT]
    values, numbers = np.unique(pairs, axis=0, return_counts=True)
    if (numbers > 1).any():
        found = listing((f"track {one} at frame {when}" for one, when in values[numbers > 1].tolist()), 5)
        what = "tracks hold several cells at once, and the table of edges is missing"
        raise DataError(problem(what, file=spots, field="TRACK_ID", found=found, fix=_fix(spots)))


def _pair(path: Path, edges: Path | None) -> tuple[Path, Path | None]:
    """Return the table of spots and that of edges for a folder that holds them, or for one of them."""
    folder = path if path.is_dir() else path.parent
    kinds = {file: _kind(_head(file)) for file in sorted(folder.glob("*.csv"))}
    if not path.is_dir():
        kinds[path] = _kind(_head(path))  # whatever its suffix
    spots = _partner(path, [file for file, kind in kinds.items() if kind == "spots"], "spots", folder)
    if spots is None:
        raise DataError(
            problem("no table of spots", file=folder, expected="ID, FRAME, POSITION_X, POSITION_Y")
        )
    if edges is not None:
        return spots, edges
    return spots, _partner(path, [file for file, kind in kinds.items() if kind == "edges"], "edges", folder)


def _partner(path: Path, files: list[Path], word: str, folder: Path) -> Path | None:
    """Return the one file of a kind: the one asked for, the only one, or the one named like it."""
    if path in files or len(files) < 2:
        return path if path in files else next(iter(files), None)
    named = [file for file in files if _stem(file) == _stem(path)]
    if len(named) == 1:
        return named[0]
    raise DataError(
        problem(
            f"several tables of {word}",
            file=folder,
            found=listing(file.name for file in files),
            fix="Name the spots as SOURCE and the edges with --edges.",
        )
    )


def _stem(path: Path) -> str:
    return re.sub("spots?|edges?", "", path.stem.lower())


def _table(path: Path, names: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the columns that have names here, and the units by the file's names."""
    lines = _head(path).lstrip("\ufeff").splitlines()[: _MOST_HEADER_ROWS + 1]
    separator = max(",;\t", key=lines[0].count)
    rows = [[value.strip().strip('"') for value in line.split(separator)] for line in lines]
    sign = rows[0].index(next(iter(names)))
    header_rows = 1
    while header_rows < len(rows) and not _number(rows[header_rows], sign):
        header_rows += 1
    last = rows[min(header_rows, len(rows)) - 1]
    units = {}
    if header_rows == _MOST_HEADER_ROWS and len(last) == len(rows[0]):
        units = {name: value.strip("() ") for name, value in zip(rows[0], last, strict=True)}
    required = [name for name in names.values() if name not in (keys.TRACK_ID, keys.Z)]
    columns = read_track_csv(path, names=names, required=required, header_rows=header_rows)
    return columns, units


def _number(row: list[str], place: int) -> bool:
    return place < len(row) and row[place].lstrip("-").isdigit()
