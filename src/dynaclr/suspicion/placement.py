"""How well centroids lie on cells: contrast of images at them, shifts, frames; takes arrays, judges nothing.

Contrast is the mean rank of a map of the image at the centroids minus one half, from -0.5 to 0.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.ndimage import gaussian_filter

_CELL_PX = 2.0  # width of the filter, pixels of the reduced image
_LARGEST_PX = 448  # side of the reduced image
_WINDOW_PX = 8  # half side, pixels of the reduced image
_FEW_POINTS = 20

Images = Mapping[int, npt.NDArray[np.float32]]
"""{frame: (channels, Y, X)}."""


@dataclass(frozen=True, slots=True)
class Points:
    """Centroids of a FOV in pixels of level 0, all (n,).

    Attributes
    ----------
    t, y, x
        Frame and place.
    forward, backward
        (2, n) step (y, x) of the same cell to the next frame and from the frame before, NaN where it is
        not seen there.
    tracks
        How many tracks are seen at the frames that were read.
    """

    t: npt.NDArray[np.int64]
    y: npt.NDArray[np.float64]
    x: npt.NDArray[np.float64]
    forward: npt.NDArray[np.float64]
    backward: npt.NDArray[np.float64]
    tracks: int


@dataclass(frozen=True, slots=True)
class FovView:
    """What is judged of one FOV.

    Attributes
    ----------
    points
        Centroids at all frames.
    maps
        {frame: (features, Y, X)} of `feature_maps`.
    reduction
        Pixels of level 0 in one pixel of the maps.
    pixel_um
        Size of a pixel in micrometers, 1 if unknown.
    """

    points: Points
    maps: Images
    reduction: int
    pixel_um: float


def feature_maps(image: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float32], int]:
    """Return maps in which cells stand out from the ground, and by how much the image was reduced.

    Parameters
    ----------
    image
        (C, Y, X).

    Returns
    -------
    (2 C, Y, X) float32: of every channel the brightness against its surroundings and the local
    roughness, each as ranks in 0..1 that equal values share; and the reduction.
    """
    reduction = max(1, -(-max(image.shape[1:]) // _LARGEST_PX))
    maps = []
    for channel in np.asarray(image, dtype=np.float32):
        height, width = (size // reduction * reduction for size in channel.shape)
        binned = channel[:height, :width]
        binned = binned.reshape(height // reduction, reduction, width // reduction, reduction).mean((1, 3))
        near, far = gaussian_filter(binned, _CELL_PX), gaussian_filter(binned, 5 * _CELL_PX)
        rough = gaussian_filter((binned - near) ** 2, _CELL_PX)
        maps += [_ranks(near - far), _ranks(rough)]
    return np.stack(maps).astype(np.float32), reduction


def _ranks(plane: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Return the rank of every value of a plane in 0..1; equal values share their mean rank."""
    ordered = np.sort(plane, axis=None)
    both = np.searchsorted(ordered, plane, side="left") + np.searchsorted(ordered, plane, side="right")
    return (both / (2.0 * ordered.size)).astype(np.float32)


