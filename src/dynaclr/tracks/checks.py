"""Checks the rows of one FOV's tracks against its image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import DataError, listing, problem
from dynaclr.tracks.parents import parents_by_observation
from dynaclr.tracks.policy import TrackCounts, TrackPolicy

Columns = dict[str, npt.NDArray[Any]]
_ROW = "__row__"  # row of the file, counted from 1 with the header
_HEADER_ROWS = 2
_SUSPICIOUS_SHARE = 0.05
_SAME_PLACE_PX = 1.0


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a message comes from, and the image the tracks belong to."""

    experiment: str | None
    fov: str
    path: Path
    shape: tuple[int, int, int, int, int]  # (T, C, Z, Y, X)

    def message(self, what: str, **parts: Any) -> str:
        return problem(what, experiment=self.experiment, file=self.path, **parts)


def check_tracks(
    columns: Columns,
    *,
    experiment: str | None,
    fov: str,
    path: Path,
    shape: tuple[int, int, int, int, int],
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
    columns = _linked(columns, place, counts)
    columns = _parents_named(columns, place, counts)
    _check_frames(columns, place)
    columns = _finite(columns, place, counts, policy)
    columns = _unique(columns, place, counts, policy)
    columns = _inside(columns, place, counts)
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
                f"{wrong.size} rows belong to another FOV",
                row=listing(rows[wrong[:5]]),
                field=keys.FOV_NAME,
                expected=place.fov,
                found=listing(dict.fromkeys(texts[wrong].tolist()), 5),
                fix="Parents and daughters are matched within one FOV: give each FOV its own file.",
            )
        )


def _check_frames(columns: Columns, place: _Place) -> None:
    frames, t = place.shape[0], columns[keys.T]
    wrong = np.flatnonzero((t < 0) | (t >= frames))
    if wrong.size:
        raise DataError(
            place.message(
                f"{wrong.size} rows have frames beyond the end of the recording",
                row=listing(columns[_ROW][wrong[:5]]),
                field=keys.T,
                expected=f"0..{frames - 1}",
                found=listing(t[wrong[:5]]),
                fix=_frames_meant(t, frames),
            )
        )


def _frames_meant(t: npt.NDArray[np.integer], frames: int) -> str | None:
    """Return what would make frames fit the recording, None if nothing known does."""
    first, last = int(t.min()), int(t.max())
    command = "`python -m dynaclr convert tracks` does with"
    if first == 1 and last == frames:
        return f"The frames look 1-based: subtract 1 from t ({command} --first-frame 1)."
    if last - first == frames - 1:
        fix = f"subtract that from t ({command} --first-frame {first})"
        return f"The frames look as if counted from {first}: {fix}."
    step = int(np.gcd.reduce(t - first)) if last - first < 2**62 else 1
    if step > 1 and (last - first) // step < frames and not first % step:
        return (
            f"All t are multiples of {step}, as times are: divide t by {step} ({command} --time-step {step})."
        )
    if last - first < frames:
        return "The track table has fewer frames than the image, and begins later: is it of this recording?"
    return "The track table has more frames than the image: is it of this recording?"


def _keep(columns: Columns, mask: npt.NDArray[np.bool_]) -> Columns:
    return {name: values[mask] for name, values in columns.items()}


def _linked(columns: Columns, place: _Place, counts: TrackCounts) -> Columns:
    """Leave out spots without a track: they are many cells, not one."""
    linked = columns[keys.TRACK_ID] != keys.NO_PARENT
    counts.unlinked = int(np.count_nonzero(~linked))
    if not counts.unlinked:
        return columns
    counts.warnings.append(
        place.message(
            f"{counts.unlinked} of {linked.size} rows belong to no track and are left out",
            row=f"{columns[_ROW][np.argmin(linked)]} first",
            field=keys.TRACK_ID,
            found="-1 or blank",
        )
    )
    return _keep(columns, linked)


def _parents_named(columns: Columns, place: _Place, counts: TrackCounts) -> Columns:
    """Follow parent_id (an observation) where parent_track_id is not given; compare them where it is."""
    if not {keys.ID, keys.PARENT_ID} <= set(columns) or not columns[keys.T].size:
        return columns
    found, links = parents_by_observation(columns)
    stated = columns.get(keys.PARENT_TRACK_ID)
    if links.repeated:
        if stated is None:
            what = f"{links.repeated} ids repeat, so that no parent_id can be followed"
            counts.warnings.append(place.message(what, field=keys.ID))
        return columns
    if stated is None:
        counts.missing_parents = links.missing
        if links.into_tracks:
            what = f"{links.into_tracks} rows inside a track name a parent in a third track (merges)"
            fix = "These links are not used: a track has the parent of its first row."
            counts.warnings.append(place.message(what, field=keys.PARENT_ID, fix=fix))
        return {**columns, keys.PARENT_TRACK_ID: found}
    differ = np.flatnonzero((found != keys.NO_PARENT) & (found != stated))
    if differ.size:
        track = columns[keys.TRACK_ID]
        shown = {int(track[i]): f"track {track[i]}: {stated[i]} and {found[i]}" for i in differ}
        what = f"{len(shown)} tracks have one parent by parent_track_id and another by parent_id"
        fix = "parent_track_id is used."
        counts.warnings.append(place.message(what, found=listing(shown.values(), 5), fix=fix))
    return columns


def _finite(columns: Columns, place: _Place, counts: TrackCounts, policy: TrackPolicy) -> Columns:
    finite = np.isfinite(columns[keys.Y]) & np.isfinite(columns[keys.X])
    wrong = np.flatnonzero(~finite)
    if not wrong.size:
        return columns
    if policy.nonfinite == "error":
        raise DataError(
            place.message(
                f"{wrong.size} rows have non-finite coordinates",
                row=listing(columns[_ROW][wrong[:5]]),
                field="y, x",
                expected="finite pixels",
                found=listing(f"({columns[keys.Y][i]}, {columns[keys.X][i]})" for i in wrong[:5]),
                fix="Repair the file, or set bad_coordinates to 'drop' to leave these rows out.",
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
    kept = np.maximum.accumulate(np.where(again[order], 0, np.arange(t.size)))  # in order: the first of each
    first = np.empty(t.size, dtype=np.int64)
    first[order] = order[kept]
    apart = np.hypot(*(columns[name][wrong] - columns[name][first[wrong]] for name in (keys.Y, keys.X)))
    others = int(np.count_nonzero(apart > _SAME_PLACE_PX))
    if others:
        what = f"{others} rows have the (track_id, t) of another cell, up to {apart.max():.0f} px away"
        fix = (
            "Ids repeat: several FOVs in one table, or ids that start anew in every frame? Give each FOV a "
            "file of its own, with one id for each track; to keep the first of each would lose cells."
        )
    else:
        what = f"{wrong.size} rows duplicate a (track_id, t)"
        fix = "Repair the file, or set duplicate_rows to 'drop' to keep the first of each."
    shown = wrong[apart > _SAME_PLACE_PX] if others else wrong
    message = place.message(
        what,
        row=listing(columns[_ROW][shown[:5]]),
        field="track_id, t",
        found=listing(f"({track[i]}, {t[i]})" for i in shown[:5]),
        fix=fix,
    )
    if policy.duplicates == "error":
        raise DataError(message)
    if others:
        counts.warnings.append(message)
    counts.duplicates = int(wrong.size)
    return _keep(columns, ~again)


def _inside(columns: Columns, place: _Place, counts: TrackCounts) -> Columns:
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
                fix="y and x look swapped." if better else None,
            )
        )
    return _keep(columns, inside)
