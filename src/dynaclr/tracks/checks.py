"""Checks the tracks of one FOV against its image and among themselves; knows no other FOV."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dynaclr import keys
from dynaclr.errors import ConfigError, DataError, listing, problem, suggest

__all__ = ("TrackCounts", "TrackPolicy", "check_tracks", "track_parents")

Columns = dict[str, npt.NDArray[Any]]
_ROW = "__row__"  # row of the file, counted from 1 with the header
_HEADER_ROWS = 2
_SUSPICIOUS_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class TrackPolicy:
    """What to do with tracks that are not as they should be.

    Attributes
    ----------
    missing_file
        FOV without a track file: "skip" leaves it out and says so, "error" stops.
    nonfinite
        NaN or infinite coordinates: "error" stops, "drop" leaves the rows out and counts them.
    duplicates
        Two rows of one track at one frame: "error" stops, "drop" keeps the first and counts the rest.
    """

    missing_file: Literal["skip", "error"] = "skip"
    nonfinite: Literal["error", "drop"] = "error"
    duplicates: Literal["error", "drop"] = "error"

    def __post_init__(self) -> None:
        allowed = {
            "missing_file": ("skip", "error"),
            "nonfinite": ("error", "drop"),
            "duplicates": ("error", "drop"),
        }
        for name, options in allowed.items():
            value = getattr(self, name)
            if value not in options:
                raise ConfigError(
                    problem("unknown choice", field=name, expected=listing(options), found=repr(value))
                    + suggest(str(value), options)
                )


@dataclass(slots=True)
class TrackCounts:
    """What was found in one FOV's track file."""

    rows: int = 0
    outside_image: int = 0
    nonfinite: int = 0
    duplicates: int = 0
    missing_parents: int = 0
    gaps: int = 0
    divisions: int = 0
    large_divisions: int = 0
    overlaps: int = 0
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a message comes from, and the image the tracks belong to."""

    experiment: str
    fov: str
    path: Path
    shape: tuple[int, int, int, int, int]  # (T, C, Z, Y, X)

    def message(self, what: str, **parts: Any) -> str:
        return problem(what, experiment=self.experiment, file=self.path, **parts)


def check_tracks(
    columns: Columns,
    *,
    experiment: str,
    fov: str,
    path: Path,
    shape: tuple[int, int, int, int, int],
    pixel_size_um: float,
    policy: TrackPolicy,
) -> tuple[Columns, TrackCounts]:
    """Return the rows that can be used, and what was counted on the way.

    Parameters
    ----------
    columns
        As `read_track_csv` returns them; coordinates in pixels of level 0.
    experiment, fov, path
        For messages.
    shape
        (T, C, Z, Y, X) of the FOV.
    pixel_size_um
        Size of a pixel, used only to recognise coordinates in micrometres.
    policy
        What to do with rows that are not as they should be.

    Raises
    ------
    DataError
        For rows of another FOV, frames beyond the recording, duplicates and coordinates that are no
        numbers (unless the policy drops them).
    """
    place = _Place(experiment, fov, path, shape)
    counts = TrackCounts(rows=int(columns[keys.T].size))
    columns = {**columns, _ROW: np.arange(counts.rows) + _HEADER_ROWS}
    _check_fov(columns.pop(keys.FOV_NAME, None), columns[_ROW], place)
    _check_frames(columns, place)
    columns = _finite(columns, place, counts, policy)
    columns = _unique(columns, place, counts, policy)
    columns = _inside(columns, place, counts, pixel_size_um)
    order = np.lexsort((columns[keys.T], columns[keys.TRACK_ID]))
    columns = {name: values[order] for name, values in columns.items() if name != _ROW}
    same = np.diff(columns[keys.TRACK_ID]) == 0
    counts.gaps = int(np.count_nonzero(same & (np.diff(columns[keys.T]) > 1)))
    return columns, counts


def _check_fov(names: npt.NDArray[Any] | None, rows: npt.NDArray[np.integer], place: _Place) -> None:
    """Where a file says which FOV its rows are of, it must be this one; a blank says nothing."""
    if names is None:
        return
    texts = np.char.strip(names.astype(str), "/ ")
    wrong = np.flatnonzero((texts != place.fov) & (texts != ""))
    if wrong.size:
        raise DataError(
            place.message(
                f"{wrong.size} rows are of another FOV",
                row=listing(rows[wrong[:5]]),
                field=keys.FOV_NAME,
                expected=place.fov,
                found=listing(dict.fromkeys(texts[wrong].tolist()), 5),
                fix="Parents and daughters are looked for inside one FOV: give each FOV its own file.",
            )
        )


def _check_frames(columns: Columns, place: _Place) -> None:
    frames, t = place.shape[0], columns[keys.T]
    wrong = np.flatnonzero((t < 0) | (t >= frames))
    if wrong.size:
        one_based = t.min() == 1 and t.max() == frames
        raise DataError(
            place.message(
                f"{wrong.size} rows are at frames that the recording lacks",
                row=listing(columns[_ROW][wrong[:5]]),
                field=keys.T,
                expected=f"0..{frames - 1}",
                found=listing(t[wrong[:5]]),
                fix="The frames look 1-based: subtract 1." if one_based else None,
            )
        )


def _keep(columns: Columns, mask: npt.NDArray[np.bool_]) -> Columns:
    return {name: values[mask] for name, values in columns.items()}


def _finite(columns: Columns, place: _Place, counts: TrackCounts, policy: TrackPolicy) -> Columns:
    finite = np.isfinite(columns[keys.Y]) & np.isfinite(columns[keys.X])
    wrong = np.flatnonzero(~finite)
    if not wrong.size:
        return columns
    if policy.nonfinite == "error":
        raise DataError(
            place.message(
                f"{wrong.size} rows have coordinates that are no numbers",
                row=listing(columns[_ROW][wrong[:5]]),
                field="y, x",
                expected="finite pixels",
                found=listing(f"({columns[keys.Y][i]}, {columns[keys.X][i]})" for i in wrong[:5]),
                fix="Repair the file, or set nonfinite to 'drop' to leave these rows out.",
            )
        )
    counts.nonfinite = int(wrong.size)
    return _keep(columns, finite)


def _unique(columns: Columns, place: _Place, counts: TrackCounts, policy: TrackPolicy) -> Columns:
    track, t = columns[keys.TRACK_ID], columns[keys.T]
    order = np.lexsort((np.arange(t.size), t, track))
    again = np.zeros(t.size, dtype=bool)
    again[order[1:]] = (np.diff(track[order]) == 0) & (np.diff(t[order]) == 0)
    wrong = np.flatnonzero(again)
    if not wrong.size:
        return columns
    if policy.duplicates == "error":
        raise DataError(
            place.message(
                f"{wrong.size} rows repeat a (track_id, t)",
                row=listing(columns[_ROW][wrong[:5]]),
                field="track_id, t",
                found=listing(f"({track[i]}, {t[i]})" for i in wrong[:5]),
                fix="Repair the file, or set duplicates to 'drop' to keep the first of each.",
            )
        )
    counts.duplicates = int(wrong.size)
    return _keep(columns, ~again)


def _inside(columns: Columns, place: _Place, counts: TrackCounts, pixel_size_um: float) -> Columns:
    """Leave out centroids outside the image; the image covers -0.5 .. size - 0.5."""
    height, width = place.shape[3:]
    y, x = columns[keys.Y], columns[keys.X]
    inside = (y >= -0.5) & (y <= height - 0.5) & (x >= -0.5) & (x <= width - 0.5)
    counts.outside_image = int(np.count_nonzero(~inside))
    if counts.outside_image:
        row = int(np.flatnonzero(~inside)[0])
        swapped = (x >= -0.5) & (x <= height - 0.5) & (y >= -0.5) & (y <= width - 0.5)
        better = counts.outside_image > _SUSPICIOUS_SHARE * y.size and swapped.mean() > inside.mean()
        counts.warnings.append(
            place.message(
                f"{counts.outside_image} of {y.size} centroids lie outside the image and are left out",
                row=f"{columns[_ROW][row]} first",
                expected=f"y in 0..{height - 1}, x in 0..{width - 1}",
                found=f"({y[row]:g}, {x[row]:g})",
                fix="y and x look exchanged." if better else None,
            )
        )
    elif 0 < pixel_size_um < 1 and y.size >= 20:
        reach = max(float(y.max()) / height, float(x.max()) / width)
        if reach <= pixel_size_um * 1.02:
            counts.warnings.append(
                place.message(
                    "centroids fill only a corner of the image",
                    field="y, x",
                    expected=f"pixels up to ({height - 1}, {width - 1})",
                    found=f"at most ({y.max():g}, {x.max():g}) at {pixel_size_um:g} um a pixel",
                    fix="They look like micrometres: divide by the size of a pixel.",
                )
            )
    return _keep(columns, inside)


def track_parents(
    columns: Columns, counts: TrackCounts, *, experiment: str, path: Path
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return (track_id, parent position or -1, first row) of each track of checked columns.

    Raises
    ------
    DataError
        If the rows of a track name different parents or a parent starts after its child.
    """
    track_id, start = np.unique(columns[keys.TRACK_ID], return_index=True)
    none = np.full(track_id.size, -1, dtype=np.int64)
    if keys.PARENT_TRACK_ID not in columns or not track_id.size:
        return track_id, none, start
    named = columns[keys.PARENT_TRACK_ID]
    parent_id = np.maximum.reduceat(named, start)
    lowest = np.minimum.reduceat(np.where(named < 0, np.iinfo(np.int64).max, named), start)
    conflict = np.flatnonzero((parent_id >= 0) & (lowest != parent_id))
    if conflict.size:
        raise DataError(
            problem(
                f"{conflict.size} tracks name more than one parent",
                experiment=experiment,
                file=path,
                field=keys.PARENT_TRACK_ID,
                found=listing(f"track {track_id[i]}: {lowest[i]} and {parent_id[i]}" for i in conflict[:5]),
            )
        )
    spot = np.minimum(np.searchsorted(track_id, parent_id), track_id.size - 1)
    known = (parent_id >= 0) & (track_id[spot] == parent_id)
    counts.missing_parents = int(np.count_nonzero((parent_id >= 0) & ~known))
    parent = np.where(known, spot, -1)
    _check_family(track_id, parent, columns[keys.T], start, counts, experiment, path)
    return track_id, parent, start


