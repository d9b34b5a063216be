"""One field of view's tracks after curation as nodes and links, whatever format they are written in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.tracks import CellTable
from dynaclr.tracks.graph import Columns

_OWN = (keys.TRACK_ID, keys.T, keys.ID, keys.PARENT_TRACK_ID, keys.PARENT_ID, keys.Z, keys.Y, keys.X)


@dataclass(slots=True)
class FovGraph:
    """Observations sorted by track and frame, and who follows whom.

    Attributes
    ----------
    columns
        track_id (one for each piece of a track that was cut), t, id (one each, from 0), parent_track_id,
        parent_id (the observation before), z where there is one, y, x, and what else the files have.
    edges
        (m, 2) places of linked observations in `columns`, the earlier one first.
    notes
        What a person should know.
    """

    columns: Columns
    edges: npt.NDArray[np.int64]
    notes: list[str] = field(default_factory=list)

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """Place of the first observation of each track."""
        track = self.columns[keys.TRACK_ID]
        return np.flatnonzero(np.r_[True, track[1:] != track[:-1]]) if track.size else np.empty(0, np.int64)


def fov_graph(table: CellTable, fov: int, kept: npt.NDArray[np.bool_], annotations: Columns) -> FovGraph:
    """Return the observations of an FOV that are kept.

    Parameters
    ----------
    table
        Observations, links that were marked are cut.
    fov
        Code of the FOV.
    kept
        (n,) False for observations to leave out.
    annotations
        Further columns, each (n,).
    """
    rows = np.arange(table.rows(fov).start, table.rows(fov).stop)
    rows = rows[kept[rows]]
    rows = rows[np.lexsort((table.t[rows], table.track[rows]))]
    piece, t = table.track[rows].astype(np.int64), table.t[rows].astype(np.int64)
    notes: list[str] = []
    pieces, first = np.unique(piece, return_index=True)
    names = _names(table.track_id[pieces], table.t[table.first_rows[pieces]], notes)
    before = np.arange(rows.size) - 1
    before[first] = _before(piece, t, table.forest.parent[pieces], t[first])
    lost = int(np.count_nonzero((table.forest.parent[pieces] >= 0) & (before[first] < 0)))
    if lost:
        notes.append(f"{lost} tracks lost their parent, which is left out: they are roots")
    ids = _ids(table.extra.get(keys.ID), rows, notes)
    track = names[np.searchsorted(pieces, piece)]
    mother = np.full(pieces.size, keys.NO_PARENT)
    linked = before[first] >= 0
    mother[linked] = track[before[first[linked]]]
    depth = {keys.Z: table.extra[keys.Z][rows]} if keys.Z in table.extra else {}
    columns = {
        keys.TRACK_ID: track,
        keys.T: t,
        keys.ID: ids,
        keys.PARENT_TRACK_ID: mother[np.searchsorted(pieces, piece)],
        keys.PARENT_ID: np.where(before >= 0, ids[before], keys.NO_PARENT),
        **depth,
        keys.Y: table.y[rows],
        keys.X: table.x[rows],
        **{name: values[rows] for name, values in table.extra.items() if name not in _OWN},
        **{name: values[rows] for name, values in annotations.items()},
    }
    later = np.flatnonzero(before >= 0)
    return FovGraph(columns, np.column_stack([before[later], later]), notes)


def _names(
    track_id: npt.NDArray[np.int64], first_t: npt.NDArray[np.integer], notes: list[str]
) -> npt.NDArray[np.int64]:
    """Return an id for each piece: of the pieces of one track, the first keeps it."""
    names = track_id.copy()
    order = np.lexsort((first_t, track_id))
    later = order[1:][track_id[order[1:]] == track_id[order[:-1]]]
    names[later] = int(track_id.max(initial=0)) + 1 + np.arange(later.size)
    if later.size:
        notes.append(f"{later.size} tracks are later parts of tracks that were cut: they have new ids")
    return names


def _before(
    piece: npt.NDArray[np.int64],
    t: npt.NDArray[np.int64],
    parent: npt.NDArray[np.integer],
    begin: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Return the place of the last observation of each parent before its track begins, -1 for none."""
    if not piece.size:
        return np.empty(0, dtype=np.int64)
    span = int(t.max()) + 1
    place = np.searchsorted(piece * span + t, parent.astype(np.int64) * span + begin) - 1
    there = (parent >= 0) & (place >= 0) & (piece[np.maximum(place, 0)] == parent)
    return np.where(there, place, -1)


def _ids(
    own: npt.NDArray[np.generic] | None, rows: npt.NDArray[np.int64], notes: list[str]
) -> npt.NDArray[np.int64]:
    """Return the ids of the files where they can stand for one observation each, else numbers from 0."""
    if own is not None:
        ids = np.asarray(own[rows], dtype=np.int64)
        if ids.size == 0 or (ids.min() >= 0 and np.unique(ids).size == ids.size):
            return ids
        if (ids >= 0).any():
            notes.append("ids of observations repeat or are missing: they are numbered anew")
    return np.arange(rows.size)
