"""Many points as one image, each a small disc of its color; takes plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_RADII = ((25_000, 1.0), (4_000, 1.5), (800, 2.3))
_LARGEST = 3.2


def disc_radius(count: int, scale: float = 1.0) -> float:
    """Return the radius in pixels of one of so many points, on a screen with `scale` pixels a point."""
    radius = next((radius for least, radius in _RADII if count > least), _LARGEST)
    return radius * scale


def raster(
    pixels: npt.NDArray[np.floating[Any]],
    codes: npt.NDArray[np.integer[Any]],
    table: npt.NDArray[np.uint8],
    shape: tuple[int, int],
    radius: float,
) -> npt.NDArray[np.uint8]:
    """Return a picture (H, W, 4) of discs on nothing; of those that overlap the later one is on top.

    Parameters
    ----------
    pixels
        (N, 2) places x, y in pixels; those beyond the picture, or no numbers, are left out.
    codes
        (N,) place of each point's color in the table.
    table
        (K, 4) red, green, blue, opacity.
    shape
        Height and width of the picture.
    radius
        Of the discs, in pixels.
    """
    height, width = shape
    reach = int(np.ceil(radius))
    with np.errstate(invalid="ignore"):
        place = np.floor(pixels)
        seen = ((place >= -reach) & (place < [width + reach, height + reach])).all(axis=1)
    x, y = (place[seen].astype(np.intp) + 2 * reach).T
    wide = width + 4 * reach  # discs that are cut by the edge need no test
    canvas = np.zeros((height + 4 * reach) * wide, dtype=np.uint16)
    start, painted = y * wide + x, (codes[seen] + 1).astype(np.uint16)
    for step in _disc(radius, wide):
        canvas[start + step] = painted
    colors = np.concatenate([np.zeros((1, 4), dtype=np.uint8), table]).view(np.uint32)[:, 0]
    inner = canvas.reshape(-1, wide)[2 * reach : 2 * reach + height, 2 * reach : 2 * reach + width]
    return colors[inner].view(np.uint8).reshape(height, width, 4)


def _disc(radius: float, wide: int) -> list[int]:
    """Return the steps from the middle of a disc to its pixels, the middle last."""
    reach = int(np.ceil(radius))
    span = np.arange(-reach, reach + 1)
    y, x = (axis.ravel() for axis in np.meshgrid(span, span, indexing="ij"))
    distance = np.hypot(x, y)
    order = np.argsort(-distance, kind="stable")
    order = order[distance[order] <= radius]
    return (y[order] * wide + x[order]).tolist()  # type: ignore[no-any-return]
