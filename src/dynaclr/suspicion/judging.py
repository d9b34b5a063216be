"""Whether the tables of an experiment belong to its images, and what explains it if not; takes arrays.

The FOVs of an experiment are judged as a whole first, then each alone. Tracks are the witnesses, in t-tests
whose error rate (`evidence.Standard`) counts everything that is compared. What is fitted, a shift or a
drift, is fitted on one half of the tracks and tested on the other. And an explanation must fit much better,
not a little: centroids that lie beside the brightest place of their cells are no error.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dynaclr.suspicion.evidence import PROOF, Gain, Standard, gain, unpaired_gain
from dynaclr.suspicion.meanings import AS_GIVEN, Explanation, meanings, of_lag, of_move, other_tables
from dynaclr.suspicion.placement import (
    Correlations,
    Move,
    best_drift,
    best_shift,
    contrast,
    correlations,
    ring,
    seen_tracks,
)
from dynaclr.suspicion.steps import LAGS, agreement, best_lag, drift_of
from dynaclr.suspicion.view import FovView, Points

_CERTAIN = 4.0
_WEAK = 0.5  # of the contrast that other FOVs have
_LOWER = 0.9  # of it: what is not lower than that has no shift and no drift
_CLEAR = 0.35  # contrast with cells beyond which no drift must be found to know a map
_LEAST_CONTRAST = 0.3  # that cells have in the map that shows them
_LEAST_CLEAR = 0.2  # a map that slopes is bright everywhere around
_LEAST_GAIN, _LEAST_SHARE_GAINED = 0.06, 0.2
_LEAST_AGREEMENT, _LESS_AGREEMENT = 0.3, 0.8
_SAME_WAY = 0.7  # cosine of the angle between two measurements of a drift
_LEAST_DRIFT_PX = 6.0  # over all frames that were read
_SIMPLER = 0.02  # contrast that an explanation with more freedom must gain
_MOST_COMPARED = 24

Floats = npt.NDArray[np.float64]


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
    best_contrast
        Contrast of that explanation.
    agreement, best_agreement
        Correlation of steps in images and in tracks as given, and with that explanation.
    certainty
        Decimal digits of how improbable it is that the table is right.
    tracks
        Number of tracks at the frames that were read.
    fits
        Whether the table belongs to the images, as far as can be told.
    """

    contrast: float = 0.0
    usual: float = 0.0
    best: Explanation = AS_GIVEN
    best_contrast: float = 0.0
    agreement: float = 0.0
    best_agreement: float = 0.0
    certainty: float = 0.0
    tracks: int = 0
    fits: bool = True


class _Fov:
    """A FOV, and the contrast of its tracks in every map for every meaning of its table."""

    def __init__(self, view: FovView) -> None:
        self.view = view
        self.tracks, _, self.number = seen_tracks(view.maps, view.points)
        meant = meanings(view)
        self.found = {what: self.contrast(points) for what, points in meant.items()}
        self.around = {what: self.beside(points) for what, points in meant.items()}
        self.odd = self.tracks % 2 == 1
        odd = view.points.track % 2 == 1
        self.halves = [correlations(view, half) for half in (~odd, odd)]

    def contrast(self, points: Points) -> Floats:
        """Return the contrast of tracks (features, tracks)."""
        return contrast(self.view.maps, points, self.view.reduction)

    def beside(self, points: Points) -> Floats:
        """Return the mean contrast around tracks (features, tracks)."""
        places = ring(points, self.view.reduction)
        return np.asarray(np.mean([self.contrast(place) for place in places], axis=0))


class _Look(NamedTuple):
    """The map that is looked at, and whether cells are bright (1) or dark (-1) in it."""

    feature: int
    sign: float

    def of(self, values: Floats) -> Floats:
        """Return the contrast of tracks (tracks,) among that in all maps."""
        return np.asarray(self.sign * values[self.feature])


