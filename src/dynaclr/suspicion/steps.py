"""How the images move at centroids, and which frames of the tracks move alike; takes arrays.

A cell's way from one frame to the next is measured in the images alone, by template matching. The steps of
its track must be the same at the same frames: at other frames they are other steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve

from dynaclr.suspicion.evidence import Gain, gain
from dynaclr.suspicion.view import FovView, Points

_TEMPLATE_PX, _REACH_PX = 12, 12  # half sides
_LEAST_MATCH = 0.5
_LEAST_AGREED, _LEAST_SLOPE = 0.2, 0.3  # of steps that tell a drift
_LARGEST_PX = 5.0  # a mismatch beyond it counts as this: the template found something else
LAGS = np.array([frames for frames in range(-10, 11) if frames])
"""Numbers of frames that are tried."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lag:
    """Frames that fit better.

    Attributes
    ----------
    frames
        By how many the frames of the table are too late.
    given, after
        Correlation of steps in images and tracks as given, and after correction.
    gain
        By how much, pixels.
    """

    frames: int
    given: float
    after: float
    gain: Gain


def match(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating], y: Floats, x: Floats) -> Floats:
    """Return where what lies around points of one image lies in the next, as steps (2, n), NaN if unclear.

    Parameters
    ----------
    first, second
        (Y, X).
    y, x
        (n,) points in pixels.
    """
    margin = _TEMPLATE_PX + _REACH_PX
    place = np.floor(np.clip(np.stack([y, x]), -1e9, 1e9) + 0.5).astype(np.int64)
    size = np.array(first.shape)[:, None]
    steps = np.full(place.shape, np.nan)
    inside = np.flatnonzero(((place >= margin) & (place < size - margin)).all(axis=0))
    if not inside.size:
        return steps
    templates = _windows(first, place[:, inside], _TEMPLATE_PX)
    areas = _windows(second, place[:, inside], margin)
    score = _correlation(templates, areas)
    best = score.reshape(inside.size, -1).argmax(axis=1)
    peak = np.stack(np.unravel_index(best, score.shape[1:]))
    at_edge = ((peak == 0) | (peak == 2 * _REACH_PX)).any(axis=0)
    clear = ~at_edge & (score.reshape(inside.size, -1)[np.arange(inside.size), best] >= _LEAST_MATCH)
    number, peak = np.flatnonzero(clear), peak[:, clear]
    for axis, unit in enumerate(np.eye(2, dtype=np.int64)[:, :, None]):
        low, middle, high = (score[number, *(peak + step * unit)] for step in (-1, 0, 1))
        bend = np.minimum(low + high - 2 * middle, -1e-12)
        steps[axis, inside[clear]] = peak[axis] - _REACH_PX + (low - high) / (2 * bend)
    return steps


def _windows(image: npt.NDArray[np.floating], center: npt.NDArray[np.int64], half: int) -> Floats:
    along = np.arange(-half, half + 1)
    row, column = center[:, :, None] + along
    windows = image[row[:, :, None], column[:, None, :]].astype(np.float64)
    return np.asarray(windows - windows.mean(axis=(1, 2), keepdims=True))


def _correlation(templates: Floats, areas: Floats) -> Floats:
    """Return the normalized correlation of each template with its area at every place."""
    product = fftconvolve(areas, templates[:, ::-1, ::-1], mode="valid", axes=(1, 2))
    ones = np.ones((1, *templates.shape[1:]))
    sums, squares = (fftconvolve(item, ones, mode="valid", axes=(1, 2)) for item in (areas, areas**2))
    spread = (templates**2).sum(axis=(1, 2))[:, None, None] * (squares - sums**2 / ones.size)
    flat = spread <= 1e-9 * spread.max(initial=0.0)
    return np.where(flat, 0.0, product / np.sqrt(np.where(flat, 1.0, spread)))


def _track_steps(points: Points, track: npt.NDArray[np.int64], t: npt.NDArray[np.int64]) -> Floats:
    """Return the steps (2, n) that tracks make after frames, NaN where they are not seen."""
    span = int(points.t.max(initial=0)) + 2
    key = points.track * span + points.t
    order = np.argsort(key)
    key = key[order]
    ends = []
    for frame in (t, t + 1):
        wanted = track * span + frame
        found = np.minimum(np.searchsorted(key, wanted), max(key.size - 1, 0))
        seen = (frame >= 0) & (frame < span) & (key[found] == wanted) if key.size else np.zeros(t.size, bool)
        row = order[found] if key.size else found
        ends.append(np.where(seen, [points.y[row], points.x[row]], np.nan))
    return np.asarray(ends[1] - ends[0])


