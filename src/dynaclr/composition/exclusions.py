"""Why observations are no anchors, by experiment and condition: exclusions are rarely random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynaclr.index import Exclusion, MultiExperimentIndex


@dataclass(frozen=True, slots=True)
class ExclusionTable:
    """Observations by cause of their exclusion.

    Attributes
    ----------
    experiments, conditions, causes
        Labels; the first cause is "anchor": what is not excluded.
    counts
        (n_experiments, n_conditions, n_causes) observations.
    """

    experiments: tuple[str, ...]
    conditions: tuple[str, ...]
    causes: tuple[str, ...]
    counts: npt.NDArray[np.int64]

    @property
    def excluded_share(self) -> npt.NDArray[np.float64]:
        """Share of observations that are no anchors (n_experiments, n_conditions); NaN for no observation."""
        total = self.counts.sum(axis=2)
        kept = np.full(total.shape, np.nan)
        return np.asarray(1.0 - np.divide(self.counts[..., 0], total, out=kept, where=total > 0))


def count_exclusions(index: MultiExperimentIndex) -> ExclusionTable:
    """Return what became of the observations of an index."""
    names, conditions = index.registry.names, index.condition_names
    shape = (len(names), len(conditions), len(Exclusion))
    fov = index.table.fov_of()
    cell = index.fov_experiment[fov].astype(np.int64) * shape[1] + index.fov_condition[fov]
    counts = np.bincount(cell * shape[2] + index.exclusion, minlength=int(np.prod(shape))).reshape(shape)
    causes = ("anchor", *(cause.name.lower().replace("_", " ") for cause in Exclusion if cause))
    return ExclusionTable(tuple(names), tuple(conditions), causes, counts.astype(np.int64))
