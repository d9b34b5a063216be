"""Which FOVs' centroids do not lie on cells, and what explains it; takes arrays.

Certainty is a difference in contrast in standard errors, as if every track were one independent point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dynaclr.suspicion.placement import FovView, Points, best_shift, contrast, frame_offset

_CERTAIN = 4.0
_CERTAIN_SHIFT = 6.0  # the best of very many shifts
_WEAK = 0.5  # of the contrast that other FOVs have
_MOST_COMPARED = 24
_SLOPE = 0.5  # of a step; tables a frame off give 0.7 to 0.8, as the window takes part of the way away


@dataclass(frozen=True, slots=True)
class Explanation:
    """What may be wrong with a table.

    Attributes
    ----------
    name
        What it is.
    fix
        What to do about it.
    table_of
        Number of the FOV whose table it is, if it is another's.
    """

    name: str
    fix: str = ""
    table_of: int | None = None


AS_GIVEN = Explanation("as given")


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
        The explanation that fits best, `AS_GIVEN` if none fits better.
    best_contrast, certainty
        Contrast of that explanation, and by how many standard errors it fits better.
    fits
        Whether the centroids as given lie on cells.
    """

    contrast: float = 0.0
    usual: float = 0.0
    best: Explanation = AS_GIVEN
    best_contrast: float = 0.0
    certainty: float = 0.0
    fits: bool = True


def _meanings(view: FovView) -> list[tuple[Explanation, Points]]:
    """Return explanations and the centroids as they would be meant; the first is `AS_GIVEN`."""
    points, um = view.points, view.pixel_um

    def scaled(factor: float) -> Points:
        return replace(points, y=points.y * factor, x=points.x * factor)

    exchanged = replace(points, y=points.x, x=points.y)
    meanings = [
        (AS_GIVEN, points),
        (Explanation("y and x are swapped", "swap these columns"), exchanged),
        (
            Explanation("centroids were measured in an image of half the size", "multiply y and x by 2"),
            scaled(2.0),
        ),
        (
            Explanation("centroids were measured in an image of twice the size", "divide y and x by 2"),
            scaled(0.5),
        ),
    ]
    if not 0.95 < um < 1.05:
        once, twice = (f"divide y and x by {factor:.4g}" for factor in (um, um**2))
        meanings += [
            (Explanation("centroids are in micrometers, not pixels", once), scaled(1 / um)),
            (Explanation("centroids were multiplied by the pixel size twice", twice), scaled(1 / um**2)),
        ]
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
    table = [{what: _means(view, points) for what, points in _meanings(view)} for view in views]
    if not table:
        return []
    given = np.array([np.abs(own[AS_GIVEN]).max() for own in table])
    compared = np.argsort(given, kind="stable")[:_MOST_COMPARED].tolist()
    for number in compared:
        table[number] |= {
            Explanation(
                f"the track table of {names[other]} fits better", "use the matching track file", other
            ): _means(views[number], views[other].points)
            for other in compared
            if other != number
        }
    best = [np.stack([sign * np.array(list(own.values())) for sign in (1, -1)]).max(axis=1) for own in table]
    side, feature = np.unravel_index(int(np.sum(best, axis=0).argmax()), best[0].shape)
    sign = 1.0 if side == 0 else -1.0
    usual = float(np.median([item[side, feature] for item in best]))
    verdicts = []
    for view, own in zip(views, table, strict=True):
        found = {what: sign * float(means[feature]) for what, means in own.items()}
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


def _take(verdict: FovVerdict, what: Explanation, found: float, tracks: int, needed: float) -> None:
    """Take over an explanation that fits better than what was found so far, and certainly so."""
    root = np.sqrt(12.0 * max(tracks, 1))
    certainty = (found - verdict.contrast) * root
    if min(certainty, found * root) >= needed and found > verdict.best_contrast:
        verdict.best, verdict.best_contrast, verdict.certainty = what, found, float(certainty)


def _explain(
    view: FovView, verdict: FovVerdict, found: Mapping[Explanation, float], feature: int, sign: float
) -> None:
    """Look for the explanation that fits best, and certainly better than the centroids as given."""
    tracks = view.points.tracks
    for what, value in found.items():
        if what != AS_GIVEN:
            _take(verdict, what, value, tracks, _CERTAIN)
    if verdict.best == AS_GIVEN:
        dy, dx, value = best_shift(view, feature, sign)
        what = Explanation(f"centroids are shifted by ({-dy:g}, {-dx:g}) px", "subtract that from y and x")
        _take(verdict, what, value, tracks, _CERTAIN_SHIFT)


def _check_frames(view: FovView, verdict: FovVerdict, feature: int, sign: float) -> None:
    """Compare the frames of a FOV whose centroids lie on cells."""
    slope, error = frame_offset(view, feature, sign)
    certainty = abs(slope) / error if error else 0.0
    if abs(slope) > _SLOPE and certainty > _CERTAIN:
        ahead, fix = (
            ("frames are 1-based", "subtract 1 from t")
            if slope > 0
            else ("frame numbers are one too small", "add 1 to t")
        )
        verdict.best = Explanation(f"{ahead}: cells lie {slope:+.2f} steps ahead", fix)
        verdict.best_contrast, verdict.certainty, verdict.fits = verdict.contrast, certainty, False
