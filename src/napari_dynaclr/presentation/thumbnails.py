"""Thumbnails of patches in color: one slice, one fixed contrast per channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
_SAMPLE = 400_000  # pixels a channel that the contrast is taken from
_NAMED = {
    "gray": "ffffff",
    "green": "00ff00",
    "magenta": "ff00ff",
    "cyan": "00ffff",
    "yellow": "ffff00",
    "red": "ff0000",
}


def rgb_of(colormap: str) -> tuple[float, float, float]:
    """Return the brightest color of a colormap, "green" or "#rrggbb", as numbers in 0..1.

    Raises
    ------
    ValueError
        If it is neither.
    """
    text = _NAMED.get(colormap, colormap.removeprefix("#"))
    if len(text) != 6:
        raise ValueError(f"'{colormap}' is not a color; expected '#rrggbb' or one of {', '.join(_NAMED)}")
    red, green, blue = (int(text[place : place + 2], 16) / 255 for place in (0, 2, 4))
    return red, green, blue


def middle_slice(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the slice in the middle of the depth: (b, C, Z, Y, X) to (b, C, Y, X)."""
    return images[:, :, images.shape[2] // 2]


def contrast(images: npt.NDArray[Any]) -> FloatArray:
    """Return (C, 2) limits that 0.5 % of the finite pixels of a channel lie beyond at each end."""
    limits = np.empty((images.shape[1], 2))
    for channel in range(images.shape[1]):
        values = images[:, channel].ravel()
        values = values[:: max(values.size // _SAMPLE, 1)]
        values = values[np.isfinite(values)]
        limits[channel] = np.percentile(values, (0.5, 99.5)) if values.size else (0.0, 1.0)
    limits[:, 1] = np.where(limits[:, 1] > limits[:, 0], limits[:, 1], limits[:, 0] + 1.0)
    return limits


def composite(
    images: npt.NDArray[Any], limits: FloatArray, colours: Sequence[tuple[float, float, float]]
) -> npt.NDArray[np.uint8]:
    """Return all channels in one color picture each: (b, C, Y, X) to (b, Y, X, 3).

    Parameters
    ----------
    images
        Patches.
    limits
        (C, 2) values that are black and brightest.
    colours
        (C,) red, green and blue in 0..1 of the brightest.
    """
    low, high = limits[:, 0, None, None], limits[:, 1, None, None]
    share = np.clip(np.nan_to_num((images - low) / (high - low)), 0.0, 1.0)
    mixed = np.einsum("bcyx,ck->byxk", share, np.asarray(colours, dtype=np.float64))
    return np.asarray(np.round(np.clip(mixed, 0.0, 1.0) * 255), dtype=np.uint8)
