"""How well the condition can be told without looking at a cell: what a network could learn instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynaclr.composition.intensities import Intensities
from dynaclr.index import MultiExperimentIndex

_FOLDS = 5
_MOST_ROWS = 5000
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Source = tuple[str, FloatArray, IntArray | None, str]
"""Name, values (n, features), fold of each row, and what a fold never splits."""


@dataclass(frozen=True, slots=True)
class Confound:
    """How well one condition is told from all others.

    Attributes
    ----------
    source
        What it is told from.
    condition
        Which one.
    auroc
        Area under the ROC curve in folds that keep groups together: 0.5 is chance, 1 gives it away. NaN
        where there are too few groups.
    grouped_by
        What a fold never splits.
    """

    source: str
    condition: str
    auroc: float
    grouped_by: str


def condition_confounds(
    index: MultiExperimentIndex, rows: npt.NDArray[np.integer], intensities: Intensities | None = None
) -> tuple[Confound, ...]:
    """Return how well each condition is told from experiment, time, field of view or brightness alone.

    Folds hold the same part of the fields of view of every experiment and condition, and never split one;
    where there is one field only, of the lineages instead. A field lies in one well and so has one
    condition: told from the FOV, in folds of lineages, the condition is known by design.

    Parameters
    ----------
    index
        The observations.
    rows
        Rows of its table, for example the anchors drawn; at most 5000, evenly chosen, are used.
    intensities
        Mean brightness of some anchors; None if no pixels were read.
    """
    rows = rows[:: max(-(-rows.size // _MOST_ROWS), 1)]
    fov = index.table.fov_of(rows)
    folds, unit, lineage = _grouped(index, rows)
    experiment = np.eye(len(index.registry.names))[index.fov_experiment[fov]]
    frame = index.table.t[rows].astype(np.float64)[:, None]
    # FOVs of one condition side by side: a small tree finds them
    place = index.fov_condition[fov] + fov / (len(index.fovs) + 1)
    sources = (
        ("experiment", experiment, folds, unit),
        ("hours", index.hours(rows)[:, None], folds, unit),
        ("experiment and frame", np.hstack([experiment, frame]), folds, unit),
        ("FOV", place[:, None], lineage, "lineage"),
    )
    found = _told(index, rows, sources)
    if intensities is None or not intensities.rows.size:
        return found
    folds, unit, _ = _grouped(index, intensities.rows)
    return found + _told(index, intensities.rows, [("mean intensity", intensities.means, folds, unit)])


def _grouped(
    index: MultiExperimentIndex, rows: npt.NDArray[np.integer]
) -> tuple[IntArray | None, str, IntArray | None]:
    """Return folds of fields of view, or of lineages where there are too few; the unit; folds of lineages."""
    cell = index.kinds(rows)
    lineage = _folds(cell, index.table.forest.root[index.table.track[rows]])
    whole = _folds(cell, index.table.fov_of(rows))
    return (lineage, "lineage", lineage) if whole is None else (whole, "FOV", lineage)


def _told(
    index: MultiExperimentIndex, rows: npt.NDArray[np.integer], sources: Iterable[Source]
) -> tuple[Confound, ...]:
    """Return how well the condition of each row is told from each source."""
    condition = index.fov_condition[index.table.fov_of(rows)]
    present = np.unique(condition)
    told = present[:1] if present.size == 2 else present  # of two, the other is the mirror image
    return tuple(
        Confound(name, index.condition_names[code], _auroc(values, condition == code, part), grouped_by)
        for code in told.tolist()
        for name, values, part, grouped_by in sources
        if present.size > 1
    )


def _folds(cell: npt.NDArray[np.integer], group: npt.NDArray[np.integer]) -> IntArray | None:
    """Return the fold of each row (n,), each with its part of the groups of every cell; None for too few."""
    pairs = np.unique(np.column_stack([cell, group]), axis=0)
    starts = np.flatnonzero(np.r_[True, np.diff(pairs[:, 0]) != 0])
    sizes = np.diff(np.r_[starts, len(pairs)])
    count = min(int(sizes.min()), _FOLDS)
    if count < 2:
        return None
    rank = np.arange(len(pairs)) - np.repeat(starts, sizes)
    order = np.argsort(pairs[:, 1])
    return np.asarray((rank % count)[order][np.searchsorted(pairs[order, 1], group)], dtype=np.int64)


def _auroc(values: FloatArray, labels: npt.NDArray[np.bool_], folds: IntArray | None) -> float:
    """Return the AUROC of a small tree that has not seen the fold it is asked about; NaN without folds."""
    from sklearn.metrics import roc_auc_score
    from sklearn.tree import DecisionTreeClassifier

    if folds is None:
        return float("nan")
    scores = np.zeros(labels.size)
    for number in range(int(folds.max()) + 1):
        test = folds == number
        leaf = max(np.count_nonzero(~test) // 50, 1)
        tree = DecisionTreeClassifier(min_samples_leaf=leaf, class_weight="balanced", random_state=0)
        scores[test] = tree.fit(values[~test], labels[~test]).predict_proba(values[test])[:, 1]
    return float(roc_auc_score(labels, scores))
