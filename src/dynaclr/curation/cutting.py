"""Cuts links of a table: what follows a cut is a track and a lineage of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.tracks import CellTable, build_forest, build_table

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
    start = table.first_rows
    starts = rows == start[table.track[rows]]
    parent = table.forest.parent.copy()
    parent[table.track[rows[starts]]] = -1
    split = np.zeros(len(table), dtype=bool)
    split[rows[~starts]] = True
    track = np.empty(len(table), dtype=np.int64)  # pieces of tracks, numbered by track and frame
    track[table.by_track] = table.track[table.by_track] + np.cumsum(split[table.by_track])

    first_piece = track[start]
    old = np.repeat(np.arange(table.n_tracks), np.diff(np.r_[first_piece, track.max(initial=-1) + 1]))
    new_parent = np.full(old.size, -1, dtype=np.int64)
    child = np.flatnonzero(parent >= 0)
    before = table.before(parent[child], table.t[start[child]])
    new_parent[first_piece[child]] = np.where(before >= 0, track[before], first_piece[parent[child]])
    columns: dict[str, npt.NDArray[Any]] = {
        "t": table.t,
        "y": table.y,
        "x": table.x,
        **table.extra,
        _ROW: np.arange(len(table)),
    }
    forest = build_forest(new_parent)
    result = build_table(columns, track, table.track_id[old], table.track_fov[old], forest, table.fov_frames)
    order = np.asarray(result.extra.pop(_ROW), dtype=np.int64)
    return result, order
