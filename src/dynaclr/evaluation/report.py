"""The first two demonstrations as numbers beside those of baselines; takes encoded views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynaclr.evaluation.metrics import effective_rank, smoothness_ratio
from dynaclr.evaluation.observations import Observations
from dynaclr.evaluation.probes import division_labels, linear_probe
from dynaclr.evaluation.retrieval import recall_at_1

LAGS_FRAMES = (1, 3, 6)


@dataclass(frozen=True, slots=True)
class EncodedViews:
    """Features (N, D) of all observations as they are, and of their patches turned at random."""

    plain: npt.NDArray[np.floating]
    turned: npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Demonstration:
    """Measures by encoder, one value a seed.

    Attributes
    ----------
    values
        {encoder: {measure: values}}.
    chance
        Recall by chance at one frame.
    prevalence
        Share of rows that divide or were just born.
    rows
        Observations that were tested.
    """

    values: dict[str, dict[str, list[float]]]
    chance: float
    prevalence: float
    rows: int

    def median(self, encoder: str, measure: str) -> float:
        """Return the median over seeds."""
        return float(np.median(self.values[encoder][measure]))

    def text(self) -> str:
        """Return a table: median and, with several seeds, the range."""
        measures = list(next(iter(self.values.values())))
        width = max(map(len, self.values)) + 2
        lines = [" " * width + "".join(f"{name:>22}" for name in measures)]
        for encoder, columns in self.values.items():
            lines.append(f"{encoder:<{width}}" + "".join(f"{_cell(columns[name]):>22}" for name in measures))
        lines.append(
            f"{self.rows} test observations; recall by chance {self.chance:.3f}; "
            f"dividing {100 * self.prevalence:.1f} %"
        )
        return "\n".join(lines)


def demonstrate(
    observations: Observations,
    encoders: Mapping[str, Sequence[EncodedViews]],
    test: npt.NDArray[np.bool_],
    train: npt.NDArray[np.bool_],
) -> Demonstration:
    """Measure rotated recall and the division probe of several encoders.

    Parameters
    ----------
    observations
        What the rows are.
    encoders
        {name: one `EncodedViews` a seed}; baselines have one.
    test, train
        (N,) rows that are tested, and rows that standardization is fitted on.
    """
    labels = division_labels(observations)
    values: dict[str, dict[str, list[float]]] = {}
    chance = float("nan")
    for name, seeds in encoders.items():
        columns: dict[str, list[float]] = {}
        for views in seeds:
            plain = recall_at_1(observations, views.plain, views.plain, 1, test, train)
            columns.setdefault("R@1", []).append(plain.value)
            for lag in LAGS_FRAMES:
                recall = recall_at_1(observations, views.plain, views.turned, lag, test, train)
                columns.setdefault(f"R@1 rotated, {lag} fr", []).append(recall.value)
            probe = linear_probe(views.plain[test], labels[test], observations.lineage[test])
            columns.setdefault("division AUROC", []).append(probe.auroc)
            columns.setdefault("division AP", []).append(probe.average_precision)
            inside = observations.subset(test)
            columns.setdefault("smoothness", []).append(smoothness_ratio(views.plain[test], inside))
            columns.setdefault("RankMe", []).append(effective_rank(views.plain[test]))
            chance = plain.chance
        values[name] = columns
    return Demonstration(values, chance, float(labels[test].mean()), int(test.sum()))


def _cell(values: Sequence[float]) -> str:
    middle = f"{np.median(values):.3f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.3f}-{max(values):.3f})"
