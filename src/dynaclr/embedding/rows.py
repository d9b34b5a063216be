"""Finds the observations of an embedding in the index of a data set; reads no files."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.index import MultiExperimentIndex

if TYPE_CHECKING:
    import pandas as pd


def rows_in(index: MultiExperimentIndex, observations: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the row of the index's table of each observation (N,), -1 for one that is not in it.

    An observation is told by experiment, FOV, track and frame, so that the order and the number of rows
    may be others: an embedding of all cells is found in an index of some.
    """
    fov = np.full(len(observations), -1, dtype=np.int64)
    places = observations.groupby([keys.EXPERIMENT, keys.FOV_NAME], sort=False, observed=True)
    for place, members in places.indices.items():
        fov[members] = index.fov_code(*cast("tuple[str, str]", place))
    track_id, t = (observations[name].to_numpy(dtype=np.int64) for name in (keys.TRACK_ID, keys.T))
    return index.table.find(fov, track_id, t)
