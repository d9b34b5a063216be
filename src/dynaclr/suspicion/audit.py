"""A random sample of links, and the error rate that judging it gives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.random import FIXED_EPOCH, BatchKey, Purpose, uniforms
from dynaclr.suspicion.links import Links

_Z95 = 1.959963984540054


def sample_links(links: Links, size: int, seed: int = 0) -> Links:
    """Return links drawn at random without replacement, in random order; all if there are fewer.

    A larger sample of the same seed begins with the smaller one, so that an audit can go on.
    """
    if size < 1:
        raise ConfigError(problem("value out of range", field="size", expected=">= 1", found=size))
    draws = uniforms(BatchKey(seed, FIXED_EPOCH, 0), Purpose.AUDIT, len(links))[:, 0]
    return links.take(np.argsort(draws, kind="stable")[:size])


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Share of wrong links, with the 95 % interval of Wilson.

    Attributes
    ----------
    wrong, judged
        Counts.
    rate, low, high
        Share and its interval; NaN, 0 and 1 if nothing was judged.
    """

    wrong: int
    judged: int
    rate: float
    low: float
    high: float

    def __str__(self) -> str:
        interval = f"{100 * self.low:.2f}-{100 * self.high:.2f} %"
        return f"{self.wrong} of {self.judged} links wrong: {100 * self.rate:.2f} % (95 %: {interval})"


def error_rate(wrong: int, judged: int) -> ErrorRate:
    """Return the error rate of a random sample of links.

    Raises
    ------
    ConfigError
        If the counts cannot be.
    """
    if not 0 <= wrong <= judged:
        raise ConfigError(
            problem("invalid counts", expected="0 <= wrong <= judged", found=f"{wrong} of {judged}")
        )
    if not judged:
        return ErrorRate(0, 0, math.nan, 0.0, 1.0)
    rate, square = wrong / judged, _Z95**2
    center = (rate + square / (2 * judged)) / (1 + square / judged)
    half = _Z95 / (1 + square / judged) * math.sqrt(rate * (1 - rate) / judged + square / (4 * judged**2))
    return ErrorRate(wrong, judged, rate, max(center - half, 0.0), min(center + half, 1.0))
