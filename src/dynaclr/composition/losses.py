"""Why observations are no anchors, by experiment and condition: losses are rarely random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynaclr.index import Loss, MultiExperimentIndex


@dataclass(frozen=True, slots=True)
class LossTable:
    """Observations by cause of their loss.

    Attributes
    ----------
    experiments, conditions, causes
        Labels; the first cause is "anchor": what is not lost.
    counts
        (n_experiments, n_conditions, n_causes) observations.
    """

    experiments: tuple[str, ...]
    conditions: tuple[str, ...]
    causes: tuple[str, ...]
    counts: npt.NDArray[np.int64]

    @property
    def lost_share(self) -> npt.NDArray[np.float64]:
        """Share of observations that are no anchor (n_experiments, n_conditions); NaN for no observation."""
        total = self.counts.sum(axis=2)
        kept = np.full(total.shape, np.nan)
        return np.asarray(1.0 - np.divide(self.counts[..., 0], total, out=kept, where=total > 0))


def count_losses(index: MultiExperimentIndex) -> LossTable:
    """Return what became of the observations of an index."""
    names, conditions = index.registry.names, index.condition_names
    shape = (len(names), len(conditions), len(Loss))
    fov = index.table.fov_of()
    cell = index.fov_experiment[fov].astype(np.int64) * shape[1] + index.fov_condition[fov]
    counts = np.bincount(cell * shape[2] + index.loss, minlength=int(np.prod(shape))).reshape(shape)
    causes = ("anchor", *(cause.name.lower().replace("_", " ") for cause in Loss if cause))
    return LossTable(tuple(names), tuple(conditions), causes, counts.astype(np.int64))
