"""Nodes and edges of any tracker -> tracks: what a branch, a merge and a link over missing frames mean.

A track is the longest chain of observations without a branch. Where an observation has several followers (a
division) its track ends, and each follower begins a track of its own with that one as parent. Where it has
several predecessors (a merge) a track without a parent begins: nobody can tell which of the cells goes on. A
link over missing frames continues the track, which then has a gap; nothing is put in between.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import DataError, listing, problem

Columns = dict[str, npt.NDArray[Any]]
_SHOWN = 5


@dataclass(slots=True)
class LinkCounts:
    """What was found in a source of tracks.

    Attributes
    ----------
    observations, tracks
        That are used.
    divisions
        Observations with several followers.
    merges
        Observations with several predecessors.
    unlinked
        Spots that belong to no track, left out.
    skipped_frames
        Links over at least one missing frame.
    interpolated
        Points that a tracker put into gaps and nobody saw, left out.
    notes
        What else a person should know.
    """

    observations: int = 0
    tracks: int = 0
    divisions: int = 0
    merges: int = 0
    unlinked: int = 0
    skipped_frames: int = 0
    interpolated: int = 0
    notes: list[str] = field(default_factory=list)


def split_tracks(nodes: Columns, edges: npt.NDArray[np.integer], counts: LinkCounts, file: object) -> Columns:
    """Return the columns of a track file, sorted by track and frame.

    Parameters
    ----------
    nodes
        id, t, y, x and further columns, each (n,); ids are whole numbers from 0.
    edges
        (m, 2) ids of the earlier and the later observation; turned where time says so.
    counts
        Filled.
    file
        For messages.

    Returns
    -------
    `nodes` with track_id (from 1, by first frame and id), parent_track_id, and parent_id, the observation
    before.

    Raises
    ------
    DataError
        If ids repeat or are negative.
    """
    order = np.lexsort((nodes[keys.ID], nodes[keys.T]))
    nodes = {name: values[order] for name, values in nodes.items()}
    ids, t = nodes[keys.ID], nodes[keys.T]
    _check_ids(ids, file)
    source, target = _links(ids, t, np.asarray(edges).reshape(-1, 2), counts)
    followers = np.bincount(source, minlength=ids.size)
    predecessors = np.bincount(target, minlength=ids.size)
    before = np.full(ids.size, -1)
    single = predecessors[target] == 1
    before[target[single]] = source[single]
    goes_on = (before >= 0) & (followers[before] == 1)
    place = np.arange(ids.size)
    first = np.where(goes_on, before, place)
    while not np.array_equal(further := first[first], first):  # doubles its reach each time
        first = further
    starts = first == place
    number = np.cumsum(starts)  # nodes are in order of frame and id
    track = number[first]
    mother = np.where(before[first] >= 0, track[before[first]], keys.NO_PARENT)
    counts.observations, counts.tracks = int(ids.size), int(np.count_nonzero(starts))
    counts.divisions = int(np.count_nonzero(followers > 1))
    counts.merges = int(np.count_nonzero(predecessors > 1))
    counts.skipped_frames = int(np.count_nonzero(t[target] - t[source] > 1))
    columns = {
        keys.TRACK_ID: track,
        keys.PARENT_TRACK_ID: mother,
        keys.PARENT_ID: np.where(before >= 0, ids[before], keys.NO_PARENT),
        **nodes,
    }
    by_track = np.lexsort((t, track))
    return {name: values[by_track] for name, values in columns.items()}


def _check_ids(ids: npt.NDArray[Any], file: object) -> None:
    values, numbers = np.unique(ids, return_counts=True)
    if (numbers > 1).any():
        found = listing(values[numbers > 1].tolist(), _SHOWN)
        raise DataError(
            problem("ids of observations repeat", file=file, field=keys.ID, expected="one each", found=found)
        )
    if values.size and values[0] < 0:
        raise DataError(
            problem("id below 0", file=file, field=keys.ID, expected="whole numbers from 0", found=values[0])
        )


def _links(
    ids: npt.NDArray[Any], t: npt.NDArray[Any], edges: npt.NDArray[np.integer], counts: LinkCounts
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return positions (source, target) of the links that can be used, forward in time, each once."""
    nothing = np.empty(0, dtype=np.int64)
    if not ids.size or not edges.size:
        return nothing, nothing
    order = np.argsort(ids, kind="stable")
    spot = np.minimum(np.searchsorted(ids[order], edges), ids.size - 1)
    known = (ids[order[spot]] == edges).all(axis=1)
    ends = order[spot[known]]
    ends = np.where((t[ends[:, 0]] > t[ends[:, 1]])[:, None], ends[:, ::-1], ends)
    apart = t[ends[:, 0]] < t[ends[:, 1]]
    for what, number in (
        ("links name spots that are not there, left out", np.count_nonzero(~known)),
        ("links join two spots of one frame, left out", np.count_nonzero(~apart)),
    ):
        if number:
            counts.notes.append(f"{number} {what}")
    ends = np.unique(ends[apart], axis=0)
    return ends[:, 0], ends[:, 1]
