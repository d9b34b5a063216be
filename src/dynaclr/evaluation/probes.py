"""What a linear classifier reads out of features, judged on families it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynaclr.evaluation.observations import Observations

_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Probe:
    """Area under the ROC curve, average precision, and the share of positives."""

    auroc: float
    average_precision: float
    prevalence: float


def division_labels(observations: Observations) -> npt.NDArray[np.bool_]:
    """Return which rows divide before the next frame or were just born of a division (N,)."""
    parent = observations.track_parent
    daughters = np.bincount(parent[parent >= 0], minlength=parent.size)
    first, last = observations.ends
    mother = daughters[observations.track] >= 2
    own_parent = parent[observations.track]
    born = (own_parent >= 0) & (daughters[np.maximum(own_parent, 0)] >= 2)
    divides = mother & (observations.t == last[observations.track])
    return np.asarray(divides | (born & (observations.t == first[observations.track])))


def linear_probe(
    features: npt.NDArray[np.floating],
    labels: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.integer],
) -> Probe:
    """Return how well a balanced logistic regression tells labels, in folds that keep groups together.

    NaN where a fold's training part holds a single class.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import average_precision_score, roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    prevalence = float(np.mean(labels))
    if np.unique(groups[labels]).size < _FOLDS or np.unique(groups[~labels]).size < _FOLDS:
        return Probe(float("nan"), float("nan"), prevalence)
    scores = np.zeros(labels.size)
    for train, test in StratifiedGroupKFold(_FOLDS).split(features, labels, groups):
        model = make_pipeline(
            StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000, C=0.1)
        )
        model.fit(features[train], labels[train])
        scores[test] = model.decision_function(features[test])
    return Probe(
        float(roc_auc_score(labels, scores)), float(average_precision_score(labels, scores)), prevalence
    )
