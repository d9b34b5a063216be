"""Colors of many cells by a number or a name each; takes plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# Viridis at even steps: equal steps look equal to people with any color vision, in gray too.
_SCALE = ("440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725")
_BINS = 64
_UNKNOWN = 127  # gray
_ROUNDS = 3  # how often the cycle of colors is used, each time paler, before colors repeat
_PALER = 0.35


@dataclass(frozen=True, slots=True)
class Colouring:
    """What each cell is colored by.

    Attributes
    ----------
    codes
        (N,) place of each cell's color in `table`.
    names
        What the places mean; empty for numbers.
    limits
        Numbers of the first and the last color; None for names. What is beyond gets the nearest.
    """

    codes: npt.NDArray[np.uint8]
    names: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None

    def table(self, cycle: Sequence[str]) -> npt.NDArray[np.uint8]:
        """Return the colors (K, 3); names get those of a cycle of "#rrggbb", then paler ones, then again.

        The last one stands for what is not known.
        """
        if self.limits is not None:
            stops = np.array([_rgb(stop) for stop in _SCALE])
            share = np.linspace(0, len(stops) - 1, _BINS)
            parts = [np.interp(share, np.arange(len(stops)), part) for part in stops.T]
            colors = np.column_stack(parts)
        else:
            first = np.array([_rgb(color) for color in cycle])
            rounds = [first + k * _PALER * (_UNKNOWN - first) for k in range(_ROUNDS)]
            every = np.concatenate(rounds)
            colors = every[np.arange(int(self.codes.max(initial=0)) + 1) % len(every)]
        whole = np.concatenate([colors, np.full((1, 3), _UNKNOWN)])
        return np.asarray(np.round(whole), dtype=np.uint8)


def by_number(values: npt.NDArray[np.floating[Any]]) -> Colouring:
    """Color by a number (N,): the outermost percent at each end share a color; no number is unknown."""
    known = np.isfinite(values)
    low, high = np.percentile(values[known], (1, 99)) if known.any() else (0.0, 1.0)
    span = high - low if high > low else 1.0
    with np.errstate(invalid="ignore"):
        bins = np.clip((values - low) / span * _BINS, 0, _BINS - 1)
    codes = np.where(known, np.nan_to_num(bins), _BINS).astype(np.uint8)
    return Colouring(codes, limits=(float(low), float(high)))


def by_name(codes: npt.NDArray[np.integer[Any]], names: Sequence[str] = ()) -> Colouring:
    """Color by a code (N,); the names of the codes are what a legend says, none if there are too many."""
    return Colouring((codes.astype(np.int64) % 254).astype(np.uint8), tuple(names))


def _rgb(colour: str) -> npt.NDArray[np.float64]:
    digits = colour.removeprefix("#")
    return np.array([int(digits[place : place + 2], 16) for place in (0, 2, 4)], dtype=np.float64)
