"""How well centroids lie on cells: contrast of images at them, shifts, drifts; takes arrays, judges nothing.

Contrast is the mean rank of a map of the image at the centroids minus one half, from -0.5 to 0.5.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.ndimage import gaussian_filter

from dynaclr.suspicion.view import FovView, Images, Points

_CELL_PX = 2.0  # width of the filter, pixels of the reduced image
_LARGEST_PX = 448  # side of the reduced image
_COARSE = 2  # pixels of the reduced image in one of the maps that shifts are looked for in
_DRIFT_PX = 24  # farthest end of a drift from its middle, coarse pixels
_DRIFT_STEP = 2
_RING_PX = 12.0  # radius of what surrounds a cell, pixels of the reduced image
_RING = np.stack([np.sin(np.arange(8) * np.pi / 4), np.cos(np.arange(8) * np.pi / 4)], axis=1)

Floats = npt.NDArray[np.float64]


def feature_maps(image: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float32], int]:
    """Return maps in which cells stand out from the ground, and by how much the image was reduced.

    Parameters
    ----------
    image
        (C, Y, X).

    Returns
    -------
    (features, Y, X) float32: of every channel the brightness against its surroundings and the local
    roughness, and of several channels the greatest brightness, each as ranks in 0..1 that equal values
    share; and the reduction.
    """
    reduction = max(1, -(-max(image.shape[1:]) // _LARGEST_PX))
    maps = []
    for channel in np.asarray(image, dtype=np.float32):
        binned = _binned(np.nan_to_num(channel, posinf=0.0, neginf=0.0), reduction)
        near, far = gaussian_filter(binned, _CELL_PX), gaussian_filter(binned, 5 * _CELL_PX)
        rough = gaussian_filter((binned - near) ** 2, _CELL_PX)
        maps += [_ranks(near - far), _ranks(rough)]
    if len(maps) > 2:
        maps.append(_ranks(np.maximum.reduce(maps[::2])))
    return np.stack(maps).astype(np.float32), reduction


def _binned(plane: npt.NDArray[np.floating], factor: int) -> npt.NDArray[np.floating]:
    """Return a plane (..., Y, X) reduced by a factor; what is left over at the end is not used."""
    height, width = (size // factor for size in plane.shape[-2:])
    whole = plane[..., : height * factor, : width * factor]
    return np.asarray(whole.reshape(*plane.shape[:-2], height, factor, width, factor).mean((-3, -1)))


def _ranks(plane: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Return the rank of every value of a plane in 0..1; equal values share their mean rank."""
    ordered = np.sort(plane, axis=None)
    both = np.searchsorted(ordered, plane, side="left") + np.searchsorted(ordered, plane, side="right")
    return (both / (2.0 * ordered.size)).astype(np.float32)


def contrast(maps: Images, points: Points, reduction: int) -> Floats:
    """Return the mean contrast of tracks at frames that were read (features, tracks), by `seen_tracks`.

    A point outside the image counts as 0.

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
        which = np.flatnonzero(points.t == frame)
        row, column, inside = _pixels(points, which, reduction, (height, width))
        values = planes[:, np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
        parts.append(np.where(inside, values - 0.5, 0.0))
    values = np.concatenate(parts, axis=1)
    _, code, number = seen_tracks(maps, points)
    return np.stack([np.bincount(code, weights=row, minlength=number.size) for row in values]) / number


def seen_tracks(
    maps: Images, points: Points
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """Return the tracks seen at frames that were read, which is each point's there, and how often each is."""
    own = np.concatenate([np.flatnonzero(points.t == frame) for frame in maps])
    tracks, code, number = np.unique(points.track[own], return_inverse=True, return_counts=True)
    return tracks, code, number


