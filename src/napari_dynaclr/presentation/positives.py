"""Which cells of a lineage can be the positive of one cell, how probable, and why the others cannot.

The draw itself stays in `dynaclr.dataset.pairs`; nothing here chooses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dynaclr.dataset import TauLaw, candidates_of
from dynaclr.index import Exclusion
from dynaclr.tracks import Relation, RelativeLookup
from napari_dynaclr.presentation.lineage_layout import LineageLayout

if TYPE_CHECKING:
    from dynaclr.index import MultiExperimentIndex


class Barrier(IntEnum):
    """Why an observation cannot be the positive; 0 means that it can."""

    NONE = 0
    NO_ANCHOR = 1  # the selected observation is left out of training
    ITSELF = 2
    UNRELATED = 3  # of the family, but the relation of positives does not reach it
    TOO_EARLY = 4  # before the smallest tau
    TOO_LATE = 5  # after the largest tau
    LEFT_OUT = 6  # excluded by a person, or its pixels are not stored
    ZERO_WEIGHT = 7  # inside the range, but the law gives its offset no weight


BARRIER_TEXT = {
    Barrier.NONE: "can be the positive",
    Barrier.NO_ANCHOR: "the selected cell is excluded from training",
    Barrier.ITSELF: "is the selected cell",
    Barrier.UNRELATED: "is not among the relatives that count as positives",
    Barrier.TOO_EARLY: "is earlier than the smallest tau",
    Barrier.TOO_LATE: "is later than the largest tau",
    Barrier.LEFT_OUT: "is excluded: in curation, or because its pixels are missing",
    Barrier.ZERO_WEIGHT: "has probability zero at this decay rate",
}

LOSS_TEXT = {
    Exclusion.NONE: "anchor",
    Exclusion.EXCLUDED: "not an anchor: excluded in curation",
    Exclusion.BLANK: "not an anchor: its pixels are missing",
    Exclusion.NOT_FINITE: "not an anchor: pixels of its patch are NaN or Inf",
    Exclusion.LAST_FRAMES: "not an anchor: the recording ends too soon after it",
    Exclusion.GAP: "not an anchor: observed later, but at no allowed tau",
    Exclusion.SHORT_TRACK: "not an anchor: its lineage is observed too briefly",
    Exclusion.BORDER: "not an anchor: the cell leaves the image",
    Exclusion.TRACK_END: "not an anchor: its track ends too soon after it",
}


@dataclass(frozen=True, slots=True)
class Positives:
    """What one observation can be paired with.

    Attributes
    ----------
    row
        The observation.
    loss
        Why it is no anchor; `Exclusion.NONE` if it is one.
    rows, tau_frames, probability
        (M,) candidates, their offsets in frames, their probabilities (sum 1; empty if there is none).
    barrier
        (N,) `Barrier` codes of the nodes of the layout.
    """

    row: int
    loss: Exclusion
    rows: npt.NDArray[np.int64]
    tau_frames: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]
    barrier: npt.NDArray[np.int64]


def positives_of(index: MultiExperimentIndex, law: TauLaw, layout: LineageLayout, row: int) -> Positives:
    """Return the candidates of one observation under the tau distribution of the data set.

    Parameters
    ----------
    index
        The observations and the relation of positives.
    law
        The law of tau, `law` of the data set that trains.
    layout
        The family of `row`.
    row
        Row of the table.

    Raises
    ------
    KeyError
        If the row is not in the family.
    """
    node, loss = layout.node_of(row), Exclusion(int(index.exclusion[row]))
    if not index.usable[row]:
        none: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        barrier = np.full(layout.row.size, Barrier.NO_ANCHOR, dtype=np.int64)
        return Positives(row, loss, none, none, np.empty(0), barrier)
    found = candidates_of(index.lookup, law, row)
    low, high = law.tau_frames[layout.fov].tolist()
    tau = layout.frame - layout.frame[node]
    barrier = np.full(layout.row.size, Barrier.ZERO_WEIGHT, dtype=np.int64)
    barrier[~index.usable[layout.row]] = Barrier.LEFT_OUT
    barrier[tau > high] = Barrier.TOO_LATE
    barrier[tau < low] = Barrier.TOO_EARLY
    barrier[~_reached(index, layout, row, tau)] = Barrier.UNRELATED
    barrier[node] = Barrier.ITSELF
    barrier[np.isin(layout.row, found.rows)] = Barrier.NONE
    return Positives(row, loss, found.rows, found.tau_frames, found.probability, barrier)


def _reached(
    index: MultiExperimentIndex, layout: LineageLayout, row: int, tau_frames: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Return which nodes the relation of positives reaches from a row, whatever their time (N,)."""
    if index.relation is Relation.SELF:
        return np.asarray(layout.row == row)
    everyone = RelativeLookup(index.table, index.relation)
    first, last = everyone.ranges(np.full(layout.row.size, row), tau_frames)
    return np.asarray((layout.row >= first) & (layout.row < last))
