"""Cuts links of a table: what follows a cut is a track and a lineage of its own; knows no marks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.curation.matching import first_rows
from dynaclr.tracks import CellTable, build_forest, build_table

__all__ = ("cut_links",)

_ROW = "__row__"


def cut_links(table: CellTable, arrivals: npt.NDArray[np.integer]) -> tuple[CellTable, npt.NDArray[np.int64]]:
    """Return a table without some links, and for each of its rows the row of the old table.

    The link that arrives at the first observation of a track is the one from its parent. A link inside
    a track splits it into two tracks of the same id; children stay with the part they follow.

    Parameters
    ----------
    table
        Observations.
    arrivals
        Rows at which the links arrive.
    """
    rows = np.unique(np.asarray(arrivals, dtype=np.int64))
    start = first_rows(table)
    starts = rows == start[table.track[rows]]
    parent = table.forest.parent.copy()
    parent[table.track[rows[starts]]] = -1
    splits = rows[~starts]
    span = int(table.t.max(initial=0)) + 1
    split_key = np.sort(table.track[splits] * np.int64(span) + table.t[splits])
    first_split = np.searchsorted(split_key, np.arange(table.n_tracks) * np.int64(span))
    pieces = np.bincount(table.track[splits], minlength=table.n_tracks) + 1
    first_piece = np.cumsum(pieces) - pieces
    row_key = table.track * np.int64(span) + table.t
    track = first_piece[table.track] + np.searchsorted(split_key, row_key, side="right")
    track -= first_split[table.track]

    old = np.repeat(np.arange(table.n_tracks), pieces)
    new_parent = np.full(old.size, -1, dtype=np.int64)
    child = np.flatnonzero(parent >= 0)
    mother = parent[child]
    before = np.searchsorted(split_key, mother * span + table.t[start[child]]) - first_split[mother]
    new_parent[first_piece[child]] = first_piece[mother] + before
    columns: dict[str, npt.NDArray[Any]] = {
        "t": table.t,
        "y": table.y,
        "x": table.x,
        **table.extra,
        _ROW: np.arange(len(table)),
    }
    frames = np.diff(table.fov_first_frame)
    forest = build_forest(new_parent)
    result = build_table(columns, track, table.track_id[old], table.track_fov[old], forest, frames)
    order = np.asarray(result.extra.pop(_ROW), dtype=np.int64)
    return result, order
