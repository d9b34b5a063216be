"""Observations and their kinship as arrays, for measures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dynaclr.tracks import CellTable, Forest, build_forest


@dataclass(frozen=True)
class Observations:
    """One row an observation, in the order of the features.

    Attributes
    ----------
    fov, track, t
        (N,) codes of FOV and track, and the frame.
    track_parent
        (n_tracks,) code of each track's parent, -1 for none.
    track_first, track_last
        (n_tracks,) first and last frame of each whole track; None where no observation was left out.
    """

    fov: npt.NDArray[np.int64]
    track: npt.NDArray[np.int64]
    t: npt.NDArray[np.int64]
    track_parent: npt.NDArray[np.int64]
    track_first: npt.NDArray[np.int64] | None = None
    track_last: npt.NDArray[np.int64] | None = None

    @classmethod
    def of_table(cls, table: CellTable, rows: npt.NDArray[np.integer]) -> Observations:
        """Return the observations of some rows of a table; the ends of tracks are those of all rows."""
        return cls(
            table.fov_of(rows).astype(np.int64),
            table.track[rows].astype(np.int64),
            table.t[rows].astype(np.int64),
            table.forest.parent,
            *_ends(table.track, table.t, table.forest.parent.size),
        )

    def subset(self, rows: npt.NDArray[np.bool_]) -> Observations:
        """Return some observations, (N,) True for those; tracks stay whole."""
        return Observations(self.fov[rows], self.track[rows], self.t[rows], self.track_parent, *self.ends)

    @cached_property
    def ends(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(n_tracks,) first and last frame of each track."""
        if self.track_first is not None and self.track_last is not None:
            return self.track_first, self.track_last
        return _ends(self.track, self.t, self.track_parent.size)

    def __len__(self) -> int:
        return int(self.t.size)

    @cached_property
    def forest(self) -> Forest:
        """Lineages over all tracks."""
        return build_forest(self.track_parent)

    @cached_property
    def _number(self) -> npt.NDArray[np.int64]:
        """Preorder number of each row's track."""
        number = np.empty(self.track_parent.size, dtype=np.int64)
        number[self.forest.order] = np.arange(self.track_parent.size)
        return number[self.track]

    @cached_property
    def lineage(self) -> npt.NDArray[np.int64]:
        """(N,) code of each row's root."""
        return self.forest.root[self._number]

    def same_cell_later(
        self, earlier: npt.NDArray[np.integer], later: npt.NDArray[np.integer]
    ) -> npt.NDArray[np.bool_]:
        """Return whether later rows are of the same track or of one that descends from it (broadcast)."""
        a, b = self._number[earlier], self._number[later]
        return np.asarray((b >= a) & (b < self.forest.last[a]) & (self.fov[earlier] == self.fov[later]))

    def adjacent(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return pairs of rows of one track exactly one frame apart."""
        order = np.lexsort((self.t, self.track))
        step = (np.diff(self.track[order]) == 0) & (np.diff(self.t[order]) == 1)
        return order[:-1][step], order[1:][step]


def _ends(
    track: npt.NDArray[np.integer], t: npt.NDArray[np.integer], n_tracks: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the first and last frame of each track; a track without rows ends before it starts."""
    first = np.full(n_tracks, np.iinfo(np.int64).max)
    last = np.full(n_tracks, -1, dtype=np.int64)
    np.minimum.at(first, track, t)
    np.maximum.at(last, track, t)
    return first, last
