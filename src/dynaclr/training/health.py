"""Figures that show a collapsing embedding while it trains; tensors in, one number out."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

_MOST_ROWS = 512


def alignment(first: Tensor, second: Tensor) -> Tensor:
    """Return the mean squared distance of pairs (B, D) on the unit sphere (Wang and Isola, ICML 2020)."""
    a, b = functional.normalize(first.float(), dim=1), functional.normalize(second.float(), dim=1)
    return (a - b).square().sum(dim=1).mean()


def uniformity(features: Tensor) -> Tensor:
    """Return log mean exp(-2 d^2) over all pairs of rows (B, D) on the unit sphere (same source).

    0 is a collapsed embedding, about -4 a uniform one in many dimensions. At most 512 rows are used.
    """
    points = functional.normalize(features.float(), dim=1)[:_MOST_ROWS]
    if points.shape[0] < 2:
        return points.new_zeros(())
    return torch.pdist(points).square().mul(-2).exp().mean().log()


def effective_rank(features: Tensor) -> Tensor:
    """Return exp of the entropy of the normalized singular values of (B, D) (Garrido et al., ICML 2023).

    NaN where a feature is not finite: a diagnostic ends no training.
    """
    features = features.float()[: 4 * _MOST_ROWS]
    singular = torch.linalg.svdvals(features.nan_to_num(0.0, 0.0, 0.0))
    share = singular / singular.sum().clamp_min(1e-12) + 1e-7
    entropy: Tensor = -(share * share.log()).sum()
    return torch.where(features.isfinite().all(), entropy.exp(), math.nan)
