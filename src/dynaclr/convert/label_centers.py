"""Centers of the labels of masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.convert.frames import read_frame
from dynaclr.tracks.sources.label_centers import label_centers


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
