"""Times from anchor to positive by experiment, and patches moved at a border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynaclr.composition.pool import Pool
from dynaclr.dataset import PairDraw

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TauCounts:
    """Offsets of the positives of one experiment.

    Attributes
    ----------
    experiment
        Its name.
    interval_hours
        Hours of a frame.
    frames
        (k,) offsets in frames that the law allows.
    law
        (k,) their probabilities, had every offset a candidate.
    requested, realized
        (k,) pairs: offsets that the law asked for, and those that the anchors have.
    """

    experiment: str
    interval_hours: float
    frames: IntArray
    law: npt.NDArray[np.float64]
    requested: IntArray
    realized: IntArray
    moved: int

    @property
    def hours(self) -> npt.NDArray[np.float64]:
        """Offsets in hours (k,)."""
        return np.asarray(self.frames * self.interval_hours)

    @property
    def pairs(self) -> int:
        """Number of pairs."""
        return int(self.realized.sum())

    @property
    def moved_share(self) -> float:
        """Share of pairs at another offset than the law asked for: a track ends or has a gap."""
        return self.moved / max(self.pairs, 1)

    @property
    def collapsed(self) -> bool:
        """Whether all of a range of hours is rounded to one frame."""
        return self.frames.size == 1


@dataclass(frozen=True, slots=True)
class BorderShares:
    """Share of patches that were moved to lie inside the image: of anchors, positives, pairs, the pool."""

    anchors: float
    positives: float
    pairs: float
    pool: float


def tau_counts(pool: Pool, draw: PairDraw) -> tuple[TauCounts, ...]:
    """Return the offsets of each experiment that pairs were drawn from."""
    index, law = pool.index, pool.dataset.law
    experiment = index.fov_experiment[index.table.fov_of(draw.anchor)]
    result = []
    for code in np.unique(experiment).tolist():
        mine = experiment == code
        fov = int(np.flatnonzero(index.fov_experiment == code)[0])
        low, high = law.tau_frames[fov].tolist()
        offsets, weights = law.offsets(np.array([fov]), int(index.table.fov_frames.max()))
        keep = offsets[0] <= high
        count = int(np.count_nonzero(keep))
        result.append(
            TauCounts(
                experiment=index.registry.names[code],
                interval_hours=float(index.fov_interval_hours[fov]),
                frames=offsets[0][keep],
                law=weights[0][keep] / weights[0].sum(),
                requested=np.bincount(draw.requested_frames[mine] - low, minlength=count).astype(np.int64),
                realized=np.bincount(draw.tau_frames[mine] - low, minlength=count).astype(np.int64),
                moved=int(np.count_nonzero(draw.tau_frames[mine] != draw.requested_frames[mine])),
            )
        )
    return tuple(result)


def border_shares(pool: Pool, draw: PairDraw) -> BorderShares:
    """Return how many patches had to be moved."""
    anchors, positives = (pool.index.near_border(rows) for rows in (draw.anchor, draw.positive))
    return BorderShares(
        float(anchors.mean()), float(positives.mean()), float((anchors | positives).mean()), pool.moved
    )
