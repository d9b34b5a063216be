"""Resamples pixels along one axis to larger or smaller pixels; knows no patches.

A pixel that is `step` stored pixels wide is the mean of what lies in its width, and stored pixels are means
over theirs already. So linear interpolation is averaged over a width of sqrt(step^2 - 1): the variances of
widths add up to that of the larger pixel, detail finer than it is averaged away, a ramp stays the ramp that
it is, and a step of 1 changes nothing. Where pixels get smaller, interpolation is all there is. Beyond the
image its outermost pixels go on.

A pixel has the same weights in whatever patch it lies, and sums run in the order of pixels: reading a cell
alone or in any batch gives the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dynaclr.experiment import reach

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_CACHED = 2**16
"""Pixels that are turned together: what turns within a processor's cache is several times as fast."""


@dataclass(frozen=True, slots=True)
class Taps:
    """How a row of pixels is made from stored pixels.

    Attributes
    ----------
    start, stop
        The stored pixels that are needed, half open.
    weights
        (pixels, stop - start); None if each pixel is a stored one.
    """

    start: int
    stop: int
    weights: csr_matrix | None

    @property
    def size(self) -> int:
        """Number of stored pixels that are needed."""
        return self.stop - self.start


def taps_of(first: int, count: int, step: float, length: int) -> Taps:
    """Return how some pixels of a grid are made from stored pixels.

    Parameters
    ----------
    first, count
        The pixels of the grid.
    step
        Stored pixels a pixel of the grid; its pixel 0 starts where stored pixel 0 does.
    length
        Number of stored pixels.
    """
    return Taps(first, first + count, None) if step == 1 else _taps(first, count, step, length)


@lru_cache(maxsize=2048)
def _taps(first: int, count: int, step: float, length: int) -> Taps:
    from scipy.sparse import csr_matrix

    center = (first + np.arange(count) + 0.5) * step - 0.5
    width = 2 * float(reach(step)) - 2
    near = int(np.floor(width)) + 3  # stored pixels that may count: width and a pixel on either side
    pixel = np.ceil(center - width / 2 - 1).astype(np.int64)[:, None] + np.arange(near)
    away = center[:, None] - pixel
    if width > 0:
        weight = (_integral(away + width / 2) - _integral(away - width / 2)) / width
    else:
        weight = np.maximum(1 - np.abs(away), 0)
    inside = np.clip(pixel, 0, length - 1)
    counts = weight > 0
    used = inside[counts]
    start, stop = int(used.min()), int(used.max()) + 1
    rows = np.concatenate([[0], np.cumsum(counts.sum(axis=1))])
    entries = weight[counts].astype(np.float32), used - start, rows
    return Taps(start, stop, csr_matrix(entries, shape=(count, stop - start)))


def _integral(place: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the integral up to a place of the weight that linear interpolation gives a pixel at 0."""
    near = np.clip(place, -1, 1)
    return np.where(near < 0, (near + 1) ** 2 / 2, 1 - (1 - near) ** 2 / 2)


def resample(pixels: npt.NDArray[np.float32], y: Taps, x: Taps, out: npt.NDArray[np.float32]) -> None:
    """Put pixels (C, Z, Y, X) on another grid.

    Parameters
    ----------
    pixels
        The stored pixels that `y` and `x` need.
    y, x
        How its rows and columns are made.
    out
        Where they go, contiguous.
    """
    c, z, height, width = pixels.shape
    planes = pixels.reshape(c * z, height, width)
    made = out.reshape(c * z, *out.shape[2:])
    together = max(_CACHED // (height * width), 1)
    for first in range(0, c * z, together):
        made[first : first + together] = _planes(planes[first : first + together], y, x)


def _planes(pixels: npt.NDArray[np.float32], y: Taps, x: Taps) -> npt.NDArray[np.float32]:
    """Return some planes (n, Y, X) on another grid."""
    n, height, width = pixels.shape
    rows: Any = np.ascontiguousarray(pixels.transpose(1, 0, 2))  # (Y, n, X)
    if y.weights is not None:
        rows = y.weights @ rows.reshape(height, -1)
    height = len(rows)
    columns: Any = np.ascontiguousarray(rows.reshape(-1, width).T)  # (X, Y * n)
    if x.weights is not None:
        columns = x.weights @ columns
    return np.asarray(columns.reshape(-1, height, n).transpose(2, 1, 0))
