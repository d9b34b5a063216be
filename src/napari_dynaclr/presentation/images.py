"""Patches as pictures: contrast limits, projections, 8-bit gray."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_SAMPLE = 1_000_000  # pixels that a contrast is taken from
_OUTSIDE_PERCENT = 0.5


def contrast_limits(images: npt.NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Return the 0.5 and 99.5 percentile of the finite pixels of evenly chosen images (N, ...)."""
    every = max(images.size // _SAMPLE, 1)
    values = images[::every].ravel()
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, (_OUTSIDE_PERCENT, 100 - _OUTSIDE_PERCENT))
    return float(low), float(high)


def flat(stack: npt.NDArray[np.floating[Any]], z: int | None) -> npt.NDArray[np.floating[Any]]:
    """Return one slice of a stack (..., Z, Y, X), or its maximum over Z for None, (..., Y, X)."""
    return stack.max(axis=-3) if z is None else stack[..., min(z, stack.shape[-3] - 1), :, :]


def grey8(image: npt.NDArray[np.floating[Any]], limits: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """Return an image (Y, X) as 0..255 between limits; NaN and Inf are black."""
    low, high = limits
    scaled = np.nan_to_num((image - low) / max(high - low, 1e-12), nan=0.0, posinf=1.0, neginf=0.0)
    return np.ascontiguousarray(np.clip(scaled * 255, 0, 255).astype(np.uint8))
