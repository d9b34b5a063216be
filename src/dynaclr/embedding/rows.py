"""Finds the observations of an embedding in the index of a data set; reads no files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.index import MultiExperimentIndex

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("rows_in",)


def rows_in(index: MultiExperimentIndex, observations: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the row of the index's table of each observation (N,), -1 for one that is not in it.

    An observation is told by experiment, FOV, track and frame, so that the order and the number of rows
    may be others: an embedding of all cells is found in an index of some.
    """
    table = index.table
    result = np.full(len(observations), -1, dtype=np.int64)
    fov = _fov_codes(index, observations)
    ids, code_of_track = np.unique(table.track_id, return_inverse=True)
    if not ids.size:
        return result
    track_key = table.track_fov.astype(np.int64) * ids.size + code_of_track
    order = np.argsort(track_key, kind="stable")
    wanted_id = observations[keys.TRACK_ID].to_numpy()
    place = np.minimum(np.searchsorted(ids, wanted_id), ids.size - 1)
    wanted = fov * ids.size + place
    found = np.minimum(np.searchsorted(track_key, wanted, sorter=order), order.size - 1)
    track = order[found]
    frames = observations[keys.T].to_numpy(dtype=np.int64)
    known = (fov >= 0) & (ids[place] == wanted_id) & (track_key[track] == wanted)
    key = (table.fov_first_frame[np.maximum(fov, 0)] + frames) * table.n_tracks + track
    row = np.minimum(np.searchsorted(table.frame_key, key), len(table) - 1)
    known &= (table.frame_key[row] == key) & (table.t[row] == frames)
    result[known] = row[known]
    return result


def _fov_codes(index: MultiExperimentIndex, observations: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the FOV code of each observation (N,), -1 for an FOV that is not in use."""
    names = index.registry.names
    codes: dict[Any, int] = {
        (names[entry.experiment], entry.layout.name): code for code, entry in enumerate(index.fovs)
    }
    places = observations.groupby([keys.EXPERIMENT, keys.FOV_NAME], sort=False, observed=True)
    result = np.full(len(observations), -1, dtype=np.int64)
    for name, members in places.indices.items():
        result[members] = codes.get(name, -1)
    return result