def _pixels(
    points: Points, which: npt.NDArray[np.int64], reduction: int, shape: tuple[int, int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return row and column of points in a reduced image, and whether they are inside."""
    # A number in a file may be as large as it likes: it is outside of every image.
    place = np.clip(np.stack([points.y[which], points.x[which]]), -1e9, 1e9)
    row, column = np.floor((place + 0.5) / reduction).astype(np.int64)
    return row, column, (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])


@dataclass(frozen=True, slots=True)
class Move:
    """Displacement of cells from their centroids in pixels of level 0.

    Attributes
    ----------
    at_zero
        (y, x) at frame 0.
    a_frame
        (y, x) that is added with every frame.
    """

    at_zero: tuple[float, float]
    a_frame: tuple[float, float] = (0.0, 0.0)

    def of(self, points: Points) -> Points:
        """Return the centroids moved to the cells."""
        y, x = (
            place + start + step * points.t
            for place, start, step in zip((points.y, points.x), self.at_zero, self.a_frame, strict=True)
        )
        return replace(points, y=y, x=x)

    @classmethod
    def between(cls, ends: npt.NDArray[np.floating], frames: tuple[int, int]) -> Move:
        """Return the move that is `ends` (2, 2), by end and axis, at two frames."""
        first, last = ends
        step = (last - first) / max(frames[1] - frames[0], 1)
        start = first - step * frames[0]
        return cls((float(start[0]), float(start[1])), (float(step[0]), float(step[1])))

    def at(self, frame: int) -> Floats:
        """Return the displacement (y, x) at a frame."""
        return np.asarray(np.array(self.at_zero) + frame * np.array(self.a_frame))

    def length(self, frames: int) -> float:
        """Return how far it goes over some frames, pixels."""
        return float(np.hypot(*self.a_frame)) * frames


@dataclass(frozen=True, slots=True)
class Correlations:
    """How the maps of a FOV fit its points at every shift.

    Attributes
    ----------
    sums
        {frame: (features, 2 Y + 1, 2 X + 1)} sums of rank minus one half over the points.
    pixel
        Pixels of level 0 in one shift.
    """

    sums: Mapping[int, npt.NDArray[np.float32]]
    pixel: int


def correlations(view: FovView, tracks: npt.NDArray[np.bool_]) -> Correlations:
    """Return how maps fit the points of some tracks, shifted by up to half an image.

    Parameters
    ----------
    view
        The FOV.
    tracks
        (n,) which points count.
    """
    sums = {}
    for frame, planes in view.maps.items():
        ranks = _binned(planes, _COARSE) - 0.5
        height, width = ranks.shape[1:]
        reach = height // 2, width // 2
        shape = (next_fast_len(height + reach[0]), next_fast_len(width + reach[1]))
        own = np.flatnonzero((view.points.t == frame) & tracks)
        row, column, inside = _pixels(view.points, own, view.reduction * _COARSE, (height, width))
        marks = np.zeros((height, width))
        np.add.at(marks, (row[inside], column[inside]), 1.0)
        score = irfft2(rfft2(ranks, shape) * np.conj(rfft2(marks, shape)), shape)
        y, x = (np.arange(-half, half + 1) % size for half, size in zip(reach, shape, strict=True))
        sums[frame] = score[:, y[:, None], x].astype(np.float32)
    return Correlations(sums, view.reduction * _COARSE)


def best_shift(found: Sequence[Correlations], feature: int, sign: float) -> Move:
    """Return the shift that fits best, the same for all FOVs of one size."""
    alike = _of_one_size(found)
    total = sign * np.sum([planes[feature] for item in alike for planes in item.sums.values()], axis=0)
    y, x = np.unravel_index(int(total.argmax()), total.shape)
    pixel = alike[0].pixel
    shift = [float((place - size // 2) * pixel) for place, size in zip((y, x), total.shape, strict=True)]
    return Move((shift[0], shift[1]))


def best_drift(found: Sequence[Correlations], feature: int, sign: float) -> Move | None:
    """Return the shift that grows with the frame and fits best, None if only one frame was read."""
    alike = _of_one_size(found)
    frames: dict[int, npt.NDArray[np.floating]] = {}
    for item in alike:
        for frame, planes in item.sums.items():
            frames[frame] = frames.get(frame, 0.0) + sign * planes[feature]
    first, last = min(frames), max(frames)
    half = (last - first) / 2
    if not half:
        return None
    pixel, shape = alike[0].pixel, next(iter(frames.values())).shape
    most = min(_DRIFT_PX, min(shape) // 6)

    def fit(y: int, x: int) -> tuple[float, tuple[int, int], tuple[int, int]]:
        """Return the contrast of a drift from the middle to the end, that drift, and the middle's shift."""
        total: npt.NDArray[np.floating] | float = 0.0
        for frame, plane in frames.items():
            place = [most + round(step * ((frame - first) / half - 1)) for step in (y, x)]
            window = (slice(at, at + size - 2 * most) for at, size in zip(place, shape, strict=True))
            total = total + plane[tuple(window)]
        at = np.unravel_index(int(np.argmax(total)), np.shape(total))
        middle = [int(at[axis]) + most - shape[axis] // 2 for axis in (0, 1)]
        return float(np.max(total)), (y, x), (middle[0], middle[1])

    coarse = range(-most, most + 1, _DRIFT_STEP)
    _, (y, x), _ = max(itertools.starmap(fit, itertools.product(coarse, coarse)))
    near = (range(max(at - 1, -most), min(at + 1, most) + 1) for at in (y, x))
    _, ends, middle = max(itertools.starmap(fit, itertools.product(*near)))
    step = [end * pixel / half for end in ends]
    start = [at * pixel - slope * (first + half) for at, slope in zip(middle, step, strict=True)]
    return Move((start[0], start[1]), (step[0], step[1]))


def ring(points: Points, reduction: int) -> list[Points]:
    """Return the points moved to eight places around the cells."""
    return [Move((y, x)).of(points) for y, x in (_RING_PX * reduction * _RING).tolist()]


def _of_one_size(found: Sequence[Correlations]) -> list[Correlations]:
    """Return those that can be added: of the size that most have."""
    kinds: dict[tuple[object, ...], list[Correlations]] = {}
    for item in found:
        kinds.setdefault((item.pixel, *next(iter(item.sums.values())).shape), []).append(item)
    return max(kinds.values(), key=len)
