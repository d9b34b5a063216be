"""Links between observations of one cell, as rows of a table; judges nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynaclr.tracks import CellTable


@dataclass(frozen=True, slots=True)
class Links:
    """Links, all (n,).

    Attributes
    ----------
    earlier, later
        Rows of the table that a link joins.
    division
        True where it joins two tracks: mother and daughter.
    """

    earlier: npt.NDArray[np.int64]
    later: npt.NDArray[np.int64]
    division: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return int(self.later.size)

    def take(self, which: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Links:
        """Return some of the links."""
        return Links(self.earlier[which], self.later[which], self.division[which])


def links_of(table: CellTable, use: npt.NDArray[np.bool_] | None = None) -> Links:
    """Return all links, by row of arrival.

    A track is linked from each observation to the next, whatever the gap, and from the last
    observation of its parent before its first.

    Parameters
    ----------
    table
        Observations.
    use
        (n,) False where an observation does not count; links at its ends are left out.
    """
    order = table.by_track
    step = np.diff(table.track[order]) == 0
    earlier, later = order[:-1][step], order[1:][step]
    child = np.flatnonzero(table.forest.parent >= 0)
    first = table.first_rows[child]
    mother = table.before(table.forest.parent[child], table.t[first])
    known = mother >= 0
    links = Links(
        np.r_[earlier, mother[known]].astype(np.int64),
        np.r_[later, first[known]].astype(np.int64),
        np.r_[np.zeros(later.size, dtype=bool), np.ones(np.count_nonzero(known), dtype=bool)],
    )
    if use is not None:
        links = links.take(use[links.earlier] & use[links.later])
    return links.take(np.argsort(links.later, kind="stable"))
