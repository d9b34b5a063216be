"""Nearest rows by the cosine of their vectors, exactly; takes plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import DataError, problem


@dataclass(frozen=True, slots=True)
class Nearest:
    """Neighbors of a row, the nearest first; of equally near ones the one with the smaller number.

    Attributes
    ----------
    rows
        (K,) their numbers.
    similarity
        (K,) cosines, 1 for the same direction.
    """

    rows: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]


class NeighborSearch:
    """Finds the nearest of all rows.

    A vector that is zero or non-finite has no direction: such a row is nobody's neighbor.

    Parameters
    ----------
    vectors
        (N, D); no copy is made.
    """

    def __init__(self, vectors: npt.NDArray[np.floating[Any]]) -> None:
        self._vectors = vectors
        self._lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
        self._directed = np.isfinite(self._lengths) & (self._lengths > 0)

    def nearest(self, row: int, count: int, excluded: npt.NDArray[np.bool_] | None = None) -> Nearest:
        """Return the nearest other rows; fewer than `count` if there are no more.

        Parameters
        ----------
        row
            Whose neighbors are looked for.
        count
            How many.
        excluded
            (N,) rows that do not take part; None excludes only the row itself.

        Raises
        ------
        DataError
            If the vector of the row has no direction.
        """
        if not self._directed[row]:
            raise DataError(
                problem("the vector is zero or contains NaN or Inf: it has no nearest neighbors", row=row)
            )
        possible = self._directed.copy()
        if excluded is not None:
            possible &= ~excluded
        possible[row] = False
        lengths = np.where(self._directed, self._lengths, 1.0) * self._lengths[row]
        with np.errstate(invalid="ignore"):  # NaN and Inf do not take part
            cosine = (self._vectors @ self._vectors[row]).astype(np.float64) / lengths
        candidates = np.flatnonzero(possible)
        if candidates.size > count:
            least = np.partition(cosine[candidates], -count)[-count]
            candidates = candidates[cosine[candidates] >= least]
        order = np.lexsort((candidates, -cosine[candidates]))[:count]
        chosen = candidates[order]
        return Nearest(chosen, np.clip(cosine[chosen], -1.0, 1.0))
