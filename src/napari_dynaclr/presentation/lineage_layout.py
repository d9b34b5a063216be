"""Layout of one lineage tree: tracks side by side, time along.

A node is one observation. Nodes are ordered by (track, frame), tracks in preorder, so that the nodes of
a track are one range and every line of the drawing is a pair of node numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dynaclr.tracks import CellTable

if TYPE_CHECKING:
    from dynaclr.index import MultiExperimentIndex

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class NodeKind(IntEnum):
    """What happens at an observation; the larger value wins where two apply."""

    FRAME = 0
    DAUGHTER = 1  # first observation of a track that has a mother
    START = 2  # first observation of the root
    END = 3  # last observation of a track without daughters, before the recording ends
    RECORDING_END = 4  # the same in the last frame
    LINK = 5  # the cell goes on as a single track of another id
    DIVISION = 6  # a daughter of two or more comes from here


@dataclass(frozen=True, slots=True)
class LineageLayout:
    """The lineage of one root; K tracks in preorder, N nodes.

    Attributes
    ----------
    fov
        Code of the field of view.
    n_frames
        Frames of the recording.
    start_hours, interval_hours
        Hours at frame 0, and between two frames.
    track_id
        (K,) as in the file.
    parent
        (K,) place of the mother, -1 for the root.
    position
        (K,) where the track stands: leaves at 0, 1, 2, ..., a mother midway between her outer daughters.
    first_node
        (K + 1,) the nodes of track k are first_node[k]..first_node[k + 1].
    origin
        (K,) node of the mother that the track comes from, -1 for the root: her last observation before
        the track starts, or her first one if both start together.
    row, frame, node_track
        (N,) row of the table, frame, place of the track.
    kind
        (N,) `NodeKind` codes.
    loss
        (N,) `dynaclr.index.anchors.Exclusion` codes: why the observation is no anchor, 0 where it is one.
    clamped
        (N,) True where the patch is shifted to stay inside the image.
    runs
        (R, 2) first and last node of stretches without a missing frame.
    gaps
        (G, 2) nodes on both sides of missing frames.
    """

    fov: int
    n_frames: int
    start_hours: float
    interval_hours: float
    track_id: IntArray
    parent: IntArray
    position: FloatArray
    first_node: IntArray
    origin: IntArray
    row: IntArray
    frame: IntArray
    node_track: IntArray
    kind: IntArray
    loss: IntArray
    clamped: npt.NDArray[np.bool_]
    runs: IntArray
    gaps: IntArray

    @property
    def hours(self) -> FloatArray:
        """Hours after infection or perturbation of each node (N,)."""
        return np.asarray(self.start_hours + self.frame * self.interval_hours)

    @property
    def x(self) -> FloatArray:
        """Position of each node (N,)."""
        return np.asarray(self.position[self.node_track])

    def node_of(self, row: int) -> int:
        """Return the node of a row of the table.

        Raises
        ------
        KeyError
            If the row belongs to another family.
        """
        found = np.flatnonzero(self.row == row)
        if not found.size:
            raise KeyError(f"row {row} is not in the lineage of track {self.track_id[0]}")
        return int(found[0])


def family_layout(index: MultiExperimentIndex, row: int) -> LineageLayout:
    """Return the whole lineage of one observation.

    Raises
    ------
    IndexError
        If the table has no such row.
    """
    rows = family_rows(index.table, row)
    fov = int(index.table.fov_of(rows[:1])[0])
    clock = float(index.fov_start_hours[fov]), float(index.fov_interval_hours[fov])
    return lay_out(index.table, rows, index.exclusion[rows], index.near_border(rows), clock)


def family_rows(table: CellTable, row: int) -> IntArray:
    """Return all rows of the lineage of one row, ordered by (track, frame).

    Raises
    ------
    IndexError
        If the table has no such row.
    """
    if not 0 <= row < len(table):
        raise IndexError(f"row {row} is not one of the {len(table)} observations")
    root = int(table.forest.root[table.track[row]])
    of_fov = table.rows(int(table.track_fov[root]))
    track = table.track[of_fov]
    rows = of_fov.start + np.flatnonzero((track >= root) & (track < table.forest.last[root]))
    return np.asarray(rows[np.argsort(table.track[rows], kind="stable")], dtype=np.int64)


def lay_out(
    table: CellTable,
    rows: IntArray,
    loss: npt.NDArray[np.integer],
    clamped: npt.NDArray[np.bool_],
    clock: tuple[float, float],
) -> LineageLayout:
    """Lay out the observations of one lineage.

    Parameters
    ----------
    table
        The observations.
    rows
        (N,) from `family_rows`.
    loss, clamped
        (N,) as in `LineageLayout`.
    clock
        Hours at frame 0 and between two frames.
    """
    tracks = np.unique(table.track[rows]).astype(np.int64)
    node_track = np.searchsorted(tracks, table.track[rows]).astype(np.int64)
    mother = table.forest.parent[tracks]
    parent = np.where(mother >= 0, np.searchsorted(tracks, mother), -1).astype(np.int64)
    frame = table.t[rows].astype(np.int64)
    first_node = np.searchsorted(node_track, np.arange(tracks.size + 1)).astype(np.int64)
    origin = _origins(parent, frame, first_node)
    fov = int(table.track_fov[tracks[0]])
    n_frames = int(table.fov_frames[fov])
    runs, gaps = _runs(frame, node_track)
    return LineageLayout(
        fov=fov,
        n_frames=n_frames,
        start_hours=clock[0],
        interval_hours=clock[1],
        track_id=table.track_id[tracks],
        parent=parent,
        position=_positions(parent),
        first_node=first_node,
        origin=origin,
        row=rows,
        frame=frame,
        node_track=node_track,
        kind=_kinds(parent, origin, first_node, frame, n_frames),
        loss=np.asarray(loss, dtype=np.int64),
        clamped=np.asarray(clamped, dtype=bool),
        runs=runs,
        gaps=gaps,
    )


def _positions(parent: IntArray) -> FloatArray:
    """Return where each track stands; every mother comes before her daughters."""
    counts = np.bincount(parent[parent >= 0], minlength=parent.size)
    place = np.where(counts == 0, np.cumsum(counts == 0) - 1.0, 0.0).tolist()
    low, high = [float("inf")] * parent.size, [float("-inf")] * parent.size
    mothers = parent.tolist()
    for track in range(parent.size - 1, -1, -1):
        if counts[track]:
            place[track] = (low[track] + high[track]) / 2
        mother = mothers[track]
        if mother >= 0:
            low[mother] = min(low[mother], place[track])
            high[mother] = max(high[mother], place[track])
    return np.array(place, dtype=np.float64)


def _origins(parent: IntArray, frame: IntArray, first_node: IntArray) -> IntArray:
    """Return the node of the mother that each track comes from, -1 for the root."""
    span = int(frame.max()) + 2
    key = np.repeat(np.arange(parent.size), np.diff(first_node)) * span + frame  # ascending
    begin = frame[first_node[:-1]]
    mother = np.maximum(parent, 0)
    before = np.searchsorted(key, mother * span + begin) - 1  # her last node with a smaller frame
    return np.where(parent >= 0, np.maximum(before, first_node[mother]), -1).astype(np.int64)


def _kinds(
    parent: IntArray, origin: IntArray, first_node: IntArray, frame: IntArray, n_frames: int
) -> IntArray:
    daughters = np.bincount(parent[parent >= 0], minlength=parent.size)
    kind = np.full(frame.size, NodeKind.FRAME, dtype=np.int64)
    start, stop = first_node[:-1], first_node[1:] - 1
    kind[start] = np.where(parent >= 0, NodeKind.DAUGHTER, NodeKind.START)
    ends = stop[daughters == 0]
    kind[ends] = np.where(frame[ends] == n_frames - 1, NodeKind.RECORDING_END, NodeKind.END)
    child = np.flatnonzero(parent >= 0)
    single = daughters[parent[child]] == 1
    kind[origin[child[single]]] = NodeKind.LINK
    kind[origin[child[~single]]] = NodeKind.DIVISION
    return kind


def _runs(frame: IntArray, node_track: IntArray) -> tuple[IntArray, IntArray]:
    """Return stretches without a missing frame, and the gaps between them."""
    same = np.diff(node_track) == 0
    breaks = np.flatnonzero(~same | (np.diff(frame) != 1))
    missing = breaks[same[breaks]]
    runs = np.column_stack([np.r_[0, breaks + 1], np.r_[breaks, frame.size - 1]])
    return runs.astype(np.int64), np.column_stack([missing, missing + 1]).astype(np.int64)