_Fit = Callable[[Sequence[Correlations], int, float], Move | None]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An explanation for several FOVs, and how it fits them.

    Attributes
    ----------
    what
        The explanation.
    fit
        How well each FOV fits with it: contrast, or agreement of steps.
    gain
        By how much it is better than as given.
    clear
        How much more the map shows at the cells than beside them.
    of_steps
        Whether steps were compared, and not contrast.
    """

    what: Explanation
    fit: list[float]
    gain: Gain
    clear: float = 1.0
    of_steps: bool = False


def judge_fovs(
    views: Sequence[FovView], names: Sequence[str], standard: Standard = PROOF
) -> list[FovVerdict]:
    """Return what fits the FOVs of one experiment best.

    Which map shows cells, and whether they are bright or dark in it, is what the best explanations of
    all FOVs together fit best. The tables of at most 24 FOVs, those that fit worst as given, are compared
    with each other's images. A FOV without centroids at the frames that were read is not judged.

    Parameters
    ----------
    views
        The FOVs.
    names
        Their names, for explanations.
    standard
        What counts as shown.
    """
    verdicts = {number: FovVerdict() for number in range(len(views))}
    fovs = {number: fov for number, view in enumerate(views) if (fov := _Fov(view)).tracks.size}
    if fovs:
        verdicts |= _Judge(fovs, dict(enumerate(names)), standard).verdicts()
    return [verdicts[number] for number in range(len(views))]


class _Judge:
    """FOVs of one experiment, by their numbers."""

    def __init__(self, fovs: dict[int, _Fov], names: dict[int, str], standard: Standard) -> None:
        self.fovs, self.names, self.standard = fovs, names, standard
        features = next(iter(next(iter(fovs.values())).found.values())).shape[0]
        looks = [_Look(feature, sign) for feature in range(features) for sign in (1.0, -1.0)]
        self.look = max(looks, key=self._clarity)

    def verdicts(self) -> dict[int, FovVerdict]:
        """Judge all FOVs together, then each alone."""
        verdicts = {}
        for number, fov in self.fovs.items():
            mean, steps = self._mean(fov, AS_GIVEN), agreement([fov.view])
            verdicts[number] = FovVerdict(
                mean, best_contrast=mean, agreement=steps, best_agreement=steps, tracks=fov.tracks.size
            )
        together = self._explained(list(self.fovs), fitted=True)
        if together is not None:
            for fit, verdict in zip(together.fit, verdicts.values(), strict=True):
                if fit > (verdict.agreement if together.of_steps else verdict.contrast):
                    _take(verdict, together, fit)
        usual = _usual(verdicts)
        left = [number for number, verdict in verdicts.items() if verdict.fits]
        if len(self.fovs) > 1:
            self._add_tables(sorted(left, key=lambda number: verdicts[number].contrast)[:_MOST_COMPARED])
            for number in left:
                alone = self._explained([number], fitted=verdicts[number].contrast < _LOWER * usual)
                if alone is not None:
                    _take(verdicts[number], alone, alone.fit[0])
        usual = _usual(verdicts)
        for number, verdict in verdicts.items():
            verdict.usual = usual
            certain = usual * np.sqrt(12.0 * self.fovs[number].tracks.size) > _CERTAIN
            if verdict.fits and certain and verdict.contrast < _WEAK * usual:
                verdict.fits = False  # and nothing explains it
        return verdicts

    def _clarity(self, look: _Look) -> float:
        """Return how much more a map shows at centroids, given or meant, than around them."""
        fovs = list(self.fovs.values())
        named = [
            max(_clear(look.of(values), look.of(fov.around[what])) for what, values in fov.found.items())
            for fov in fovs
        ]
        best = float(np.mean(named))
        for fit in (best_shift, best_drift):
            if best < _CLEAR:  # drifts take time
                moves = _half_fits(fovs, fit, look)
                on, beside = (_cross_fitted(fovs, moves, look, around) for around in (False, True))
                best = max(best, _clear(np.concatenate(on), np.concatenate(beside)))
        return best

    def _mean(self, fov: _Fov, what: Explanation) -> float:
        return float(self.look.of(fov.found[what]).mean())

    def _add_tables(self, numbers: Sequence[int]) -> None:
        """Compare FOVs with each other's tables."""
        for number in numbers:
            others = {other: self.names[other] for other in numbers if other != number}
            for other, what in other_tables(others).items():
                fov = self.fovs[number]
                points = self.fovs[other].view.points
                values = fov.contrast(points)
                if values.size:
                    fov.found[what], fov.around[what] = values, fov.beside(points)

    def _explained(self, numbers: Sequence[int], fitted: bool) -> _Candidate | None:
        """Return what explains FOVs with one error, None if nothing does for certain."""
        fovs = [self.fovs[number] for number in numbers]
        for of_steps in (self._lagging, self._drifting):
            found = of_steps(fovs)
            if found is not None:
                return found
        candidates = [*self._named(fovs), *(self._moved(fovs) if fitted else ())]
        # As given, centroids may lie on cells in another map, and between them in this one.
        given = max(
            float(np.abs(row.mean())) for row in np.concatenate([f.found[AS_GIVEN] for f in fovs], axis=1)
        )
        best: _Candidate | None = None
        for candidate in candidates:  # the simpler ones first
            contrast_now = float(np.mean(candidate.fit))
            needed = max(_LEAST_GAIN, _LEAST_SHARE_GAINED * contrast_now)
            if contrast_now < max(_LEAST_CONTRAST, given) or candidate.clear < _LEAST_CLEAR:
                continue
            if candidate.gain.mean < needed:
                continue
            if not candidate.gain.certain(len(candidates) * self._groups(), self.standard):
                continue
            if best is None or contrast_now > float(np.mean(best.fit)) + _SIMPLER:
                best = candidate
        return best

    def _groups(self) -> int:
        """Return how often FOVs are judged: together with each alone, and by places and by steps."""
        return 2 * (1 + len(self.fovs)) if len(self.fovs) > 1 else 2

    def _lagging(self, fovs: Sequence[_Fov]) -> _Candidate | None:
        views = [fov.view for fov in fovs]
        lag = best_lag(views)
        if lag is None or not lag.gain.certain(
            LAGS.size * views[0].steps.moved.shape[0] * self._groups(), self.standard
        ):
            return None
        if lag.after < _LEAST_AGREEMENT or lag.given > _LESS_AGREEMENT * lag.after:
            return None
        fit = [agreement([view], lag.frames) for view in views]
        return _Candidate(of_lag(lag.frames), fit, lag.gain, of_steps=True)

    def _named(self, fovs: Sequence[_Fov]) -> Iterator[_Candidate]:
        for what in fovs[0].found:
            if what != AS_GIVEN and all(what in fov.found for fov in fovs):
                on, beside = (
                    [self.look.of(part[what]) for part in parts]
                    for parts in ([fov.found for fov in fovs], [fov.around for fov in fovs])
                )
                yield self._candidate(what, fovs, on, beside)

    def _candidate(
        self, what: Explanation, fovs: Sequence[_Fov], values: Sequence[Floats], beside: Sequence[Floats]
    ) -> _Candidate:
        given = np.concatenate([self.look.of(fov.found[AS_GIVEN]) for fov in fovs])
        if what.table_of is None:
            better = gain(np.concatenate(values), given, np.concatenate([fov.number for fov in fovs]))
        else:
            better = unpaired_gain(np.concatenate(values), given)
        clear = _clear(np.concatenate(values), np.concatenate(beside))
        return _Candidate(what, [float(part.mean()) for part in values], better, clear)

    def _moved(self, fovs: Sequence[_Fov]) -> Iterator[_Candidate]:
        """Yield a shift, and a drift that is better than it."""
        shifted, beside = self._halves_moved(fovs, best_shift)
        shift = self._refined(best_shift(_every(fovs), *self.look), fovs, drifts=False)
        yield self._candidate(of_move(shift), fovs, shifted, beside)
        drift = best_drift(_every(fovs), *self.look)
        if drift is None or drift.length(_span(fovs)) < _LEAST_DRIFT_PX:
            return
        drifted, beside = self._halves_moved(fovs, best_drift)
        weights = np.concatenate([fov.number for fov in fovs])
        if gain(np.concatenate(drifted), np.concatenate(shifted), weights).certain(1):
            drift = self._refined(drift, fovs, drifts=True)
            yield self._candidate(of_move(drift), fovs, drifted, beside)

    def _halves_moved(self, fovs: Sequence[_Fov], fit: _Fit) -> tuple[list[Floats], list[Floats]]:
        """Return the contrast of each half of the tracks, and beside it, moved as fits the other half."""
        moves = _half_fits(fovs, fit, self.look)
        return _cross_fitted(fovs, moves, self.look), _cross_fitted(fovs, moves, self.look, around=True)

    def _drifting(self, fovs: Sequence[_Fov]) -> _Candidate | None:
        """Return a drift that steps show and places confirm."""
        found = drift_of([fov.view for fov in fovs])
        if found is None or not found.gain.certain(2 * self._groups(), self.standard):
            return None
        move = best_drift(_every(fovs), *self.look)
        if move is None or move.length(_span(fovs)) < _LEAST_DRIFT_PX:
            return None
        lengths = np.hypot(*move.a_frame) * np.hypot(*found.a_frame)
        if np.dot(move.a_frame, found.a_frame) < _SAME_WAY * lengths:
            return None
        placed = self._candidate(
            of_move(self._refined(move, fovs, drifts=True)), fovs, *self._halves_moved(fovs, best_drift)
        )
        sure = placed.gain.certain(1) and placed.clear >= _LEAST_CLEAR
        return replace(placed, gain=found.gain) if sure else None

    def _refined(self, move: Move, fovs: Sequence[_Fov], drifts: bool) -> Move:
        """Return the move near a coarse one that fits best to a pixel of the maps."""
        step = fovs[0].view.reduction
        read = [frame for fov in fovs for frame in fov.view.maps]
        frames = min(read), max(read)
        near = range(-2, 3)

        def fit(ends: Floats) -> float:
            moved = Move.between(ends, frames)
            values = [self.look.of(fov.contrast(moved.of(fov.view.points))) for fov in fovs]
            return float(np.concatenate(values).mean())

        ends = np.stack([move.at(frame) for frame in frames])
        for axis in (0, 1, 0, 1):
            tried = []
            for first, last in itertools.product(near, near) if drifts else zip(near, near, strict=True):
                trial = ends.copy()
                trial[:, axis] += np.array([first, last]) * step
                tried.append(trial)
            ends = max(tried, key=fit)
        return Move.between(ends, frames)


