"""Figures of an embedding over time; none of them alone separates trained from untrained."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from dynaclr.base.random import BatchKey, Purpose, uniforms
from dynaclr.evaluation.observations import Observations

Features = npt.NDArray[np.floating]


def _cosine_distance(features: Features, a: npt.NDArray[np.integer], b: npt.NDArray[np.integer]) -> Features:
    norm = np.maximum(np.linalg.norm(features, axis=1), 1e-12)
    return np.asarray(1 - (features[a] * features[b]).sum(axis=1) / (norm[a] * norm[b]))


def standardized(features: Features) -> npt.NDArray[np.float64]:
    """Return features (N, D) with mean 0 and deviation 1."""
    values = np.asarray(features, dtype=np.float64)
    return np.asarray((values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-9))


def smoothness_ratio(features: Features, observations: Observations, seed: int = 0) -> float:
    """Return mean cosine distance of adjacent frames over that of as many random pairs; lower is smoother."""
    first, second = observations.adjacent()
    if not first.size:
        return float("nan")
    draw = uniforms(BatchKey(seed, 0, 0), Purpose.AUDIT, first.size, 2)
    a = (draw[:, 0] * len(observations)).astype(np.int64)
    b = (a + 1 + (draw[:, 1] * (len(observations) - 1)).astype(np.int64)) % len(observations)
    values = standardized(features)
    return float(_cosine_distance(values, first, second).mean() / _cosine_distance(values, a, b).mean())


def temporal_order(features: Features, observations: Observations) -> float:
    """Return Spearman's rho of time difference and cosine distance over all pairs within tracks."""
    values = standardized(features)
    gaps, distances = [], []
    for track in np.unique(observations.track):
        rows = np.flatnonzero(observations.track == track)
        a, b = (rows[place] for place in np.triu_indices(rows.size, 1))
        gaps.append(np.abs(observations.t[a] - observations.t[b]))
        distances.append(_cosine_distance(values, a, b))
    if not sum(item.size for item in gaps):
        return float("nan")
    return float(spearmanr(np.concatenate(gaps), np.concatenate(distances)).statistic)


def effective_rank(features: Features) -> float:
    """Return RankMe: exp of the entropy of the normalized singular values (Garrido et al., ICML 2023)."""
    singular = np.linalg.svd(np.asarray(features, dtype=np.float64), compute_uv=False)
    share = singular / max(singular.sum(), 1e-12) + 1e-7
    return float(np.exp(-(share * np.log(share)).sum()))
