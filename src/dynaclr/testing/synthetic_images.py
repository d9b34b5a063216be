"""Draws simulated cells as a fluorescent nucleus and a granular organelle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dynaclr.testing.synthetic_cells import Cell

_REACH = 18  # half side of the box that a cell is drawn in, pixels
_OFFSET = (120.0, 160.0)  # camera offset of nucleus and organelle
_GAIN = (900.0, 500.0)


def render_frame(
    cells: Sequence[Cell], image_yx: tuple[int, int], depth: int, rng: np.random.Generator
) -> npt.NDArray[np.uint16]:
    """Return one frame (C = nucleus, organelle; Z, Y, X) with light, shot noise and camera noise."""
    height, width = image_yx
    pad = _REACH + 2
    light = np.zeros((2, depth, height + 2 * pad, width + 2 * pad))
    for cell in cells:
        y, x = round(cell.y) + pad, round(cell.x) + pad
        box = (slice(y - _REACH, y + _REACH + 1), slice(x - _REACH, x + _REACH + 1))
        nucleus, organelle = _draw(cell)
        for z in range(depth):
            focus = np.exp(-(((z - (depth - 1) / 2) / max(depth, 2)) ** 2) * 2)
            light[0, z, box[0], box[1]] += nucleus * focus
            light[1, z, box[0], box[1]] += organelle * focus
    light = light[:, :, pad:-pad, pad:-pad]
    yy, xx = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    vignette = 1 - 0.25 * (yy**2 + xx**2) / 2
    gain, offset = (np.reshape(values, (2, 1, 1, 1)) for values in (_GAIN, _OFFSET))
    signal = (light * gain + 60) * vignette
    noisy = signal + rng.standard_normal(signal.shape, dtype=np.float32) * np.sqrt(signal + 40)
    return np.asarray(np.clip(noisy + offset, 0, 65535), dtype=np.uint16)


def _draw(cell: Cell) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return nucleus and organelle of one cell in its box (Y, X)."""
    looks = cell.looks
    y, x = np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1].astype(float)
    y, x = y - (cell.y - round(cell.y)), x - (cell.x - round(cell.x))
    u = x * np.cos(cell.angle) + y * np.sin(cell.angle)
    v = -x * np.sin(cell.angle) + y * np.cos(cell.angle)
    round_up = max(cell.mitotic, 0.7 * cell.rounding)
    stretch = np.sqrt(looks.elongation * (1 - round_up) + round_up)
    radius = looks.radius_px * (1 - 0.25 * cell.mitotic)
    angle, distance = np.arctan2(v * stretch, u / stretch), np.hypot(u / stretch, v * stretch)
    outline = 1 + (1 - round_up) * sum(
        amplitude * np.cos(order * angle + phase)
        for order, (amplitude, phase) in enumerate(looks.outline.T, start=2)
    )
    body = 1 / (1 + np.exp(2.0 * (distance - radius * outline)))
    texture = 1 + _spots(u, v, looks.spots * np.array([radius, 1, 1, 1 - 0.8 * cell.mitotic]))
    nucleus = body * np.clip(texture, 0.2, 3) * (0.8 + 0.9 * cell.mitotic)
    halo = np.exp(-((np.hypot(u, v) - 10) ** 2) / 18)
    organelle = cell.organelle * (0.25 * halo + _spots(u, v, looks.granules))
    return nucleus, organelle


def _spots(
    u: npt.NDArray[np.float64], v: npt.NDArray[np.float64], spots: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return Gaussian spots (distance, angle, width, brightness) in the cell's own axes."""
    total = np.zeros_like(u)
    for distance, angle, width, brightness in spots:
        square = (u - distance * np.cos(angle)) ** 2 + (v - distance * np.sin(angle)) ** 2
        total += brightness * np.exp(-square / (2 * width**2))
    return total
