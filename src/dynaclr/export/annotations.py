"""Marks as columns of the observations that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

import numpy as np
import numpy.typing as npt

from dynaclr.curation import MATCH_RADIUS_PX, FovNames, Mark, MarkKind, Match, Verdict, in_force, match_marks
from dynaclr.tracks import CellTable

ANNOTATIONS = ("verdict", "marked", "reason", "author", "marked_at")
"""Columns: what was decided, what the mark is about, why, by whom and when; empty without a mark."""


def annotation_columns(
    marks: Sequence[Mark], table: CellTable, names: FovNames
) -> tuple[dict[str, npt.NDArray[np.str_]], list[str]]:
    """Return the columns of annotations (n,) of a table before curation, and marks that were not found.

    Of several marks on one observation, one that excludes it counts, else the latest.

    Parameters
    ----------
    marks
        Marks of all authors.
    table
        Observations, no link cut yet.
    names
        Names of the fields of view.
    """
    used = sorted(in_force(marks), key=lambda mark: mark.verdict is Verdict.EXCLUDE)  # stable: by time
    matched = match_marks(used, table, names, MATCH_RADIUS_PX)
    of_row = np.full(len(table), -1, dtype=np.int64)
    for place, mark in enumerate(used):
        if matched.how[place] in (Match.BY_ID, Match.BY_PLACE):
            of_row[_rows(mark.kind, place, table, matched.fov, matched.track, matched.row)] = place
    texts = [
        (
            mark.verdict.value,
            mark.kind.value,
            mark.reason,
            mark.author,
            mark.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        )
        for mark in used
    ]
    values = np.array([*texts, ("",) * len(ANNOTATIONS)])[of_row]  # -1 is the last: no mark
    lost = [
        f"mark not found: {used[i]}: {matched.why[i]}" for i in np.flatnonzero(matched.how == Match.NOWHERE)
    ]
    return {name: values[:, place] for place, name in enumerate(ANNOTATIONS)}, lost


def _rows(
    kind: MarkKind,
    place: int,
    table: CellTable,
    fov: npt.NDArray[np.int64],
    track: npt.NDArray[np.int64],
    row: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Return the rows that one mark is about; for a link the observation that it arrives at."""
    if kind in (MarkKind.FRAME, MarkKind.LINK):
        return row[place : place + 1]
    if kind is MarkKind.FOV:
        return np.flatnonzero(table.track_fov[table.track] == fov[place])
    if kind is MarkKind.LINEAGE:
        roots = table.forest.root
        return np.flatnonzero(roots[table.track] == roots[track[place]])
    return np.flatnonzero(table.track == track[place])