def contrast(maps: Images, points: Points, reduction: int) -> npt.NDArray[np.float64]:
    """Return rank minus one half of every map at every point whose frame was read (features, n).

    Outside the image it is 0.

    Parameters
    ----------
    maps, reduction
        Of the images.
    points
        Centroids.
    """
    count, height, width = next(iter(maps.values())).shape
    parts = [np.empty((count, 0))]
    for frame, planes in maps.items():
        own = np.flatnonzero(points.t == frame)
        row, column, inside = _pixels(points, own, reduction, (height, width))
        values = planes[:, np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
        parts.append(np.where(inside, values - 0.5, 0.0))
    return np.concatenate(parts, axis=1)


def _pixels(
    points: Points, which: npt.NDArray[np.int64], reduction: int, shape: tuple[int, int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return row and column of points in a reduced image, and whether they are inside."""
    row = np.floor((points.y[which] + 0.5) / reduction).astype(np.int64)
    column = np.floor((points.x[which] + 0.5) / reduction).astype(np.int64)
    return row, column, (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])


def frame_offset(view: FovView, feature: int, sign: float) -> tuple[float, float]:
    """Return by how many steps cells in the images are ahead of their centroids, and its standard error.

    The offset from each centroid to the center of brightness around it is fitted by a multiple of the
    cell's step to the next frame, and of its step from the frame before; the clearer of both counts.
    0 if frames agree, towards 1 if the images are a frame later, towards -1 if they are earlier.
    """
    found = [_slope(view, feature, sign, step) for step in (view.points.forward, view.points.backward)]
    return max(found, key=lambda item: abs(item[0]) / item[1] if item[1] else 0.0)


def _slope(view: FovView, feature: int, sign: float, steps: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the slope of offsets over steps and its standard error, zeros if there are few."""
    offsets, taken = [np.empty((2, 0))], [np.empty((2, 0))]
    for frame, planes in view.maps.items():
        points = view.points
        own = np.flatnonzero((points.t == frame) & np.isfinite(steps[0]))
        y, x = ((place[own] + 0.5) / view.reduction - 0.5 for place in (points.y, points.x))
        rank = planes[feature] if sign > 0 else 1 - planes[feature]
        inside, offset = _centers(-np.log(1 - rank + 0.5 / rank.size), y, x)
        offsets.append(offset)
        taken.append(steps[:, own[inside]] / view.reduction)
    off, step = np.concatenate(offsets, axis=1), np.concatenate(taken, axis=1)
    square = float((step**2).sum())
    if off.shape[1] < _FEW_POINTS or not square:
        return 0.0, 0.0
    off = off - np.median(off, axis=1, keepdims=True)
    slope = float((off * step).sum() / square)
    return slope, float((off - slope * step).std() / np.sqrt(square))


def _centers(
    plane: npt.NDArray[np.floating], y: npt.NDArray[np.float64], x: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Return which points have a whole window around them, and where brightness centers from them (2, m)."""
    row, column = np.floor(y + 0.5).astype(np.int64), np.floor(x + 0.5).astype(np.int64)
    height, width = plane.shape
    reach = _WINDOW_PX
    inside = (row >= reach) & (row < height - reach) & (column >= reach) & (column < width - reach)
    row, column = row[inside], column[inside]
    along = np.arange(-reach, reach + 1)
    windows = plane[(row[:, None] + along)[:, :, None], (column[:, None] + along)[:, None, :]]
    weight = windows**2 + 1e-9
    weight /= weight.sum(axis=(1, 2), keepdims=True)
    center = np.stack([weight.sum(axis=2) @ along, weight.sum(axis=1) @ along])
    return inside, center + np.stack([row - y[inside], column - x[inside]])


def best_shift(view: FovView, feature: int, sign: float) -> tuple[float, float, float]:
    """Return the shift (y, x) in pixels of level 0 by which centroids fit best, and its contrast."""
    total: npt.NDArray[np.float64] | None = None
    shape, count = (0, 0), 0
    for frame, planes in view.maps.items():
        own = np.flatnonzero(view.points.t == frame)
        ranks = planes[feature] - 0.5
        shape = (next_fast_len(2 * ranks.shape[0]), next_fast_len(2 * ranks.shape[1]))
        row, column, inside = _pixels(view.points, own, view.reduction, (ranks.shape[0], ranks.shape[1]))
        marks = np.zeros(ranks.shape)
        np.add.at(marks, (row[inside], column[inside]), 1.0)
        product = rfft2(sign * ranks, shape) * np.conj(rfft2(marks, shape))
        total = product if total is None else total + product
        count += int(np.count_nonzero(inside))
    if total is None or not count:
        return 0.0, 0.0, 0.0
    score = irfft2(total, shape)
    place = np.unravel_index(int(np.argmax(score)), shape)
    shift = [int(p) - size if p > size // 2 else int(p) for p, size in zip(place, shape, strict=True)]
    return shift[0] * view.reduction, shift[1] * view.reduction, float(score[place] / count)