def _every(fovs: Sequence[_Fov]) -> list[Correlations]:
    return [half for fov in fovs for half in fov.halves]


def _span(fovs: Sequence[_Fov]) -> int:
    """Return how many frames lie between the first and the last that were read."""
    frames = [frame for fov in fovs for frame in fov.view.maps]
    return max(frames) - min(frames)


def _half_fits(fovs: Sequence[_Fov], fit: _Fit, look: _Look) -> list[Move]:
    """Return what fits each half of the tracks best."""
    moves = (fit([fov.halves[half] for fov in fovs], *look) for half in (0, 1))
    return [move or Move((0.0, 0.0)) for move in moves]


def _cross_fitted(
    fovs: Sequence[_Fov], moves: Sequence[Move], look: _Look, around: bool = False
) -> list[Floats]:
    """Return each FOV's contrast (tracks,), or that around it, moved as fits the other half of the tracks."""
    found = []
    for fov in fovs:
        by_half = []
        for move in moves:
            points = move.of(fov.view.points)
            by_half.append(look.of(fov.beside(points) if around else fov.contrast(points)))
        found.append(np.where(fov.odd, *by_half))
    return found


def _clear(on: Floats, beside: Floats) -> float:
    """Return how much more a map shows at cells than beside them; what is everywhere shows no cell."""
    return float(on.mean() - beside.mean() / 2)


def _take(verdict: FovVerdict, candidate: _Candidate, fit: float) -> None:
    """Take over an explanation."""
    verdict.best, verdict.certainty, verdict.fits = candidate.what, candidate.gain.digits, False
    if candidate.of_steps:
        verdict.best_agreement = fit
    else:
        verdict.best_contrast = fit


def _usual(verdicts: Mapping[int, FovVerdict]) -> float:
    return float(np.median([verdict.best_contrast for verdict in verdicts.values()]))
