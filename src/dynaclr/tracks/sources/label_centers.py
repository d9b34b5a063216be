"""Where the labels of a mask are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage


def label_centers(mask: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the labels of a mask above 0 (n,), and the mean place of the pixels of each (n, axes)."""
    labels = np.unique(mask)
    labels = labels[labels > 0].astype(np.int64)
    if not labels.size:
        return labels, np.empty((0, mask.ndim))
    centers = ndimage.center_of_mass(np.ones(mask.shape, dtype=bool), mask, labels)
    return labels, np.asarray(centers, dtype=np.float64).reshape(labels.size, mask.ndim)
