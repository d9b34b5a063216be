"""Whether one explanation fits better than another, with tracks as independent witnesses; takes arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student_t


@dataclass(frozen=True, slots=True)
class Standard:
    """What counts as shown.

    Attributes
    ----------
    error_rate
        Share of right experiments that may be called wrong, over all explanations that are compared.
    fewest_tracks
        With fewer nothing is shown.
    """

    error_rate: float
    fewest_tracks: int


PROOF = Standard(1e-3, 8)
"""For what is said in a report."""
REVIEW = Standard(0.5, 3)
"""For what a person looks at, among much else that may be wrong."""
_LEAST_TRACKS = 2  # that have a spread
_LEAST_SPREAD = 0.02  # a few values that are alike by chance prove nothing


@dataclass(frozen=True, slots=True)
class Gain:
    """Outcome of a t-test over tracks.

    Attributes
    ----------
    mean
        Mean difference.
    chance
        Probability of such a mean or a higher one if there is no difference; 1 with few tracks.
    tracks
        Number of tracks.
    """

    mean: float
    chance: float
    tracks: int

    def certain(self, compared: int, standard: Standard = PROOF) -> bool:
        """Whether the difference is real, of so many that were looked at."""
        enough = self.tracks >= standard.fewest_tracks
        return enough and self.mean > 0 and self.chance * compared < standard.error_rate

    @property
    def digits(self) -> float:
        """Decimal digits of how improbable it is by chance, at most 50."""
        return min(-math.log10(max(self.chance, 1e-50)), 50.0)


def gain(
    better: npt.NDArray[np.floating],
    given: npt.NDArray[np.floating],
    weights: npt.NDArray[np.floating | np.integer] | None = None,
) -> Gain:
    """Return by how much values are better than others of the same tracks (n,), by weight."""
    return _tested([(better - given, np.ones(better.size) if weights is None else weights)])


def unpaired_gain(better: npt.NDArray[np.floating], given: npt.NDArray[np.floating]) -> Gain:
    """Return by how much values are better than those of other tracks (n,) and (m,)."""
    return _tested([(part, np.ones(part.size)) for part in (better, -given)])


def _tested(parts: list[tuple[npt.NDArray[np.floating], npt.NDArray[np.floating | np.integer]]]) -> Gain:
    """Test the sum of the parts' weighted means."""
    tracks = min(values.size for values, _ in parts)
    if tracks < _LEAST_TRACKS:
        return Gain(0.0, 1.0, tracks)
    mean, variance, freedom = 0.0, 0.0, math.inf
    for values, weights in parts:
        share = weights / weights.sum()
        center = float(share @ values)
        spread = np.maximum(np.abs(values - center), _LEAST_SPREAD)
        mean += center
        variance += float((share * spread) @ (share * spread)) * values.size / (values.size - 1)
        freedom = min(freedom, 1.0 / float(share @ share) - 1)
    return Gain(mean, float(student_t.sf(mean / math.sqrt(variance), freedom)), tracks)
