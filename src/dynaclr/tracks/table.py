"""Observations of cells as arrays, and the look-up of relatives by frame; knows no files, no names.

Rows are sorted by (frame, track), where `frame` numbers the frames of all FOVs one after the other
and `track` is the preorder number of the track in the forest of all lineages. So the relatives of a
cell at another time (same track, descendants or whole lineage) are one contiguous range of rows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from dynaclr.tracks.lineage import Forest

__all__ = ("CellTable", "Relation", "RelativeLookup", "build_table")


class Relation(StrEnum):
    """Which cells are positives of an anchor."""

    DESCENDANT = "descendant"  # the same track, or a track that descends from it
    TRACK = "track"  # the same track only
    LINEAGE = "lineage"  # any cell of the same root
    SELF = "self"  # the anchor itself (SimCLR)


@dataclass(frozen=True, slots=True)
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
        fov = table.track_fov[track]
        first_frame = table.fov_first_frame[fov]
        inside = (when >= 0) & (when < table.fov_first_frame[fov + 1] - first_frame)
        base = (first_frame + when) * max(table.n_tracks, 1)
        low = np.searchsorted(self._keys, base + self._first[track])
        high = np.searchsorted(self._keys, base + self._last[track])
        return low, np.where(inside, high, low)

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
