"""Reads what suspicion needs of the pixels: a few whole frames, and a small box at every cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dynaclr.base.random import FIXED_EPOCH, BatchKey, Purpose, uniforms
from dynaclr.images import PatchReader, PatchRequest
from dynaclr.suspicion.placement import feature_maps
from dynaclr.suspicion.steps import match
from dynaclr.suspicion.view import FovView, Points, Steps

if TYPE_CHECKING:
    from dynaclr.index import MultiExperimentIndex

Progress = Callable[[int, int], None]

_MOST_STEPS = 60  # of a frame
_PAIRS, _FEWEST_PAIRS = 24, 2  # of frames of an experiment; of a FOV
_MOST_FOVS = 12  # of an experiment in a sample
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


def read_views(
    index: MultiExperimentIndex, fovs: Sequence[int], progress: Progress | None = None
) -> list[FovView]:
    """Read pairs of frames of the FOVs of an experiment, and return what they show at their centroids."""
    pairs = max(_PAIRS // max(len(fovs), 1), _FEWEST_PAIRS)
    views = []
    for fov in fovs:
        views.append(read_view(index, fov, pairs))
        if progress is not None:
            progress(len(views), len(fovs))
    return views


def sampled_fovs(index: MultiExperimentIndex, experiment: int, seed: int = 0) -> list[int]:
    """Return FOVs of an experiment that have observations, at most 12, drawn at random."""
    table = index.table
    fovs = np.flatnonzero(index.fov_experiment == experiment)
    fovs = fovs[[table.t[table.rows(int(fov))].size > 0 for fov in fovs]]
    draws = uniforms(BatchKey(seed, FIXED_EPOCH, experiment), Purpose.AUDIT, fovs.size)[:, 0]
    return sorted(fovs[np.argsort(draws, kind="stable")[:_MOST_FOVS]].tolist())


def read_view(index: MultiExperimentIndex, fov: int, pairs: int) -> FovView:
    """Read pairs of frames of a FOV, and return what they show at its centroids.

    Parameters
    ----------
    index
        The observations.
    fov
        Code of the FOV.
    pairs
        Number of pairs of frames, one after the other, spread over the recording.
    """
    layout = index.fovs[fov].layout
    height, width = layout.shape[3:]
    rows = np.arange(len(index.table))[index.table.rows(fov)]
    reader = _reader(index, (height, width))

    def read(frame: int) -> npt.NDArray[np.floating]:
        place = np.array([0])
        return np.asarray(reader.read(PatchRequest(place + fov, place + frame, place, place))[0, :, 0])

    table = index.table
    points = Points(
        table.track[rows].astype(np.int64), table.t[rows].astype(np.int64), table.y[rows], table.x[rows]
    )
    return view_of(points, read, layout.shape[0], (height, width), float(layout.scale[-1]), pairs)


def view_of(
    points: Points,
    read: Callable[[int], npt.NDArray[np.floating]],
    frames: int,
    image_yx: tuple[int, int],
    pixel_um: float,
    pairs: int,
) -> FovView:
    """Return what pairs of frames show at centroids.

    Parameters
    ----------
    points
        Centroids.
    read
        Frame to image (C, Y, X).
    frames
        Number of frames of the recording.
    image_yx, pixel_um
        Size of the image and of its pixels.
    pairs
        Number of pairs.
    """
    maps, reduction, steps = {}, 1, []
    for frame in np.unique(np.linspace(0, max(frames - 2, 0), pairs).round().astype(np.int64)).tolist():
        image = read(frame)
        maps[frame], reduction = feature_maps(image)
        own = np.flatnonzero(points.t == frame)
        if own.size > _MOST_STEPS:
            own = own[np.linspace(0, own.size - 1, _MOST_STEPS).round().astype(np.int64)]
        after = read(frame + 1) if frame + 1 < frames else image[:, :0]
        moved = [match(*both, points.y[own], points.x[own]) for both in zip(image, after, strict=True)]
        steps.append(Steps(points.track[own], np.full(own.size, frame), np.stack(moved)))
    joined = Steps(
        np.concatenate([item.track for item in steps]),
        np.concatenate([item.t for item in steps]),
        np.concatenate([item.moved for item in steps], axis=2),
    )
    return FovView(points, maps, reduction, pixel_um, image_yx, joined)


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
