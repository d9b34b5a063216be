"""Finds what marks are about in a table of observations, by id or by place; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from dynaclr.curation.marks import Mark, MarkKind
from dynaclr.experiment import ExperimentRegistry, FovEntry
from dynaclr.tracks import CellTable

_NONE = np.iinfo(np.int64).min


class Match(IntEnum):
    """How a mark was found."""

    NOWHERE = 0
    BY_ID = 1
    BY_PLACE = 2  # ids changed: the nearest observation of that FOV at that frame
    ELSEWHERE = 3  # in a FOV that is not in use


@dataclass(frozen=True, slots=True)
class FovNames:
    """Names of fields of view.

    Attributes
    ----------
    codes
        {(experiment, FOV): code} of those in use.
    plates
        {experiment: its FOVs}, in use or not.
    """

    codes: Mapping[tuple[str, str], int]
    plates: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, registry: ExperimentRegistry, entries: Sequence[FovEntry]) -> FovNames:
        """Return the names of those that are in use, and of all that the plates have."""
        names, plates = registry.names, registry.plates
        codes = {(names[entry.experiment], entry.layout.name): code for code, entry in enumerate(entries)}
        there = {name: frozenset((*plates[name].fovs, *plates[name].left_out)) for name in names}
        return cls(codes, there)


@dataclass(slots=True)
class Matched:
    """Where marks were found, all (m,).

    Attributes
    ----------
    how
        `Match`.
    fov, track
        Codes, -1 where there is none.
    row
        Row of the observation: of a frame mark, or where a marked link arrives; -1 otherwise.
    why
        What is wrong where a mark was found nowhere.
    """

    how: npt.NDArray[np.uint8]
    fov: npt.NDArray[np.int64]
    track: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    why: list[str]


def match_marks(marks: Sequence[Mark], table: CellTable, names: FovNames, radius_px: float) -> Matched:
    """Return where marks are.

    A mark with a place is found by its id only if the cell of that id is within the radius of it at
    that frame; otherwise ids have changed, and the nearest observation within the radius is taken.

    Parameters
    ----------
    marks
        Marks of any kind.
    table
        Observations.
    names
        Names of the fields of view.
    radius_px
        How far from its old place a cell may lie, pixels.
    """
    size = len(marks)
    blank = np.full(size, -1, dtype=np.int64)
    found = Matched(np.zeros(size, dtype=np.uint8), blank, blank.copy(), blank.copy(), [""] * size)
    if not size:
        return found
    found.fov[:] = [names.codes.get((mark.experiment, mark.fov_name), -1) for mark in marks]
    for place in np.flatnonzero(found.fov < 0).tolist():
        mark = marks[place]
        plate = names.plates.get(mark.experiment)
        if plate is not None and mark.fov_name not in plate:
            found.why[place] = f"experiment '{mark.experiment}' has no FOV '{mark.fov_name}'"
        else:
            found.how[place] = Match.ELSEWHERE
    here = found.fov >= 0
    whole = here & np.array([mark.kind is MarkKind.FOV for mark in marks])
    found.how[whole] = Match.BY_ID
    _find_cells(marks, table, found, np.flatnonzero(here & ~whole), radius_px)
    _check_links(marks, table, found)
    return found


def _integers(values: Sequence[int | None]) -> npt.NDArray[np.int64]:
    return np.array([_NONE if value is None else value for value in values], dtype=np.int64)


def _find_cells(
    marks: Sequence[Mark], table: CellTable, found: Matched, which: npt.NDArray[np.int64], radius_px: float
) -> None:
    """Find tracks and rows of marks that name a track."""
    own = [marks[place] for place in which]
    fov, t = found.fov[which], _integers([mark.t for mark in own])
    ids = _integers([mark.track_id for mark in own])
    track, row = table.tracks(fov, ids, t), table.find(fov, ids, t)
    y = np.array([np.nan if mark.y is None else mark.y for mark in own])
    x = np.array([np.nan if mark.x is None else mark.x for mark in own])
    placed = np.isfinite(y) & (t != _NONE)
    near = np.zeros(which.size, dtype=bool)
    if len(table):
        safe = np.maximum(row, 0)
        near = (row >= 0) & (np.hypot(table.y[safe] - y, table.x[safe] - x) <= radius_px)
    needs_row = np.array([mark.kind in (MarkKind.FRAME, MarkKind.LINK) for mark in own], dtype=bool)
    no_frame = needs_row & (t == _NONE) & (track >= 0)  # a mother's link without its frame
    if no_frame.any():
        row[no_frame] = table.first_rows[track[no_frame]]
    by_id = np.where(placed, near, np.where(needs_row, row >= 0, track >= 0))
    moved = np.flatnonzero(placed & ~by_id)
    nearest = _nearest(table, fov[moved], t[moved], y[moved], x[moved], radius_px)
    by_place = np.zeros(which.size, dtype=bool)
    by_place[moved] = nearest >= 0
    row[moved] = nearest
    track[moved[nearest >= 0]] = table.track[nearest[nearest >= 0]]
    found.how[which] = np.where(by_id, Match.BY_ID, np.where(by_place, Match.BY_PLACE, Match.NOWHERE))
    lost = ~(by_id | by_place)
    found.track[which], found.row[which] = np.where(lost, -1, track), np.where(lost, -1, row)
    for place in np.flatnonzero(lost).tolist():
        mark = own[place]
        if placed[place]:
            text = f"no cell within {radius_px:g} px of ({mark.y:.1f}, {mark.x:.1f}) at frame {mark.t}"
        elif track[place] >= 0:
            text = f"track {mark.track_id} has no observation at frame {mark.t}"
        else:
            text = f"no track {mark.track_id}, and the mark has no position"
        found.why[which[place]] = text


def _nearest(
    table: CellTable,
    fov: npt.NDArray[np.int64],
    t: npt.NDArray[np.int64],
    y: npt.NDArray[np.float64],
    x: npt.NDArray[np.float64],
    radius_px: float,
) -> npt.NDArray[np.int64]:
    """Return the nearest row within the radius, in the same FOV and frame, -1 where there is none."""
    result = np.full(fov.size, -1, dtype=np.int64)
    if not (fov.size and len(table)):
        return result
    low, high = table.ranges(fov, t)
    count = high - low
    mark = np.repeat(np.arange(fov.size), count)
    row = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + low[mark]
    distance = np.hypot(table.y[row] - y[mark], table.x[row] - x[mark])
    best = np.lexsort((row, distance, mark))
    best = best[np.r_[True, np.diff(mark[best]) > 0]] if best.size else best
    best = best[distance[best] <= radius_px]
    result[mark[best]] = row[best]
    return result


def _check_links(marks: Sequence[Mark], table: CellTable, found: Matched) -> None:
    """Lose links that are no longer there: nothing arrives at the row, or from another parent."""
    links = [
        place for place, mark in enumerate(marks) if mark.kind is MarkKind.LINK and found.row[place] >= 0
    ]
    if not links:
        return
    for place in links:
        mark, row, track = marks[place], found.row[place], found.track[place]
        starts, parent = row == table.first_rows[track], table.forest.parent[track]
        of_mother = mark.parent_track_id not in (None, mark.track_id)
        why = ""
        if starts and parent < 0:
            why = f"track {table.track_id[track]} starts at frame {table.t[row]} and has no parent"
        elif of_mother and found.how[place] == Match.BY_ID:
            if not starts:
                why = f"track {mark.track_id} does not start at frame {table.t[row]}"
            elif table.track_id[parent] != mark.parent_track_id:
                why = f"the parent of track {mark.track_id} is now {table.track_id[parent]}"
        if why:
            found.how[place], found.row[place], found.why[place] = Match.NOWHERE, -1, why
