"""Patches of any observations of a data set as a network sees them when it embeds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from dynaclr.base import keys
from dynaclr.composition import Intensities, rows_to_measure
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.images import PatchRequest
from dynaclr.pipeline.preparation import Preparation, Stage


def row_patches(
    dataset: MultiExperimentTripletDataset, prepare: Preparation, rows: npt.NDArray[np.integer]
) -> npt.NDArray[np.float32]:
    """Return the normalized and cropped patches of table rows (n, C, Z, Y, X).

    Raises
    ------
    PixelReadError
        If pixels cannot be read.
    """
    index = dataset.index
    fov, t = index.table.fov_of(rows), index.table.t[rows]
    batch = {
        keys.ANCHOR: torch.from_numpy(dataset.reader.read(PatchRequest(fov, t, *index.corners(rows)))),
        keys.ANCHOR_NORM_META: dataset.norms.lookup(fov, t),
    }
    return np.asarray(prepare(batch, Stage.PREDICT)[keys.ANCHOR].numpy(), dtype=np.float32)


_PATCHES_AT_ONCE = 32


def measure_intensities(
    dataset: MultiExperimentTripletDataset,
    prepare: Preparation,
    rows: npt.NDArray[np.integer],
    progress: Callable[[int, int], None] | None = None,
) -> Intensities:
    """Return mean and standard deviation of the pixels of some anchors, as a network gets them.

    Parameters
    ----------
    dataset, prepare
        Where patches are read, and what happens to them; they are not augmented.
    rows
        Table rows, for example the anchors of a composition; `rows_to_measure` chooses which are read.
    progress
        Called with (done, all).

    Raises
    ------
    PixelReadError
        If pixels cannot be read.
    """
    index = dataset.index
    rows = rows_to_measure(index, rows)
    channels = tuple(index.registry.experiments[0].source_channel)
    moments = np.zeros((2, rows.size, len(channels)))
    for first in range(0, rows.size, _PATCHES_AT_ONCE):
        if progress is not None:
            progress(first, rows.size)
        some = slice(first, first + _PATCHES_AT_ONCE)
        patches = row_patches(dataset, prepare, rows[some])
        moments[0, some] = patches.mean(axis=(2, 3, 4), dtype=np.float64)
        moments[1, some] = patches.std(axis=(2, 3, 4), dtype=np.float64)
    experiment = np.asarray(index.fov_experiment[index.table.fov_of(rows)], dtype=np.int64)
    return Intensities(tuple(index.registry.names), channels, rows, experiment, *moments)
