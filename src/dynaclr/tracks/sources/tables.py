"""Tables of tracks, CSV or parquet, of ultrack, btrack, motile and by hand: column names are guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dynaclr.base import keys
from dynaclr.base.errors import DataError, DynaclrError, listing, problem, suggest
from dynaclr.tracks.csv import column_names, read_track_csv
from dynaclr.tracks.parquet import parquet_names, read_track_parquet
from dynaclr.tracks.sources.found import Found, SourceOptions

_GUESSES: Mapping[str, Sequence[str]] = {
    keys.TRACK_ID: ("track_id", "trackid", "track", "tracklet_id", "tracklet", "particle", "track_number"),
    keys.T: ("t", "frame", "frames", "time", "timepoint", "time_point", "frame_number", "position_t"),
    keys.ID: ("id", "node_id", "spot_id", "cell_id", "object_id"),
    keys.PARENT_TRACK_ID: ("parent_track_id", "parent_track", "parenttrackid"),
    keys.PARENT_ID: ("parent_id", "parent_node_id", "parentid"),
    keys.Z: ("z", "pos_z", "position_z", "centroid_z"),
    keys.Y: ("y", "pos_y", "position_y", "centroid_y", "y_centroid"),
    keys.X: ("x", "pos_x", "position_x", "centroid_x", "x_centroid"),
}
"""{name here: names in files, in small letters and with _ for spaces}, the first that is there counts."""

_BTRACK = {"id": keys.TRACK_ID, "parent": keys.PARENT_TRACK_ID}
"""btrack's CSV: `ID` is the track, `parent` a track, the own one for a root."""
_DUMMY = "dummy"  # btrack's mark of a point that it put where an object was missing
_PARQUET = b"PAR1"


def recognizes(path: Path, head: bytes) -> bool:
    """Return whether a file is a table with names that can be tracks."""
    if path.is_dir():
        return False
    if head.startswith(_PARQUET):
        return True
    first = head.split(b"\n", 1)[0]
    if b"\0" in first or first.lstrip().startswith((b"<", b"{", b"[")):
        return False
    try:
        names = column_names(path)
        return len(names) > 2 and not any(name.lstrip("-").replace(".", "").isdigit() for name in names)
    except DynaclrError:
        return False


def read(path: Path, options: SourceOptions) -> Found:
    """Return the columns by their guessed or given names."""
    packed, there = _packed(path), names_of(path)
    names, btrack = _mapping(there, options.columns, path)
    reader = read_track_parquet if packed else read_track_csv
    known = set(names.values())
    tracks = [keys.TRACK_ID] if keys.TRACK_ID in known else [keys.ID, keys.PARENT_ID]
    times = {
        name: "__times__" if here == keys.T else here for name, here in names.items()
    }  # may be no frames
    columns = reader(path, names=times, required=[*tracks, "__times__", keys.Y, keys.X])
    columns[keys.T] = _times(columns.pop("__times__"), path)
    seen = np.ones(columns[keys.T].size, dtype=bool)
    if btrack and _DUMMY in columns:
        seen = np.asarray(columns[_DUMMY], dtype=np.float64) == 0
    columns = {name: values[seen] for name, values in columns.items() if name in _GUESSES}
    found = Found(columns, names={here: name for here in _GUESSES for name in names if names[name] == here})
    found.could_be = _several(there, names, options.columns)
    found.counts.interpolated = int(np.count_nonzero(~seen))
    renamed = [f"{here} = {name}" for here, name in found.names.items() if here != name]
    if renamed:
        found.counts.notes.append(f"columns: {listing(renamed)}")
    if btrack:
        _roots(columns)
    if keys.TRACK_ID not in columns:
        parent = columns.pop(keys.PARENT_ID)
        linked = (parent != keys.NO_PARENT) & (np.isin(parent, columns[keys.ID]) | (parent != 0))
        found.edges = np.column_stack([parent, columns[keys.ID]])[linked]
    return found


