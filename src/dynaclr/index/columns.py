"""The index's anchors as columns of codes for the sampler; holds no strings a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.index.index import MultiExperimentIndex


class AnchorColumns:
    """Columns experiment, condition, well, fov_name and hours_post_infection of `valid_anchors`."""

    _TEXT = (keys.EXPERIMENT, keys.CONDITION, keys.WELL, keys.FOV_NAME)

    def __init__(self, index: MultiExperimentIndex) -> None:
        self._index = index

    def __len__(self) -> int:
        return int(self._index.anchor_rows.size)

    @property
    def names(self) -> Sequence[str]:
        """Names of the columns."""
        return (*self._TEXT, keys.HOURS)

    def codes(self, name: str) -> tuple[npt.NDArray[np.integer], Sequence[str]]:
        """Return codes (n,) and labels of a text column; hours as text are no column."""
        codes, labels = self._index.codes(name, self._index.anchor_rows)
        return codes.astype(np.int64), labels

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Return hours after infection or perturbation (n,)."""
        if name != keys.HOURS:
            raise KeyError(f"no numeric column '{name}'; there is {keys.HOURS}")
        return self._index.hours(self._index.anchor_rows)
