"""Mean, deviation and quantiles of pixels that can be merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.keys import NOT_FINITE, STATISTICS

MOMENTS_VERSION = 4
"""Raised when the same pixels give other statistics, so that kept ones are computed again."""

SAMPLE = 2**16
"""Pixels of a frame that the quantiles of frames, FOVs and data sets are estimated from."""
_STRAY = 1e-3  # share of an image that may have the value of its padding by chance
_POOL = 2**20  # values that a merged sample is thinned to when it has twice as many


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean, squared deviations, extremes and a sample of pixels.

    The mean and deviation are exact (merged as Chan, Golub and LeVeque, "Algorithms for computing the
    sample variance", The American Statistician 1983). Quantiles come from `sample`: all pixels of a frame
    of up to `SAMPLE`, else pixels spread evenly over it. Each stands for `weights` pixels, so that
    every frame counts by its size, in whatever order frames are merged. NaN and Inf are counted in
    `not_finite` and nowhere else.
    """

    count: int = 0
    not_finite: int = 0
    mean: float = 0.0
    squares: float = 0.0
    lowest: float = np.inf
    highest: float = -np.inf
    sample: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty(0, dtype=np.float32))
    weights: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0, dtype=np.float64))

    @property
    def blank(self) -> bool:
        """Whether there is no finite pixel, or all pixels are one value: nothing was recorded."""
        return self.lowest >= self.highest

    def merged(self, other: Moments) -> Moments:
        """Return the moments of both sets of pixels together."""
        not_finite = self.not_finite + other.not_finite
        if not self.count or not other.count:
            return replace(other if not self.count else self, not_finite=not_finite)
        count = self.count + other.count
        delta = other.mean - self.mean
        sample = np.concatenate([self.sample, other.sample])
        weights = np.concatenate([self.weights, other.weights])
        if sample.size > 2 * _POOL:
            sample, weights = _thinned(sample, weights, _POOL)
        return Moments(
            count=count,
            not_finite=not_finite,
            mean=self.mean + delta * other.count / count,
            squares=self.squares + other.squares + delta**2 * self.count * other.count / count,
            lowest=min(self.lowest, other.lowest),
            highest=max(self.highest, other.highest),
            sample=sample,
            weights=weights,
        )

    def statistics(self) -> dict[str, float]:
        """Return the statistics named in `keys.STATISTICS`; all 0 where no pixel is finite.

        The share of pixels that are NaN or Inf is added where there are some.
        """
        strange = {NOT_FINITE: self.not_finite / (self.count + self.not_finite)} if self.not_finite else {}
        if not self.count:
            return dict.fromkeys(STATISTICS, 0.0) | strange
        p1, p5, p25, p50, p75, p95, p99 = self._quantiles((0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99))
        values = {
            "mean": self.mean,
            "std": np.sqrt(self.squares / self.count),
            "median": p50,
            "iqr": p75 - p25,
            "p1": p1,
            "p5": p5,
            "p95": p95,
            "p99": p99,
            "min": self.lowest,
            "max": self.highest,
        }
        return {name: float(values[name]) for name in STATISTICS} | strange

    def _quantiles(self, shares: Sequence[float]) -> npt.NDArray[np.float64]:
        """Return quantiles, linear between pixels; as `numpy.quantile` where all weights are equal."""
        order = np.argsort(self.sample, kind="stable")
        values, weights = self.sample[order].astype(np.float64), self.weights[order]
        below = np.cumsum(weights) - weights
        return np.interp(shares, below / max(below[-1], 1), values)

    def to_json(self) -> dict[str, Any]:
        """Return plain types; at most `SAMPLE` values of the sample are kept."""
        sample, weights = self.sample, self.weights
        if sample.size > SAMPLE:
            sample, weights = _thinned(sample, weights, SAMPLE)
        lowest, highest = (self.lowest, self.highest) if self.count else (0.0, 0.0)
        return {
            "count": self.count,
            "not_finite": self.not_finite,
            "mean": self.mean,
            "squares": self.squares,
            "lowest": lowest,
            "highest": highest,
            "sample": sample.tolist(),
            "weights": weights.tolist(),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Moments:
        """Return moments from what `to_json` returned."""
        if not content["count"]:
            return cls(not_finite=content["not_finite"])
        sample = np.asarray(content["sample"], dtype=np.float32)
        return cls(**{**content, "sample": sample, "weights": np.asarray(content["weights"])})


def _thinned(
    sample: npt.NDArray[np.float32], weights: npt.NDArray[np.float64], size: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Return `size` values of equal weight, at equally spaced quantiles of a weighted sample.

    No quantile moves by more than 1 / (2 size) of all pixels, plus the weight of one value.
    """
    order = np.argsort(sample, kind="stable")
    reached = np.cumsum(weights[order])
    places = (np.arange(size) + 0.5) * (reached[-1] / size)
    return sample[order][np.searchsorted(reached, places)], np.full(size, reached[-1] / size)


def data_box(pixels: npt.NDArray[Any]) -> tuple[int, int, int, int]:
    """Return first and last row, first and last column (half open) of an image without its padding.

    Registration shifts images and puts one value at the borders that were not seen. Rows and columns at a
    border that hold a single value in all slices are padding, if that value is rare inside: a background that
    was set to 0 is none.

    Parameters
    ----------
    pixels
        (Z, Y, X).
    """
    height, width = pixels.shape[1:]
    whole = (0, height, 0, width)
    for value in {pixels[0, y, x].item() for y in (0, -1) for x in (0, -1)}:
        sides = (pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1])
        if not any((side == value).all() for side in sides):
            continue
        padding = (pixels == value).all(axis=0)
        y, x = (np.flatnonzero(~padding.all(axis=axis)) for axis in (1, 0))
        if not y.size:
            return whole  # nothing but this value: a blank image
        box = int(y[0]), int(y[-1]) + 1, int(x[0]), int(x[-1]) + 1
        inside = pixels[:, box[0] : box[1], box[2] : box[3]]
        if np.count_nonzero(inside == value) <= _STRAY * inside.size:
            return box
    return whole


def frame_moments(pixels: npt.NDArray[Any]) -> Moments:
    """Return the moments of the finite pixels of an array of any shape."""
    width = np.asarray(pixels).shape[-1]
    values = np.asarray(pixels).reshape(-1)
    total = values.size
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if not values.size:
        return Moments(not_finite=total)
    mean = float(values.mean(dtype=np.float64))
    squares = float(np.square(values.astype(np.float64) - mean).sum())
    step = max(values.size // SAMPLE, 1)
    while np.gcd(step, width) > 1:  # else every sample would come from a few columns of the image
        step += 1
    sample = values[::step].astype(np.float32)
    return Moments(
        count=int(values.size),
        not_finite=total - values.size,
        mean=mean,
        squares=squares,
        lowest=float(values.min()),
        highest=float(values.max()),
        sample=sample,
        weights=np.full(sample.size, values.size / sample.size),
    )