def _check_family(
    track_id: npt.NDArray[np.int64],
    parent: npt.NDArray[np.int64],
    t: npt.NDArray[np.int64],
    start: npt.NDArray[np.int64],
    counts: TrackCounts,
    experiment: str,
    path: Path,
) -> None:
    first, last = t[start], t[np.r_[start[1:], t.size] - 1]
    child = np.flatnonzero(parent >= 0)
    child = child[parent[child] != child]  # a track that is its own parent is a cycle, reported as such
    mother = parent[child]
    late = first[mother] > first[child]
    if late.any():
        raise DataError(
            problem(
                f"{np.count_nonzero(late)} tracks start before their parent",
                experiment=experiment,
                file=path,
                field=keys.PARENT_TRACK_ID,
                found=listing(
                    f"track {track_id[c]} starts at {first[c]}, its parent {track_id[m]} at {first[m]}"
                    for c, m in list(zip(child[late], mother[late], strict=True))[:5]
                ),
            )
        )
    over = last[mother] >= first[child]
    counts.overlaps = int(np.count_nonzero(over))
    if counts.overlaps:
        text = problem(
            f"{counts.overlaps} parents go on after their child starts",
            experiment=experiment,
            file=path,
            found=listing(
                f"track {track_id[m]} until {last[m]}, child {track_id[c]} from {first[c]}"
                for c, m in list(zip(child[over], mother[over], strict=True))[:5]
            ),
        )
        counts.warnings.append(text)
    daughters = np.bincount(mother, minlength=track_id.size)
    counts.divisions = int(np.count_nonzero(daughters >= 2))
    counts.large_divisions = int(np.count_nonzero(daughters > 2))
