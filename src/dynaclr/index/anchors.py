"""Which observations can be anchors, and why the others cannot."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from dynaclr.tracks import CellTable, Relation, RelativeLookup, latest_in_subtree


class Exclusion(IntEnum):
    """Why an observation is no anchor; 0 means that it is one."""

    NONE = 0
    EXCLUDED = 1  # marked by a person
    BLANK = 2  # its pixels are not stored, or its frame is a single value
    LAST_FRAMES = 3  # the recording ends before the smallest tau
    GAP = 4  # the cell is seen later, but at no allowed offset
    SHORT_TRACK = 5  # its whole family is seen for fewer frames than the smallest tau
    BORDER = 6  # the cell leaves the image: its track ends within half a patch of the border
    TRACK_END = 7  # the track ends otherwise
    NOT_FINITE = 8  # pixels of its patch are NaN or Inf


UNUSABLE = (Exclusion.EXCLUDED, Exclusion.BLANK, Exclusion.NOT_FINITE)
"""Why an observation is no positive either."""


def anchor_exclusions(
    lookup: RelativeLookup,
    tau_frames: npt.NDArray[np.integer],
    masks: dict[Exclusion, npt.NDArray[np.bool_]],
    near_border: npt.NDArray[np.bool_],
) -> npt.NDArray[np.uint8]:
    """Return for every row why it is no anchor (n,), `Exclusion.NONE` where it is one.

    Parameters
    ----------
    lookup
        Relatives among the usable rows.
    tau_frames
        (n_fovs, 2) smallest and largest offset in frames, both included.
    masks
        Rows that are left out whatever their positives, by cause.
    near_border
        (n,) True where the whole patch does not fit around the centroid.
    """
    table = lookup.table
    exclusion = np.zeros(len(table), dtype=np.uint8)
    for cause, mask in masks.items():
        exclusion[(exclusion == Exclusion.NONE) & mask] = cause
    if lookup.relation is Relation.SELF:
        return exclusion
    open_rows = np.flatnonzero(exclusion == Exclusion.NONE)
    for step in range(int((tau_frames[:, 1] - tau_frames[:, 0]).max(initial=0)) + 1):
        limits = tau_frames[table.fov_of(open_rows)]
        offset = limits[:, 0] + step
        found = (offset <= limits[:, 1]) & lookup.exists(open_rows, offset)
        open_rows = open_rows[~found]
    exclusion[open_rows] = _causes(table, open_rows, tau_frames, near_border, lookup.relation)
    return exclusion


def _causes(
    table: CellTable,
    rows: npt.NDArray[np.integer],
    tau_frames: npt.NDArray[np.integer],
    near_border: npt.NDArray[np.bool_],
    relation: Relation,
) -> npt.NDArray[np.uint8]:
    """Return the cause for rows without a positive."""
    fov, track, t = table.fov_of(rows), table.track[rows], table.t[rows]
    earliest_positive = t + tau_frames[fov, 0]
    first, last = table.t[table.first_rows], table.t[table.last_rows]
    family_last = last if relation is Relation.TRACK else latest_in_subtree(table.forest, last)
    causes = np.full(rows.size, Exclusion.TRACK_END, dtype=np.uint8)
    causes[near_border[table.last_rows[track]]] = Exclusion.BORDER
    causes[family_last[track] - first[track] < tau_frames[fov, 0]] = Exclusion.SHORT_TRACK
    causes[family_last[track] >= earliest_positive] = Exclusion.GAP
    causes[earliest_positive >= table.fov_frames[fov]] = Exclusion.LAST_FRAMES
    return causes