def names_of(path: Path) -> tuple[str, ...]:
    """Return the names of the columns of a table."""
    return tuple(parquet_names(path) if _packed(path) else column_names(path))


def _packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == _PARQUET


def _mapping(there: Sequence[str], given: Mapping[str, str], path: Path) -> tuple[dict[str, str], bool]:
    """Return {column of the file: name here}, and whether it is btrack's."""
    unused = {here for here, name in given.items() if not name}
    given = {here: name for here, name in given.items() if name}
    for here, name in given.items():
        if here not in _GUESSES or name not in there:
            what, options = (name, there) if here in _GUESSES else (here, list(_GUESSES))
            hint = suggest(what, options).strip() or None
            found = f"{here}={name}"
            expected = listing(options)
            raise DataError(
                problem(
                    "unknown column", file=path, field="--column", expected=expected, found=found, fix=hint
                )
            )
    for name in given.values():
        roles = [here for here, used in given.items() if used == name]
        if len(roles) > 1:
            what = f"one column is {listing(roles)}"
            raise DataError(problem(what, file=path, field="--column", expected="one each", found=name))
    plain = {_plain(name): name for name in reversed(there)}
    btrack = {"id", "parent", "root", "t"} <= set(plain) and "track_id" not in plain
    taken = {name: here for here, name in given.items()}
    if btrack:
        taken |= {plain[name]: here for name, here in _BTRACK.items() if here not in {*given, *unused}}
    centroids = sorted(name for name in plain if name.startswith("centroid-"))  # regionprops: (z), y, x
    axes = dict(zip((keys.X, keys.Y, keys.Z), reversed(centroids), strict=False))
    for here, guesses in _GUESSES.items():
        if here in taken.values() or here in unused:
            continue
        for guess in (*guesses, *([axes[here]] if here in axes else [])):
            if guess in plain and plain[guess] not in taken:
                taken[plain[guess]] = here
                break
    missing = [name for name in (keys.T, keys.Y, keys.X) if name not in taken.values()]
    if keys.TRACK_ID not in taken.values() and not {keys.ID, keys.PARENT_ID} <= set(taken.values()):
        missing.append(keys.TRACK_ID)
    if missing:
        fix = f"Say which column it is, for example --column {missing[0]}=NAME."
        what = "cannot tell which column is which"
        found = f"columns {listing(there)}"
        raise DataError(problem(what, file=path, row=1, field=listing(missing), found=found, fix=fix))
    return taken, btrack


def _several(
    there: Sequence[str], names: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return the columns that can be a time, track or place where none has our name and nobody said which."""
    found = {}
    for name, here in names.items():
        if (
            here in given
            or _plain(name) == here
            or here not in (keys.T, keys.TRACK_ID, keys.Z, keys.Y, keys.X)
        ):
            continue
        free = [other for other in there if other == name or other not in names]
        fits = tuple(other for guess in _GUESSES[here] for other in free if _plain(other) == guess)
        if len(fits) > 1:
            found[here] = fits
    return found


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_")


def _times(values: Any, path: Path) -> Any:
    if values.dtype.kind not in "iuf":
        wrong = listing(values[:3].tolist())
        expected = "numbers"
        raise DataError(
            problem("times are no numbers", file=path, field=keys.T, expected=expected, found=wrong)
        )
    if values.dtype.kind == "u" and values.size and values.max() > np.iinfo(np.int64).max:
        raise DataError(problem("time out of range", file=path, field=keys.T, found=values.max()))
    return values.astype(np.int64) if values.dtype.kind in "iu" else values


def _roots(columns: dict[str, Any]) -> None:
    """Btrack says a track's own id, or 0, where there is no parent."""
    own = (columns[keys.PARENT_TRACK_ID] == columns[keys.TRACK_ID]) | (columns[keys.PARENT_TRACK_ID] == 0)
    columns[keys.PARENT_TRACK_ID] = np.where(own, keys.NO_PARENT, columns[keys.PARENT_TRACK_ID])
