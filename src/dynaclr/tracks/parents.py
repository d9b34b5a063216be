"""Who is whose parent among the tracks of one FOV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import DataError, listing, problem
from dynaclr.tracks.policy import TrackCounts

Columns = dict[str, npt.NDArray[Any]]


def track_parents(
    columns: Columns, counts: TrackCounts, *, experiment: str, path: Path
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return (track_id, parent position or -1, first row) of each track of checked columns.

    Raises
    ------
    DataError
        If the rows of a track name different parents or a parent starts after its child.
    """
    track_id, start = np.unique(columns[keys.TRACK_ID], return_index=True)
    none = np.full(track_id.size, -1, dtype=np.int64)
    if keys.PARENT_TRACK_ID not in columns or not track_id.size:
        return track_id, none, start
    named = columns[keys.PARENT_TRACK_ID]
    parent_id = np.maximum.reduceat(named, start)
    lowest = np.minimum.reduceat(np.where(named < 0, np.iinfo(np.int64).max, named), start)
    conflict = np.flatnonzero((parent_id >= 0) & (lowest != parent_id))
    if conflict.size:
        raise DataError(
            problem(
                f"{conflict.size} tracks have more than one parent",
                experiment=experiment,
                file=path,
                field=keys.PARENT_TRACK_ID,
                found=listing(f"track {track_id[i]}: {lowest[i]} and {parent_id[i]}" for i in conflict[:5]),
            )
        )
    spot = np.minimum(np.searchsorted(track_id, parent_id), track_id.size - 1)
    known = (parent_id >= 0) & (track_id[spot] == parent_id)
    counts.missing_parents = int(np.count_nonzero((parent_id >= 0) & ~known))
    parent = np.where(known, spot, -1)
    _check_family(track_id, parent, columns[keys.T], start, counts, experiment, path)
    return track_id, parent, start


def _check_family(
    track_id: npt.NDArray[np.int64],
    parent: npt.NDArray[np.int64],
    t: npt.NDArray[np.int64],
    start: npt.NDArray[np.int64],
    counts: TrackCounts,
    experiment: str,
    path: Path,
) -> None:
    first, last = t[start], t[np.r_[start[1:], t.size] - 1]
    child = np.flatnonzero(parent >= 0)
    child = child[parent[child] != child]  # a track that is its own parent is a cycle, reported as such
    mother = parent[child]
    late = first[mother] > first[child]
    if late.any():
        raise DataError(
            problem(
                f"{np.count_nonzero(late)} tracks start before their parent",
                experiment=experiment,
                file=path,
                field=keys.PARENT_TRACK_ID,
                found=listing(
                    f"track {track_id[c]} starts at {first[c]}, its parent {track_id[m]} at {first[m]}"
                    for c, m in list(zip(child[late], mother[late], strict=True))[:5]
                ),
            )
        )
    over = last[mother] >= first[child]
    counts.overlaps = int(np.count_nonzero(over))
    if counts.overlaps:
        text = problem(
            f"{counts.overlaps} parents continue after their daughter starts",
            experiment=experiment,
            file=path,
            found=listing(
                f"track {track_id[m]} until {last[m]}, child {track_id[c]} from {first[c]}"
                for c, m in list(zip(child[over], mother[over], strict=True))[:5]
            ),
        )
        counts.warnings.append(text)
    daughters = np.bincount(mother, minlength=track_id.size)
    counts.divisions = int(np.count_nonzero(daughters >= 2))
    counts.large_divisions = int(np.count_nonzero(daughters > 2))
