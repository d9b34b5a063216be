"""Counts along one axis, across two, and over hours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AxisCounts:
    """Counts along one axis.

    Attributes
    ----------
    labels
        What is counted.
    counts
        (n_batches, n_labels) anchors of each batch.
    pool
        (n_labels,) how many of all anchors; empty where a pool has no meaning.
    """

    labels: tuple[str, ...]
    counts: IntArray
    pool: IntArray

    @property
    def share(self) -> FloatArray:
        """Share of each label over all batches."""
        total = self.counts.sum()
        return np.asarray(self.counts.sum(axis=0) / max(int(total), 1))

    @property
    def pool_share(self) -> FloatArray:
        """Share of each label in the pool."""
        return np.asarray(self.pool / max(int(self.pool.sum()), 1))


@dataclass(frozen=True, slots=True)
class Crossing:
    """Experiments by conditions.

    Attributes
    ----------
    experiments, conditions
        Labels of the rows and of the columns.
    drawn, pool
        (n_experiments, n_conditions) anchors drawn, and anchors that there are.
    """

    experiments: tuple[str, ...]
    conditions: tuple[str, ...]
    drawn: IntArray
    pool: IntArray

    @property
    def confounded(self) -> tuple[tuple[str, str], ...]:
        """(condition, experiment) of conditions that occur in one of several experiments only."""
        if np.count_nonzero(self.pool.sum(axis=1)) < 2:
            return ()
        homes = self.pool > 0
        return tuple(
            (condition, self.experiments[int(np.flatnonzero(homes[:, place])[0])])
            for place, condition in enumerate(self.conditions)
            if np.count_nonzero(homes[:, place]) == 1
        )


@dataclass(frozen=True, slots=True)
class HourHistogram:
    """Anchors by hours after infection or perturbation, a histogram a condition.

    Attributes
    ----------
    edges
        (n_bins + 1,) hours.
    conditions
        Labels of the rows.
    drawn, pool
        (n_conditions, n_bins).
    """

    edges: FloatArray
    conditions: tuple[str, ...]
    drawn: IntArray
    pool: IntArray

    @property
    def overlap(self) -> FloatArray:
        """Common area of each two conditions' histograms of what was drawn, 0..1; NaN if one is empty."""
        total = self.drawn.sum(axis=1, keepdims=True)
        share = np.divide(
            self.drawn,
            total,
            out=np.full(self.drawn.shape, np.nan),
            where=np.broadcast_to(total > 0, self.drawn.shape),
        )
        return np.asarray(np.minimum(share[:, None], share[None]).sum(axis=2))


def count_axis(
    labels: tuple[str, ...],
    codes: npt.NDArray[np.integer],
    batch: IntArray,
    n_batches: int,
    pool: npt.NDArray[np.integer],
) -> AxisCounts:
    """Return counts along an axis.

    Parameters
    ----------
    labels
        What the codes number.
    codes, batch
        (n,) code of each anchor drawn, and the number of its batch.
    n_batches
        How many batches there are.
    pool
        (n_labels,) counts of the pool.
    """
    size = len(labels)
    counts = np.bincount(batch * size + codes, minlength=n_batches * size).reshape(n_batches, size)
    return AxisCounts(labels, counts.astype(np.int64), np.asarray(pool, dtype=np.int64))
