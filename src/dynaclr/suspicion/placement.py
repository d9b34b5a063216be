"""Whether centroids lie on cells: contrast of the image at them, as given and as they might be meant.

Takes images and points as arrays; knows no names and no files. Contrast is the mean rank of the image
at the centroids minus one half, from -0.5 to 0.5; certainty is that in standard errors, as if every
track were one independent point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.ndimage import gaussian_filter

__all__ = (
    "AS_GIVEN",
    "FovView",
    "Points",
    "Verdict",
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
    next_y, next_x
        Place of the same cell one frame later, NaN where it is not seen.
    tracks
        How many tracks are seen at the frames that were read.
    """

    t: npt.NDArray[np.int64]
    y: npt.NDArray[np.float64]
    x: npt.NDArray[np.float64]
    next_y: npt.NDArray[np.float64]
    next_x: npt.NDArray[np.float64]
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
    image_yx
        Size of the image, pixels of level 0.
    pixel_um
        Size of a pixel in micrometres, 1 if unknown.
    """

    points: Points
    maps: Images
    reduction: int
    image_yx: tuple[int, int]
    pixel_um: float


@dataclass(slots=True)
class Verdict:
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
    roughness; and the reduction.
    """
    reduction = max(1, -(-max(image.shape[1:]) // _LARGEST_PX))
    maps = []
    for channel in np.asarray(image, dtype=np.float32):
        height, width = (size // reduction * reduction for size in channel.shape)
        binned = channel[:height, :width]
        binned = binned.reshape(height // reduction, reduction, width // reduction, reduction).mean((1, 3))
        near, far = gaussian_filter(binned, _CELL_PX), gaussian_filter(binned, 5 * _CELL_PX)
        rough = gaussian_filter((binned - near) ** 2, _CELL_PX)
        maps += [near - far, rough]
    return np.stack(maps).astype(np.float32), reduction


def _ranks(
    plane: npt.NDArray[np.float32], y: npt.NDArray[np.float64], x: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the rank in 0..1 of a map at points in its pixels; one half outside, equal values share it."""
    ordered = np.sort(plane, axis=None)
    row, column = np.floor(y + 0.5).astype(np.int64), np.floor(x + 0.5).astype(np.int64)
    height, width = plane.shape
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    values = plane[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
    both = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
    return np.where(inside, both / (2.0 * ordered.size), 0.5)


def contrast(maps: Images, points: Points, reduction: int) -> npt.NDArray[np.float64]:
    """Return rank minus one half of every map at every point whose frame was read (features, n).

    Parameters
    ----------
    maps, reduction
        Of the images.
    points
        Centroids.
    """
    count = next(iter(maps.values())).shape[0]
    parts = [np.empty((count, 0))]
    for frame, planes in maps.items():
        own = np.flatnonzero(points.t == frame)
        y, x = (points.y[own] + 0.5) / reduction - 0.5, (points.x[own] + 0.5) / reduction - 0.5
        parts.append(np.stack([_ranks(plane, y, x) for plane in planes]) - 0.5)
    return np.concatenate(parts, axis=1)


def frame_offset(view: FovView, feature: int, sign: float) -> tuple[float, float]:
    """Return by how many steps cells in the images are ahead of their centroids, and its standard error.

    The offset from each centroid to the centre of brightness around it is fitted by a multiple of the
    cell's step to the next frame: 0 if frames agree, towards 1 if the images are a frame later.
    """
    offsets, steps = [np.empty((2, 0))], [np.empty((2, 0))]
    for frame, planes in view.maps.items():
        points = view.points
        own = np.flatnonzero((points.t == frame) & np.isfinite(points.next_y))
        y, x = ((place[own] + 0.5) / view.reduction - 0.5 for place in (points.y, points.x))
        inside, offset = _centres(sign * planes[feature], y, x)
        step = np.stack([points.next_y[own] - points.y[own], points.next_x[own] - points.x[own]])
        offsets.append(offset)
        steps.append(step[:, inside] / view.reduction)
    off, step = np.concatenate(offsets, axis=1), np.concatenate(steps, axis=1)
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
    weight = np.clip(windows, 0, None) + 1e-9
    weight /= weight.sum(axis=(1, 2), keepdims=True)
    centre = np.stack([weight.sum(axis=2) @ along, weight.sum(axis=1) @ along])
    return inside, centre + np.stack([row - y[inside], column - x[inside]])


def best_shift(view: FovView, feature: int, sign: float) -> tuple[float, float, float]:
    """Return the shift (y, x) in pixels of level 0 by which centroids fit best, and its contrast."""
    total: npt.NDArray[np.float64] | None = None
    shape, count = (0, 0), 0
    for frame, planes in view.maps.items():
        own = np.flatnonzero(view.points.t == frame)
        plane = planes[feature]
        ordered = np.sort(plane, axis=None)
        ranks = np.searchsorted(ordered, plane.ravel()).reshape(plane.shape) / ordered.size - 0.5
        shape = (next_fast_len(2 * plane.shape[0]), next_fast_len(2 * plane.shape[1]))
        marks = np.zeros(plane.shape)
        row = np.clip(view.points.y[own] / view.reduction, 0, plane.shape[0] - 1).astype(np.int64)
        column = np.clip(view.points.x[own] / view.reduction, 0, plane.shape[1] - 1).astype(np.int64)
        np.add.at(marks, (row, column), 1.0)
        product = rfft2(sign * ranks, shape) * np.conj(rfft2(marks, shape))
        total = product if total is None else total + product
        count += own.size
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


def judge_fovs(
    views: Sequence[FovView],
    names: Sequence[str],
    progress: Callable[[int, int], None] | None = None,
) -> list[Verdict]:
    """Return what fits the FOVs of one experiment best.

    Which map shows cells, and whether they are bright or dark in it, is what makes any one explanation
    fit all FOVs together best. Only FOVs that do not fit as given are compared with other FOVs' tables
    and with shifted centroids.

    Parameters
    ----------
    views
        The FOVs.
    names
        Their names, for explanations.
    progress
        Called with (FOVs done, FOVs in all).
    """
    table: list[dict[str, npt.NDArray[np.float64]]] = []
    for number, view in enumerate(views):
        table.append({name: _means(view, meaning) for name, meaning in _meanings(view).items()})
        if progress is not None:
            progress(number + 1, len(views))
    if not table:
        return []
    shared = [name for name in table[0] if all(name in item for item in table)]
    medians = np.array([np.median([item[name] for item in table], axis=0) for name in shared])
    sums = np.array([np.sum([item[name] for item in table], axis=0) for name in shared])
    feature = int(np.abs(sums).max(axis=0).argmax())
    winner = int(np.abs(sums[:, feature]).argmax())
    sign = 1.0 if sums[winner, feature] >= 0 else -1.0
    usual = float(np.abs(medians[winner, feature]))
    best_of_any = max(sign * float(item[name][feature]) for item in table for name in item)
    usual = max(usual, _WEAK * best_of_any)
    verdicts = [Verdict(contrast=sign * float(item[AS_GIVEN][feature]), usual=usual) for item in table]
    weak = [
        number
        for number, verdict in enumerate(verdicts)
        if verdict.contrast < _WEAK * usual and usual * np.sqrt(12.0 * views[number].points.tracks) > _CERTAIN
    ]
    for number, view in enumerate(views):
        _explain(view, verdicts[number], table[number], feature, sign, number in weak)
    for number in sorted(weak, key=lambda item: verdicts[item].contrast)[:_MOST_COMPARED]:
        others = [other for other in weak if other != number][:_MOST_COMPARED]
        _compare(number, others, views, names, verdicts[number], feature, sign)
    return verdicts


def _means(view: FovView, points: Points) -> npt.NDArray[np.float64]:
    """Return the mean contrast of every map (features,)."""
    ranks = contrast(view.maps, points, view.reduction)
    return np.asarray(ranks.mean(axis=1)) if ranks.shape[1] else np.zeros(ranks.shape[0])


def _take(verdict: Verdict, name: str, found: float, tracks: int, needed: float) -> None:
    """Take over an explanation that fits better than what was found so far, and certainly so."""
    root = np.sqrt(12.0 * max(tracks, 1))
    certainty = (found - verdict.contrast) * root
    if min(certainty, found * root) >= needed and found > verdict.best_contrast:
        verdict.best, verdict.best_contrast, verdict.certainty = name, found, float(certainty)


def _explain(
    view: FovView,
    verdict: Verdict,
    means: Mapping[str, npt.NDArray[np.float64]],
    feature: int,
    sign: float,
    weak: bool,
) -> None:
    """Compare the FOV's own table, read in other ways, with the table as given."""
    verdict.best_contrast = max(verdict.contrast, 0.0)
    verdict.fits = not weak
    for name, found in means.items():
        if weak and name != AS_GIVEN:
            _take(verdict, name, sign * float(found[feature]), view.points.tracks, _CERTAIN)
    if weak:
        return
    slope, error = frame_offset(view, feature, sign)
    certainty = abs(slope) / error if error else 0.0
    if abs(slope) > _SLOPE and certainty > _CERTAIN:
        ahead = "frames are counted from 1" if slope > 0 else "frames are one too small"
        verdict.best = f"{ahead}: cells lie {slope:+.2f} steps ahead"
        verdict.best_contrast, verdict.certainty, verdict.fits = verdict.contrast, certainty, False


def _compare(
    number: int,
    others: Sequence[int],
    views: Sequence[FovView],
    names: Sequence[str],
    verdict: Verdict,
    feature: int,
    sign: float,
) -> None:
    """Compare with the tables of other FOVs that do not fit either, and with shifted centroids."""
    view = views[number]
    for other in others:
        points = views[other].points
        ranks = contrast(view.maps, points, view.reduction)
        if ranks.shape[1]:
            found = sign * float(ranks[feature].mean())
            _take(verdict, f"the table of {names[other]} fits", found, points.tracks, _CERTAIN)
    if verdict.best == AS_GIVEN:
        dy, dx, found = best_shift(view, feature, sign)
        text = f"centroids are shifted by ({-dy:g}, {-dx:g}) px"
        _take(verdict, text, found, view.points.tracks, _CERTAIN_SHIFT)
