"""Whether centroids lie on cells: contrast of the image at them, as given and as they might be meant.

Takes images and points as arrays; knows no names and no files. Contrast is the mean rank of the image
at the centroids minus one half, from -0.5 to 0.5; certainty is that in standard errors, as if every
track were one independent point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.ndimage import gaussian_filter

__all__ = (
    "AS_GIVEN",
    "FovVerdict",
    "FovView",
    "Points",
    "best_shift",
    "contrast",
    "feature_maps",
    "frame_offset",
    "judge_fovs",
)

AS_GIVEN = "as given"
_CELL_PX = 2.0  # width of the filter, pixels of the reduced image
_LARGEST_PX = 448  # side of the reduced image
_CERTAIN = 4.0
_CERTAIN_SHIFT = 6.0  # the best of very many shifts
_WEAK = 0.5  # of the contrast that other FOVs have
_MOST_COMPARED = 24
_WINDOW_PX = 8  # half side, pixels of the reduced image
_FEW_POINTS = 20
_SLOPE = 0.3  # of a step; the window takes part of it away

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
        Size of a pixel in micrometres, 1 if unknown.
    """

    points: Points
    maps: Images
    reduction: int
    pixel_um: float


@dataclass(slots=True)
class FovVerdict:
    """What fits a FOV best.

    Attributes
    ----------
    contrast
        Contrast at the centroids as they are given.
    usual
        Contrast that fitting FOVs of the experiment have.
    best
        Name of the explanation that fits best, `AS_GIVEN` if none fits better.
    best_contrast, certainty
        Contrast of that explanation, and by how many standard errors it fits better.
    fits
        Whether the centroids as given lie on cells.
    """

    contrast: float = 0.0
    usual: float = 0.0
    best: str = AS_GIVEN
    best_contrast: float = 0.0
    certainty: float = 0.0
    fits: bool = True


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

    The offset from each centroid to the centre of brightness around it is fitted by a multiple of the
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
        inside, offset = _centres(-np.log(1 - rank + 0.5 / rank.size), y, x)
        offsets.append(offset)
        taken.append(steps[:, own[inside]] / view.reduction)
    off, step = np.concatenate(offsets, axis=1), np.concatenate(taken, axis=1)
    square = float((step**2).sum())
    if off.shape[1] < _FEW_POINTS or not square:
        return 0.0, 0.0
    off = off - np.median(off, axis=1, keepdims=True)
    slope = float((off * step).sum() / square)
    return slope, float((off - slope * step).std() / np.sqrt(square))