def best_lag(views: Sequence[FovView]) -> Lag | None:
    """Return the number of frames by which tracks fit the motion in the images best, None if nothing is seen.

    Parameters
    ----------
    views
        FOVs that share one error.
    """
    channels = range(views[0].steps.moved.shape[0])
    found = [_lag(views, channel, int(frames)) for channel in channels for frames in LAGS]
    return max((lag for lag in found if lag is not None), key=lambda lag: lag.after, default=None)


def agreement(views: Sequence[FovView], frames: int = 0) -> float:
    """Return the correlation of steps in images and tracks so many frames later, in the clearest channel."""
    table = np.concatenate(
        [_track_steps(view.points, view.steps.track, view.steps.t + frames) for view in views], axis=1
    )
    image = np.concatenate([view.steps.moved for view in views], axis=2)
    return max(_correlated(moved, table) for moved in image)


@dataclass(frozen=True, slots=True)
class Drift:
    """A constant step of the tracks that the images do not make.

    Attributes
    ----------
    a_frame
        (y, x) in pixels that the images move a frame beside the tracks.
    gain
        By how much it is more than nothing, in its direction.
    """

    a_frame: tuple[float, float]
    gain: Gain


def drift_of(views: Sequence[FovView]) -> Drift | None:
    """Return the steps that tracks make beside the images, None if there are none or they are not clear.

    Steps in images are too short where the ground does not move with the cell, and steps of tracks are
    rough. Either makes cells that all move one way look like a drift, but in opposite directions: the
    drift is what is left with the slope 1, and with the slope that fits.
    """
    best: tuple[float, Drift] | None = None
    for channel in range(views[0].steps.moved.shape[0]):
        image, table, code = _pairs(views, channel, 0)
        near = np.hypot(*(image - table)) < _LARGEST_PX
        image, table = image[:, near], table[:, near]
        if not near.any() or not table.any():
            continue
        agreed = _correlated(image, table)
        off, number = _of_tracks(image - table, code[near])
        centered = [steps - steps.mean(axis=1, keepdims=True) for steps in (image, table)]
        slope = float((centered[0] * centered[1]).sum() / max((centered[1] ** 2).sum(), 1e-9))
        mean, fitted = (image - table).mean(axis=1), image.mean(axis=1) - slope * table.mean(axis=1)
        length = float(np.hypot(*mean))
        if agreed < _LEAST_AGREED or slope < _LEAST_SLOPE or not length:
            continue
        along = mean / length
        if along @ fitted < slope * length / 4:
            continue
        found = Drift((float(mean[0]), float(mean[1])), gain(along @ off, np.zeros(number.size), number))
        if best is None or agreed > best[0]:
            best = agreed, found
    return None if best is None else best[1]


def _of_tracks(values: Floats, code: npt.NDArray[np.int64]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return the means (k, tracks) of values (k, n) of tracks, and of how many each is."""
    _, code = np.unique(code, return_inverse=True)
    number = np.bincount(code)
    return np.stack([np.bincount(code, weights=row) for row in values]) / number, number


def _pairs(
    views: Sequence[FovView], channel: int, frames: int
) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Return steps (2, n) in images and of tracks some frames later where both are seen, and the track."""
    images, tables, tracks = [], [], []
    for number, view in enumerate(views):
        steps = view.steps
        table = _track_steps(view.points, steps.track, steps.t + frames)
        image = steps.moved[channel]
        seen = np.isfinite(image + table).all(axis=0)
        images.append(image[:, seen])
        tables.append(table[:, seen])
        tracks.append(steps.track[seen] * len(views) + number)
    return np.concatenate(images, axis=1), np.concatenate(tables, axis=1), np.concatenate(tracks)


def _correlated(image: Floats, table: Floats) -> float:
    seen = np.isfinite(image + table)
    one, two = image[seen], table[seen]
    if one.size < 20 or not one.std() or not two.std():
        return 0.0
    return float(np.corrcoef(one, two)[0, 1])


def _lag(views: Sequence[FovView], channel: int, frames: int) -> Lag | None:
    """Compare the steps of tracks some frames later with those as given, where both are seen."""
    parts: list[tuple[Floats, Floats, Floats]] = []
    tracks = []
    for number, view in enumerate(views):
        steps, image = view.steps, view.steps.moved[channel]
        given, later = (_track_steps(view.points, steps.track, steps.t + late) for late in (0, frames))
        seen = np.isfinite(image + given + later).all(axis=0)
        parts.append((image[:, seen], given[:, seen], later[:, seen]))
        tracks.append(steps.track[seen] * len(views) + number)
    image, given, later = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
    if not image.size:
        return None
    off = [np.minimum(np.hypot(*(image - table)), _LARGEST_PX) for table in (later, given)]
    means, count = _of_tracks(np.stack(off), np.concatenate(tracks))
    better = gain(-means[0], -means[1], count)
    return Lag(frames, _correlated(image, given), _correlated(image, later), better)
