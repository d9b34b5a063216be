"""How bright the patches of experiments are after normalization; reads no pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynaclr.index import MultiExperimentIndex

_MOST_OF_A_KIND = 48
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Intensities:
    """Brightness of anchors as the network gets them, before augmentation.

    Attributes
    ----------
    experiments, channels
        Names.
    rows
        (n,) table rows that were measured.
    experiment
        (n,) number of the experiment of each.
    means, stds
        (n, C) mean and standard deviation of the pixels of each patch.
    """

    experiments: tuple[str, ...]
    channels: tuple[str, ...]
    rows: npt.NDArray[np.int64]
    experiment: npt.NDArray[np.int64]
    means: FloatArray
    stds: FloatArray

    def of(self, experiment: int | None = None) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation (C,) of all pixels of an experiment, None for all experiments.

        Every patch counts alike: the variance is that inside the patches and that of their means.
        """
        chosen = slice(None) if experiment is None else self.experiment == experiment
        means, stds = self.means[chosen], self.stds[chosen]
        return means.mean(axis=0), np.sqrt((stds**2).mean(axis=0) + means.var(axis=0))


def rows_to_measure(index: MultiExperimentIndex, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Return some of the rows, at most 48 of every experiment and condition, evenly chosen, in order."""
    rows = np.unique(rows[index.readable[rows]])
    kind = index.kinds(rows)
    groups = [np.flatnonzero(kind == number) for number in np.unique(kind)]
    chosen = [group[:: -(-group.size // _MOST_OF_A_KIND)] for group in groups]
    places = np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, dtype=np.int64)
    return np.asarray(rows[places], dtype=np.int64)
