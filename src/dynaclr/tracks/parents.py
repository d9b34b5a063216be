"""Who is whose parent among the tracks of one FOV."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import DataError, listing, problem
from dynaclr.tracks.policy import TrackCounts

Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class ObservationLinks:
    """What was found in following parent_id.

    Attributes
    ----------
    repeated
        Ids that stand for several observations; nothing was followed if there are any.
    missing
        Tracks whose first observation names one that is not there.
    into_tracks
        Later observations that name one of a track that is neither theirs nor their parent's.
    """

    repeated: int
    missing: int
    into_tracks: int


def parents_by_observation(columns: Columns) -> tuple[npt.NDArray[np.int64], ObservationLinks]:
    """Return the parent track of each row (n,), -1 for none, that `id` and `parent_id` tell."""
    track, ids, named = (columns[name] for name in (keys.TRACK_ID, keys.ID, keys.PARENT_ID))
    known = np.flatnonzero(ids != keys.NO_PARENT)
    order = known[np.argsort(ids[known], kind="stable")]
    repeated = int(np.count_nonzero(np.diff(ids[order]) == 0))
    nobody = np.full(track.size, keys.NO_PARENT, dtype=np.int64)
    if repeated or not order.size:
        return nobody, ObservationLinks(repeated, 0, 0)
    spot = np.minimum(np.searchsorted(ids[order], named), order.size - 1)
    there = (named != keys.NO_PARENT) & (ids[order[spot]] == named)
    mother = np.where(there, track[order[spot]], keys.NO_PARENT)
    mother[mother == track] = keys.NO_PARENT
    by_time = np.lexsort((columns[keys.T], track))
    _, start, place = np.unique(track[by_time], return_index=True, return_inverse=True)
    first = by_time[start]
    parent = nobody.copy()
    parent[by_time] = mother[first][place]
    missing = int(np.count_nonzero((named[first] > 0) & ~there[first]))  # 0 means none to some tools
    into_tracks = int(np.count_nonzero((mother != keys.NO_PARENT) & (mother != parent)))
    return parent, ObservationLinks(repeated, missing, into_tracks)


def track_parents(
    columns: Columns, counts: TrackCounts, *, experiment: str | None, path: Path
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
    counts.missing_parents += int(np.count_nonzero((parent_id >= 0) & ~known))
    parent = np.where(known, spot, -1)
    _check_family(track_id, parent, columns[keys.T], start, counts, experiment, path)
    return track_id, parent, start


def _check_family(
    track_id: npt.NDArray[np.int64],
    parent: npt.NDArray[np.int64],
    t: npt.NDArray[np.int64],
    start: npt.NDArray[np.int64],
    counts: TrackCounts,
    experiment: str | None,
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
