"""Medians and spreads of groups that a few wrong values do not move."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

_TO_SIGMA = 1.4826
_FEW = 12


def group_median(
    values: npt.NDArray[np.floating], groups: npt.NDArray[np.integer], n_groups: int
) -> npt.NDArray[np.float64]:
    """Return the median of each group (n_groups,), NaN for an empty one."""
    medians = pd.Series(np.asarray(values, dtype=np.float64)).groupby(groups).median()
    return np.array(medians.reindex(range(n_groups)), dtype=np.float64)


def robust_scores(
    values: npt.NDArray[np.floating], groups: npt.NDArray[np.integer], n_groups: int, floor: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return how many spreads each value lies from its group's median (signed), and that median (n,).

    The spread is 1.4826 times the median absolute deviation. A group of few values takes median and
    spread of all values.

    Parameters
    ----------
    values, groups
        (n,) values without NaN, and the group of each.
    n_groups
        Number of groups.
    floor
        Smallest spread, in the unit of the values.
    """
    if not values.size:
        return np.empty(0), np.empty(0)
    few = np.bincount(groups, minlength=n_groups) < _FEW
    middle = group_median(values, groups, n_groups)
    middle[few] = np.median(values)
    off = np.abs(values - middle[groups])
    spread = group_median(off, groups, n_groups)
    spread[few] = np.median(off)
    sigma = np.maximum(_TO_SIGMA * spread, floor)
    return (values - middle[groups]) / sigma[groups], middle[groups]
