"""Observations of cells as arrays, found by FOV, track and frame, and the look-up of relatives by frame.

Rows are sorted by (frame, track), where `frame` numbers the frames of all FOVs one after the other
and `track` is the preorder number of the track in the forest of all lineages. So the relatives of a
cell at another time (same track, descendants or whole lineage) are one contiguous range of rows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dynaclr.tracks.lineage import Forest

Numbers = npt.NDArray[np.integer] | int


class Relation(StrEnum):
    """Which cells are positives of an anchor."""

    DESCENDANT = "descendant"  # the same track, or a track that descends from it
    TRACK = "track"  # the same track only
    LINEAGE = "lineage"  # any cell of the same root
    SELF = "self"  # the anchor itself (SimCLR)


@dataclass(frozen=True)
class CellTable:
    """One row per cell and frame, one entry per track, sorted as the module says.

    Attributes
    ----------
    frame_key
        (n,) int64, frame * n_tracks + track: ascending.
    track
        (n,) int32 preorder number of the track.
    t
        (n,) int32 frame inside the FOV, 0-based.
    y, x
        (n,) float64 centroid in pixels of level 0.
    extra
        Further columns of the files by name, each (n,).
    track_id
        (n_tracks,) int64 as in the file.
    track_fov
        (n_tracks,) int32 FOV code.
    forest
        Lineages over all tracks.
    fov_first_frame
        (n_fovs + 1,) number of the first frame of each FOV among all frames.
    """

    frame_key: npt.NDArray[np.int64]
    track: npt.NDArray[np.int32]
    t: npt.NDArray[np.int32]
    y: npt.NDArray[np.float64]
    x: npt.NDArray[np.float64]
    extra: dict[str, npt.NDArray[np.generic]]
    track_id: npt.NDArray[np.int64]
    track_fov: npt.NDArray[np.int32]
    forest: Forest
    fov_first_frame: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.track.size)

    @property
    def n_tracks(self) -> int:
        """Number of tracks in all FOVs."""
        return int(self.track_id.size)

    def fov_of(self, rows: npt.NDArray[np.integer] | slice = slice(None)) -> npt.NDArray[np.int32]:
        """Return the FOV codes of rows."""
        return np.asarray(self.track_fov[self.track[rows]])

    def frame_of(self, rows: npt.NDArray[np.integer] | slice = slice(None)) -> npt.NDArray[np.int64]:
        """Return the numbers of rows' frames among the frames of all FOVs."""
        return np.asarray(self.frame_key[rows] // max(self.n_tracks, 1))

    @cached_property
    def fov_frames(self) -> npt.NDArray[np.int64]:
        """Number of frames of each FOV (n_fovs,)."""
        return np.diff(self.fov_first_frame)

    def frame_starts(self, fov: Numbers, t: Numbers) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return what `frame_key` would be for track 0 at frames of FOVs, and which of them there are."""
        there = (t >= 0) & (t < self.fov_frames[fov])
        return (self.fov_first_frame[fov] + np.where(there, t, 0)) * max(self.n_tracks, 1), there

    def ranges(self, fov: Numbers, t: Numbers) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return first row and end of the rows of frames of FOVs; equal for a frame that an FOV lacks."""
        start, there = self.frame_starts(fov, t)
        low = self.frame_key.searchsorted(start)
        return low, np.where(there, self.frame_key.searchsorted(start + self.n_tracks), low)

    def rows(self, fov: int, t: int | None = None) -> slice:
        """Return the rows of an FOV, or of one of its frames, by frame and track."""
        if t is None:
            low, high = self.frame_key.searchsorted(self.fov_first_frame[fov : fov + 2] * self.n_tracks)
        else:
            low, high = self.ranges(np.array(fov), np.array(t))
        return slice(int(low), int(high))

    @cached_property
    def first_rows(self) -> npt.NDArray[np.int64]:
        """Row of each track's first observation (n_tracks,)."""
        rows = np.zeros(self.n_tracks, dtype=np.int64)
        rows[self.track[::-1]] = np.arange(len(self))[::-1]  # rows ascend in time; the last write wins
        return rows

    @cached_property
    def last_rows(self) -> npt.NDArray[np.int64]:
        """Row of each track's last observation (n_tracks,)."""
        rows = np.zeros(self.n_tracks, dtype=np.int64)
        rows[self.track] = np.arange(len(self))
        return rows

    @cached_property
    def by_track(self) -> npt.NDArray[np.int64]:
        """Rows by track and frame (n,)."""
        return np.argsort(self.track, kind="stable")

    def before(self, track: Numbers, t: Numbers) -> npt.NDArray[np.int64]:
        """Return the row of the last observation of tracks before a frame, -1 where there is none."""
        if not len(self):
            return np.full(np.shape(track), -1, dtype=np.int64)
        order, span = self.by_track, int(self.t.max()) + 1
        key = self.track[order] * np.int64(span) + self.t[order]
        row = order[np.maximum(key.searchsorted(track * np.int64(span) + np.clip(t, 0, span)) - 1, 0)]
        return np.where((self.track[row] == track) & (self.t[row] < t), row, -1)

    @cached_property
    def _identities(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
        """Distinct ids; keys of (FOV, id, first frame), ascending; tracks in that order; frames an id."""
        ids, code = np.unique(self.track_id, return_inverse=True)
        span = int(self.t.max(initial=0)) + 1
        key = (self.track_fov * np.int64(ids.size) + code) * span + self.t[self.first_rows]
        order = np.argsort(key, kind="stable")
        return ids, key[order], order, span

    def tracks(self, fov: Numbers, track_id: Numbers, t: Numbers) -> npt.NDArray[np.int64]:
        """Return the track of each id of an FOV, -1 where there is none (also where the FOV is -1).

        Of a track that was cut it is the part that the frame falls into; the first one before that.
        """
        ids, keys, order, span = self._identities
        if not order.size:
            return np.full(np.shape(track_id), -1, dtype=np.int64)
        code = np.minimum(ids.searchsorted(track_id), ids.size - 1)
        first = (np.asarray(fov, dtype=np.int64) * ids.size + code) * span
        part = keys.searchsorted(first + np.clip(t, 0, span - 1), side="right") - 1
        part = np.minimum(np.maximum(part, keys.searchsorted(first)), order.size - 1)
        known = (np.asarray(fov) >= 0) & (ids[code] == track_id) & (keys[part] // span == first // span)
        return np.where(known, order[part], -1)

    def find(self, fov: Numbers, track_id: Numbers, t: Numbers) -> npt.NDArray[np.int64]:
        """Return the row of each observation told by FOV, id of its track and frame, -1 for none.

        Parameters
        ----------
        fov
            FOV codes; -1 finds nothing.
        track_id
            Ids as in the files.
        t
            Frames inside the FOVs; any number may be asked for.
        """
        track = self.tracks(fov, track_id, t)
        if not len(self):
            return track
        start, there = self.frame_starts(fov, t)
        row = np.minimum(self.frame_key.searchsorted(start + track), len(self) - 1)
        return np.where(there & (track >= 0) & (self.frame_key[row] == start + track), row, -1)

    @property
    def nbytes(self) -> int:
        """Bytes held by the arrays, those of tracks included."""
        rows = (self.frame_key, self.track, self.t, self.y, self.x, *self.extra.values())
        tracks = (
            self.track_id,
            self.track_fov,
            self.fov_first_frame,
            *(getattr(self.forest, item.name) for item in fields(self.forest)),
        )
        return sum(array.nbytes for array in (*rows, *tracks))


def build_table(
    columns: dict[str, npt.NDArray[np.generic]],
    track: npt.NDArray[np.integer],
    track_id: npt.NDArray[np.int64],
    track_fov: npt.NDArray[np.integer],
    forest: Forest,
    n_frames: npt.NDArray[np.integer],
) -> CellTable:
    """Sort rows into a `CellTable`.

    Parameters
    ----------
    columns
        "t", "y", "x" and any further columns, each (n,).
    track
        (n,) position of each row's track in the *input* order of the forest.
    track_id, track_fov
        (n_tracks,) in the input order of the forest; `track_fov` must not decrease.
    forest
        Forest over these tracks.
    n_frames
        (n_fovs,) number of frames of each FOV.
    """
    number = np.empty(track_id.size, dtype=np.int32)
    number[forest.order] = np.arange(track_id.size, dtype=np.int32)
    first_frame = np.r_[0, np.cumsum(n_frames)].astype(np.int64)
    row_track = number[track]
    frame = first_frame[track_fov[track]] + columns["t"].astype(np.int64)
    key = frame * max(track_id.size, 1) + row_track
    order = np.argsort(key, kind="stable")
    extra = {name: values[order] for name, values in columns.items() if name not in ("t", "y", "x")}
    return CellTable(
        frame_key=key[order],
        track=row_track[order],
        t=columns["t"][order].astype(np.int32),
        y=columns["y"][order].astype(np.float64),
        x=columns["x"][order].astype(np.float64),
        extra=extra,
        track_id=track_id[forest.order],
        track_fov=track_fov[forest.order].astype(np.int32),
        forest=forest,
        fov_first_frame=first_frame,
    )


class RelativeLookup:
    """Finds the relatives of rows at an offset in frames as a range of candidates.

    Parameters
    ----------
    table
        The observations.
    relation
        Which cells count as relatives.
    usable
        (n,) False where a row may be nobody's positive; None if all may.
    """

    def __init__(
        self, table: CellTable, relation: Relation, usable: npt.NDArray[np.bool_] | None = None
    ) -> None:
        self.table = table
        self.relation = relation
        self._rows = None if usable is None or usable.all() else np.flatnonzero(usable).astype(np.int32)
        self._keys = table.frame_key if self._rows is None else table.frame_key[self._rows]
        first, last = self._track_range()
        self._first, self._last = first.astype(np.int32), last.astype(np.int32)

    def _track_range(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        forest = self.table.forest
        own = np.arange(self.table.n_tracks)
        if self.relation is Relation.LINEAGE:
            return forest.root, forest.last[forest.root]
        if self.relation is Relation.DESCENDANT:
            return own, forest.last
        return own, own + 1

    @property
    def nbytes(self) -> int:
        """Bytes held besides the table."""
        own = 0 if self._rows is None else self._rows.nbytes + self._keys.nbytes
        return own + self._first.nbytes + self._last.nbytes

    def ranges(
        self, rows: npt.NDArray[np.integer], offsets_frames: npt.NDArray[np.integer]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return candidate numbers (low, high), each with the shape of rows and offsets broadcast.

        Equal ends mean that there is no relative. An offset that leaves the recording finds nothing.
        """
        table = self.table
        rows = np.asarray(rows)
        track = table.track[rows]
        when = table.t[rows] + offsets_frames
        start, there = table.frame_starts(table.track_fov[track], when)
        low = np.searchsorted(self._keys, start + self._first[track])
        high = np.searchsorted(self._keys, start + self._last[track])
        return low, np.where(there, high, low)

    def exists(
        self, rows: npt.NDArray[np.integer], offset_frames: npt.NDArray[np.integer]
    ) -> npt.NDArray[np.bool_]:
        """Return which rows have at least one relative at their offset (len(rows),)."""
        low, high = self.ranges(rows, offset_frames)
        return np.asarray(high > low)

    def rows_of(self, candidates: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Return the rows of the table that candidate numbers stand for."""
        if self._rows is None:
            return np.asarray(candidates, dtype=np.int64)
        return np.asarray(self._rows[candidates], dtype=np.int64)
