"""Centers of the labels of masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from dynaclr.convert.frames import read_frame


def label_centers(mask: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the labels of a mask above 0 (n,), and the mean place of the pixels of each (n, axes)."""
    labels = np.unique(mask)
    labels = labels[labels > 0].astype(np.int64)
    if not labels.size:
        return labels, np.empty((0, mask.ndim))
    centers = ndimage.center_of_mass(np.ones(mask.shape, dtype=bool), mask, labels)
    return labels, np.asarray(centers, dtype=np.float64).reshape(labels.size, mask.ndim)


def label_rows(labels: Any, progress: Callable[[int, int], None] | None = None) -> npt.NDArray[np.float64]:
    """Return the centers of labels as rows of tracks, a label one track: (n, 4) or (n, 5).

    Parameters
    ----------
    labels
        (T, Y, X) or (T, Z, Y, X), read frame by frame; 0 is background.
    progress
        Called with (frames done, frames in all); what it raises ends the work.
    """
    shape = tuple(int(size) for size in labels.shape)
    rows = [np.empty((0, len(shape) + 1))]
    for t in range(shape[0]):
        found, centers = label_centers(read_frame(labels, "labels", t, shape[1:]))
        rows.append(np.column_stack([found, np.full(found.size, t), centers]))
        if progress is not None:
            progress(t + 1, shape[0])
    return np.concatenate(rows)
