"""Observations and their kinship as arrays, for measures; knows no features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dynaclr.lineage import Forest, build_forest
from dynaclr.tables import CellTable

__all__ = ("Observations",)


@dataclass(frozen=True)
class Observations:
    """One row an observation, in the order of the features.

    Attributes
    ----------
    fov, track, t
        (N,) codes of FOV and track, and the frame.
    track_parent
        (n_tracks,) code of each track's parent, -1 for none.
    """

    fov: npt.NDArray[np.int64]
    track: npt.NDArray[np.int64]
    t: npt.NDArray[np.int64]
    track_parent: npt.NDArray[np.int64]

    @classmethod
    def of_table(cls, table: CellTable, rows: npt.NDArray[np.integer]) -> Observations:
        """Return the observations of some rows of a table."""
        return cls(
            table.fov_of(rows).astype(np.int64),
            table.track[rows].astype(np.int64),
            table.t[rows].astype(np.int64),
            table.forest.parent,
        )

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
