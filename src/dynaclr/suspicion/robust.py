"""Medians and spreads of groups that a few wrong values do not move; knows no cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ("group_median", "robust_scores")

_TO_SIGMA = 1.4826
_FEW = 12


def group_median(
    values: npt.NDArray[np.floating], groups: npt.NDArray[np.integer], n_groups: int
) -> npt.NDArray[np.float64]:
    """Return the median of each group (n_groups,), NaN for an empty one."""
    order = np.lexsort((values, groups))
    ordered = np.asarray(values, dtype=np.float64)[order]
    start = np.searchsorted(groups[order], np.arange(n_groups + 1))
    count = np.diff(start)
    result = np.full(n_groups, np.nan)
    some = count > 0
    low, high = start[:-1] + (count - 1) // 2, start[:-1] + count // 2
    result[some] = (ordered[low[some]] + ordered[high[some]]) / 2
    return result


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
