"""Which points lie inside a drawn outline; takes plain arrays, imports no Qt."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ("inside",)


def inside(
    points: npt.NDArray[np.floating[Any]], outline: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.bool_]:
    """Return which points (N, 2) lie inside a closed outline (M, 2), by the even-odd rule.

    A point that is no number lies outside, as all do of an outline with fewer than three corners.
    """
    result = np.zeros(len(points), dtype=bool)
    if len(outline) < 3:
        return result
    low, high = outline.min(axis=0), outline.max(axis=0)
    near = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
    near = near[np.argsort(points[near, 1], kind="stable")]
    x, y = points[near].T.astype(np.float64)
    odd = np.zeros(near.size, dtype=bool)
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        first, last = np.searchsorted(y, [min(y0, y1), max(y0, y1)])
        crossed = x0 + (y[first:last] - y0) * ((x1 - x0) / (y1 - y0))
        odd[first:last] ^= x[first:last] < crossed
    result[near] = odd
    return result
