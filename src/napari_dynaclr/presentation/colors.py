"""Colors of drawings derived from a theme, safe for any color vision."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# Okabe and Ito's colors, which people with any color vision can tell apart; darker on a light ground.
CYCLE_ON_DARK = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#F0E442", "#0072B2")
_ON_LIGHT = ("#0072B2", "#C45500", "#00805D", "#A3457A", "#946000", "#2484B8", "#000000")
DARK = {"background": "#262930", "text": "#f0f1f2"}
"""What is drawn in until a theme is told."""
_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True, slots=True)
class PlotColours:
    """Colors of one theme as "#rrggbb": background, text, two weaker ones, and a cycle for series."""

    background: str
    text: str
    muted: str
    faint: str
    cycle: tuple[str, ...]

    def of(self, role: str) -> str:
        """Return the color of a role: a field's name, or the place in the cycle as a digit."""
        return self.cycle[int(role)] if role.isdigit() else str(getattr(self, role))


def plot_colours(theme: Mapping[str, str]) -> PlotColours:
    """Return the colors of a theme.

    Parameters
    ----------
    theme
        At least "background" and "text", as "#rrggbb" or "rgb(r, g, b)".

    Raises
    ------
    KeyError
        If one of the two is missing.
    ValueError
        If a color cannot be read.
    """
    background, text = _rgb(theme["background"]), _rgb(theme["text"])
    muted, faint = (_hex(background + share * (text - background)) for share in (0.6, 0.25))
    cycle = _ON_LIGHT if background @ _LUMA > 128 else CYCLE_ON_DARK
    return PlotColours(_hex(background), _hex(text), muted, faint, cycle)


def _rgb(colour: str) -> FloatArray:
    numbers = re.fullmatch(r"rgb\((\d+), *(\d+), *(\d+)\)", colour.strip())
    if numbers:
        return np.array([float(part) for part in numbers.groups()])
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour.strip()):
        raise ValueError(f"'{colour}' is not a color; expected '#rrggbb' or 'rgb(r, g, b)'")
    return np.array([int(colour.strip()[place : place + 2], 16) for place in (1, 3, 5)], dtype=np.float64)


def _hex(rgb: FloatArray) -> str:
    red, green, blue = np.round(rgb).astype(int).tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"
