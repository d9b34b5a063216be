"""How much of the pool batches show, how soon, and whether ranks share work out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynaclr.base.numbering import AnchorNumbers
from dynaclr.composition.pool import Pool

IntArray = npt.NDArray[np.int64]

_GOAL = 0.95


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which anchors were seen.

    Attributes
    ----------
    anchors
        All there are.
    seen
        (n_batches,) distinct anchors seen after each batch.
    batches_per_epoch
        Batches of an epoch over all ranks.
    distinct_per_epoch
        Mean number of distinct anchors of the whole epochs drawn; NaN if none is whole.
    epochs_to_goal
        Epochs until 95 % of the anchors are seen; infinite if some are never drawn.
    estimated
        Whether that is extrapolated from how often each experiment and condition was drawn.
    max_repeats
        Most often one anchor was seen.
    ranks
        Number of ranks that the next two are about.
    same_batches
        Steps at which two ranks get the same batch: must be 0.
    shared_anchors
        Mean number of anchors a step that more than one rank gets.
    """

    anchors: int
    seen: IntArray
    batches_per_epoch: int
    distinct_per_epoch: float
    epochs_to_goal: float
    estimated: bool
    max_repeats: int
    ranks: int
    same_batches: int
    shared_anchors: float


def count_coverage(
    pool: Pool,
    anchors: AnchorNumbers,
    batch: IntArray,
    epochs: IntArray,
    batches_per_epoch: int,
    ranks: int = 2,
) -> Coverage:
    """Return which anchors were seen.

    Parameters
    ----------
    pool
        All anchors.
    anchors, batch
        (n,) anchors drawn and the batch of each, batch after batch.
    epochs
        (n_batches,) epoch of each batch.
    batches_per_epoch
        Batches of an epoch over all ranks.
    ranks
        Ranks that consecutive batches are shared out to.
    """
    first = np.full(len(pool), -1, dtype=np.int64)
    distinct, where, repeats = np.unique(anchors, return_index=True, return_counts=True)
    first[distinct] = batch[where]
    new = np.bincount(first[distinct], minlength=epochs.size)
    seen = np.cumsum(new).astype(np.int64)
    same, shared = _between_ranks(anchors, batch, epochs.size, ranks)
    reached = np.flatnonzero(seen >= _GOAL * len(pool))
    estimated = reached.size == 0
    if estimated:
        goal = _extrapolated(pool, anchors, epochs.size / max(batches_per_epoch, 1))
    else:
        goal = float(reached[0] + 1) / max(batches_per_epoch, 1)
    return Coverage(
        anchors=len(pool),
        seen=seen,
        batches_per_epoch=batches_per_epoch,
        distinct_per_epoch=_per_epoch(anchors, epochs[batch], epochs, batches_per_epoch),
        epochs_to_goal=goal,
        estimated=estimated,
        max_repeats=int(repeats.max()),
        ranks=ranks,
        same_batches=same,
        shared_anchors=shared,
    )


def _per_epoch(anchors: AnchorNumbers, epoch: IntArray, epochs: IntArray, batches_per_epoch: int) -> float:
    names, batches = np.unique(epochs, return_counts=True)
    whole = names[batches >= batches_per_epoch]
    sizes = [np.unique(anchors[epoch == name]).size for name in whole]
    return float(np.mean(sizes)) if sizes else float("nan")


def _extrapolated(pool: Pool, anchors: AnchorNumbers, epochs: float) -> float:
    """Return after how many epochs 95 % are seen if the anchors of a cell are drawn equally often."""
    cell = pool.cell_of_fov[pool.fov]
    drawn = np.bincount(cell[anchors], minlength=pool.crossing.size).astype(np.float64)
    size = pool.crossing.ravel().astype(np.float64)
    rate = np.divide(drawn, size * epochs, out=np.zeros(size.size), where=size > 0)
    share = size / size.sum()
    if share[rate > 0].sum() < _GOAL:
        return float("inf")
    low, high = 0.0, 1.0
    while share @ -np.expm1(-rate * high) < _GOAL:
        high *= 2
        if high > 1e9:
            return float("inf")
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if share @ -np.expm1(-rate * middle) >= _GOAL else (middle, high)
    return high


def _between_ranks(anchors: AnchorNumbers, batch: IntArray, n_batches: int, ranks: int) -> tuple[int, float]:
    """Return steps with two equal batches, and mean anchors of a step that two ranks or more get."""
    steps = n_batches // ranks
    if not steps or ranks < 2:
        return 0, 0.0
    starts = np.searchsorted(batch, np.arange(n_batches + 1))
    same = 0
    for step in range(steps):
        parts = [
            anchors[starts[k] : starts[k + 1]].tobytes() for k in range(step * ranks, (step + 1) * ranks)
        ]
        same += len(set(parts)) < ranks
    inside = batch < steps * ranks
    size = int(anchors.max()) + 1
    held = (
        np.unique((batch[inside] // ranks * size + anchors[inside]) * ranks + batch[inside] % ranks) // ranks
    )
    shared = np.unique(held[1:][held[1:] == held[:-1]])
    return same, float(shared.size / steps)
