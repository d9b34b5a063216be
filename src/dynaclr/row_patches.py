"""Patches of any observations of a data set as a network sees them when it embeds; knows no batches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from dynaclr import keys
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.patches import PatchRequest
from dynaclr.preparation import Preparation, Stage

__all__ = ("row_patches",)


def row_patches(
    dataset: MultiExperimentTripletDataset, prepare: Preparation, rows: npt.NDArray[np.integer]
) -> npt.NDArray[np.float32]:
    """Return the normalised and cropped patches of table rows (n, C, Z, Y, X).

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