def _centres(
    plane: npt.NDArray[np.floating], y: npt.NDArray[np.float64], x: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Return which points have a whole window around them, and where brightness centres from them (2, m)."""
    row, column = np.floor(y + 0.5).astype(np.int64), np.floor(x + 0.5).astype(np.int64)
    height, width = plane.shape
    reach = _WINDOW_PX
    inside = (row >= reach) & (row < height - reach) & (column >= reach) & (column < width - reach)
    row, column = row[inside], column[inside]
    along = np.arange(-reach, reach + 1)
    windows = plane[(row[:, None] + along)[:, :, None], (column[:, None] + along)[:, None, :]]
    weight = windows**2 + 1e-9
    weight /= weight.sum(axis=(1, 2), keepdims=True)
    centre = np.stack([weight.sum(axis=2) @ along, weight.sum(axis=1) @ along])
    return inside, centre + np.stack([row - y[inside], column - x[inside]])


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


def _meanings(view: FovView) -> dict[str, Points]:
    """Return {explanation: centroids as they would be meant}."""
    points, um = view.points, view.pixel_um

    def scaled(factor: float) -> Points:
        return replace(points, y=points.y * factor, x=points.x * factor)

    meanings = {
        AS_GIVEN: points,
        "y and x are exchanged": replace(points, y=points.x, x=points.y),
        "centroids are of an image of half the size": scaled(2.0),
        "centroids are of an image of twice the size": scaled(0.5),
    }
    if not 0.95 < um < 1.05:
        meanings["centroids are micrometres, not pixels"] = scaled(1 / um)
        meanings["centroids were multiplied by the size of a pixel twice"] = scaled(1 / um**2)
    return meanings


def judge_fovs(views: Sequence[FovView], names: Sequence[str]) -> list[FovVerdict]:
    """Return what fits the FOVs of one experiment best.

    Which map shows cells, and whether they are bright or dark in it, is what the best explanations of
    all FOVs together fit best. Only FOVs that do not fit as given are explained. The tables of at most
    24 FOVs, those that fit worst as given, are compared with each other's images.

    Parameters
    ----------
    views
        The FOVs.
    names
        Their names, for explanations.
    """
    table = [{name: _means(view, meaning) for name, meaning in _meanings(view).items()} for view in views]
    if not table:
        return []
    given = np.array([np.abs(own[AS_GIVEN]).max() for own in table])
    compared = np.argsort(given, kind="stable")[:_MOST_COMPARED].tolist()
    for number in compared:
        table[number] |= {
            f"the table of {names[other]} fits": _means(views[number], views[other].points)
            for other in compared
            if other != number
        }
    best = [np.stack([sign * np.array(list(own.values())) for sign in (1, -1)]).max(axis=1) for own in table]
    side, feature = np.unravel_index(int(np.sum(best, axis=0).argmax()), best[0].shape)
    sign = 1.0 if side == 0 else -1.0
    usual = float(np.median([item[side, feature] for item in best]))
    verdicts = []
    for view, own in zip(views, table, strict=True):
        found = {name: sign * float(means[feature]) for name, means in own.items()}
        verdict = FovVerdict(contrast=found[AS_GIVEN], usual=usual)
        certain = usual * np.sqrt(12.0 * view.points.tracks) > _CERTAIN
        verdict.fits = not (certain and verdict.contrast < _WEAK * usual)
        verdict.best_contrast = max(verdict.contrast, 0.0)
        verdicts.append(verdict)
        if verdict.fits:
            _check_frames(view, verdict, int(feature), sign)
        else:
            _explain(view, verdict, found, int(feature), sign)
    return verdicts


def _means(view: FovView, points: Points) -> npt.NDArray[np.float64]:
    """Return the mean contrast of every map (features,)."""
    ranks = contrast(view.maps, points, view.reduction)
    return np.asarray(ranks.mean(axis=1)) if ranks.shape[1] else np.zeros(ranks.shape[0])


def _take(verdict: FovVerdict, name: str, found: float, tracks: int, needed: float) -> None:
    """Take over an explanation that fits better than what was found so far, and certainly so."""
    root = np.sqrt(12.0 * max(tracks, 1))
    certainty = (found - verdict.contrast) * root
    if min(certainty, found * root) >= needed and found > verdict.best_contrast:
        verdict.best, verdict.best_contrast, verdict.certainty = name, found, float(certainty)


def _explain(
    view: FovView, verdict: FovVerdict, found: Mapping[str, float], feature: int, sign: float
) -> None:
    """Look for the explanation that fits best, and certainly better than the centroids as given."""
    tracks = view.points.tracks
    for name, value in found.items():
        if name != AS_GIVEN:
            _take(verdict, name, value, tracks, _CERTAIN)
    if verdict.best == AS_GIVEN:
        dy, dx, value = best_shift(view, feature, sign)
        _take(verdict, f"centroids are shifted by ({-dy:g}, {-dx:g}) px", value, tracks, _CERTAIN_SHIFT)


def _check_frames(view: FovView, verdict: FovVerdict, feature: int, sign: float) -> None:
    """Compare the frames of a FOV whose centroids lie on cells."""
    slope, error = frame_offset(view, feature, sign)
    certainty = abs(slope) / error if error else 0.0
    if abs(slope) > _SLOPE and certainty > _CERTAIN:
        ahead = "frames are counted from 1" if slope > 0 else "frames are one too small"
        verdict.best = f"{ahead}: cells lie {slope:+.2f} steps ahead"
        verdict.best_contrast, verdict.certainty, verdict.fits = verdict.contrast, certainty, False
