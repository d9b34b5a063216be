"""Reads what suspicion needs of the pixels: a few whole frames, and a small box at every cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dynaclr.images import PatchReader, PatchRequest
from dynaclr.suspicion.placement import FovView, Points, feature_maps

if TYPE_CHECKING:
    from dynaclr.index import MultiExperimentIndex

Progress = Callable[[int, int], None]

_TIMES = 2  # places in a recording at which frames are read, three frames each
_BOX_PX = 24
_CHUNK = 512


@dataclass(frozen=True, slots=True)
class CellPixels:
    """Pixels at every cell as numbers, all (channels, n).

    Attributes
    ----------
    intensity
        Mean of the box.
    sharpness
        Energy of the Laplacian over the variance: small where the image is blurred.
    """

    intensity: npt.NDArray[np.float64]
    sharpness: npt.NDArray[np.float64]


def _reader(index: MultiExperimentIndex, size: tuple[int, int]) -> PatchReader:
    """Return a reader of stored pixels of the middle slice of those that the index reads."""
    registry = index.registry
    return PatchReader(
        index.fovs,
        registry.names,
        [list(registry.channel_maps[name].values()) for name in registry.names],
        index.slices.middle(),
        size,
        zeros_for_missing=True,  # a blank image shows no cell, which is what is looked for
    )


def read_view(index: MultiExperimentIndex, fov: int) -> FovView:
    """Read a few frames of a FOV, and return them with its centroids."""
    layout = index.fovs[fov].layout
    height, width = layout.shape[3:]
    table = index.table
    rows = np.arange(len(table))[table.rows(fov)]
    frames = _frames(layout.shape[0])
    zeros = np.zeros(frames.size, dtype=np.int64)
    reader = _reader(index, (height, width))
    maps, reduction = {}, 1
    for frame in frames.tolist():
        request = PatchRequest(zeros[:1] + fov, zeros[:1] + frame, zeros[:1], zeros[:1])
        maps[frame], reduction = feature_maps(reader.read(request)[0, :, 0])
    seen = rows[np.isin(table.t[rows], frames)]
    rows = rows[np.lexsort((table.t[rows], table.track[rows]))]
    follows = (np.diff(table.track[rows]) == 0) & (np.diff(table.t[rows]) == 1)
    step = np.where(follows, np.diff([table.y[rows], table.x[rows]]), np.nan)
    none = np.full((2, 1), np.nan)
    forward, backward = np.concatenate([step, none], axis=1), np.concatenate([none, step], axis=1)
    tracks = int(np.unique(table.track[seen]).size)
    points = Points(table.t[rows].astype(np.int64), table.y[rows], table.x[rows], forward, backward, tracks)
    return FovView(points, maps, reduction, float(layout.scale[-1]))


def _frames(count: int) -> npt.NDArray[np.int64]:
    """Return triples of frames one after the other, spread over the recording."""
    middles = np.linspace(0, count - 1, 2 * _TIMES + 1)[1::2].round().astype(np.int64)
    frames = np.unique(middles[:, None] + np.arange(-1, 2))
    return frames[(frames >= 0) & (frames < count)]


def read_cells(
    index: MultiExperimentIndex, rows: npt.NDArray[np.integer], progress: Progress | None = None
) -> CellPixels:
    """Read a small box around cells of the middle slice; boxes are moved to lie inside the image."""
    height, width = (min(_BOX_PX, int(size)) for size in index.fov_image_yx.min(axis=0))
    reader = _reader(index, (height, width))
    table = index.table
    fov = table.fov_of(rows)
    image = index.fov_image_yx[fov]
    y = np.clip(np.floor(table.y[rows] + 0.5).astype(np.int64) - height // 2, 0, image[:, 0] - height)
    x = np.clip(np.floor(table.x[rows] + 0.5).astype(np.int64) - width // 2, 0, image[:, 1] - width)
    channels = reader.sample_shape[0]
    intensity, sharpness = np.empty((channels, rows.size)), np.empty((channels, rows.size))
    order = np.lexsort((x, y, table.t[rows], fov))
    for start in range(0, rows.size, _CHUNK):
        own = order[start : start + _CHUNK]
        boxes = reader.read(PatchRequest(fov[own], table.t[rows][own], y[own], x[own]))[:, :, 0]
        intensity[:, own] = boxes.mean(axis=(2, 3)).T
        inner = boxes[..., 1:-1, 1:-1]
        beside = boxes[..., 2:, 1:-1] + boxes[..., :-2, 1:-1] + boxes[..., 1:-1, 2:] + boxes[..., 1:-1, :-2]
        detail = (beside - 4 * inner).var(axis=(2, 3))
        sharpness[:, own] = (detail / np.maximum(boxes.var(axis=(2, 3)), 1e-6)).T
        if progress is not None:
            progress(min(start + _CHUNK, rows.size), rows.size)
    return CellPixels(intensity, sharpness)
