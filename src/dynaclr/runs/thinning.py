"""Takes from a long curve the points that a drawing of it shows; changes no data, knows no plots."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ("thinned",)


def thinned(
    steps: npt.NDArray[np.int64], values: npt.NDArray[np.float64], pixels: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the points of a curve that are the lowest or highest of a pixel, in their order.

    Parameters
    ----------
    steps
        (N,) steps, rising.
    values
        (N,) values; NaN is a gap, of which each pixel keeps one.
    pixels
        Width of the drawing. A curve of not more than 2 * pixels points is returned whole.

    Returns
    -------
    steps, values
        At most 3 * pixels + 2 points; the first and the last one are among them.
    """
    if len(steps) <= 2 * pixels or pixels < 1:
        return steps, values
    edges = np.ceil(np.linspace(float(steps[0]), float(steps[-1]) + 1.0, pixels + 1)[:-1]).astype(steps.dtype)
    starts = np.unique(np.searchsorted(steps, edges))  # a pixel without points is left to its neighbour
    gaps = np.isnan(values)
    low = high = values
    if gaps.any():
        low, high = (np.where(gaps, bound, values) for bound in (np.inf, -np.inf))
    stops = np.append(starts[1:], len(values))
    lowest = [low[start:stop].argmin() for start, stop in zip(starts, stops, strict=True)]
    highest = [high[start:stop].argmax() for start, stop in zip(starts, stops, strict=True)]
    ends = (0, len(values) - 1)
    begins = np.flatnonzero(gaps[1:] & ~gaps[:-1]) + 1
    holes = begins[np.unique(np.searchsorted(starts, begins, side="right"), return_index=True)[1]]
    chosen = np.unique(np.concatenate([starts + lowest, starts + highest, ends, holes]))
    return steps[chosen], values[chosen]
