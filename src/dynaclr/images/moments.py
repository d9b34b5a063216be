"""Mean, deviation and quantiles of pixels that can be merged; knows no files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.keys import STATISTICS

__all__ = ("Moments", "frame_moments")

SAMPLE = 2**16
"""Pixels of a frame that the quantiles of frames, FOVs and data sets are estimated from."""
_POOL = 2**20  # most pixels kept when frames are merged


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean, squared deviations, extremes and a sample of pixels.

    The mean and deviation are exact (merged as Chan, Golub and LeVeque, "Algorithms for computing the
    sample variance", The American Statistician 1983). Quantiles come from `sample`: pixels spread
    evenly over the frames, all of them where a frame has no more than `SAMPLE`.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    lowest: float = np.inf
    highest: float = -np.inf
    sample: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty(0, dtype=np.float32))

    def merged(self, other: Moments) -> Moments:
        """Return the moments of both sets of pixels together."""
        if not self.count or not other.count:
            return other if not self.count else self
        count = self.count + other.count
        delta = other.mean - self.mean
        sample = np.concatenate([self.sample, other.sample])
        if sample.size > _POOL:
            sample = sample[:: -(-sample.size // _POOL)]
        return Moments(
            count=count,
            mean=self.mean + delta * other.count / count,
            squares=self.squares + other.squares + delta**2 * self.count * other.count / count,
            lowest=min(self.lowest, other.lowest),
            highest=max(self.highest, other.highest),
            sample=sample,
        )

    def statistics(self) -> dict[str, float]:
        """Return the statistics named in `keys.STATISTICS`; all 0 where no pixel is finite."""
        if not self.count:
            return dict.fromkeys(STATISTICS, 0.0)
        p1, p5, p25, p50, p75, p95, p99 = np.percentile(self.sample, [1, 5, 25, 50, 75, 95, 99])
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
        return {name: float(values[name]) for name in STATISTICS}

    def to_json(self) -> dict[str, Any]:
        """Return plain types; at most `SAMPLE` pixels of the sample are kept."""
        step = max(-(-self.sample.size // SAMPLE), 1)
        lowest, highest = (self.lowest, self.highest) if self.count else (0.0, 0.0)
        return {
            "count": self.count,
            "mean": self.mean,
            "squares": self.squares,
            "lowest": lowest,
            "highest": highest,
            "sample": [float(value) for value in self.sample[::step]],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Moments:
        """Return moments from what `to_json` returned."""
        if not content["count"]:
            return cls()
        sample = np.asarray(content["sample"], dtype=np.float32)
        return cls(**{**content, "sample": sample})


def frame_moments(pixels: npt.NDArray[Any]) -> Moments:
    """Return the moments of the finite pixels of an array of any shape."""
    width = np.asarray(pixels).shape[-1]
    values = np.asarray(pixels).reshape(-1)
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if not values.size:
        return Moments()
    mean = float(values.mean(dtype=np.float64))
    squares = float(np.square(values.astype(np.float64) - mean).sum())
    step = max(values.size // SAMPLE, 1)
    while np.gcd(step, width) > 1:  # else every sample would come from a few columns of the image
        step += 1
    return Moments(
        count=int(values.size),
        mean=mean,
        squares=squares,
        lowest=float(values.min()),
        highest=float(values.max()),
        sample=values[::step].astype(np.float32),
    )
