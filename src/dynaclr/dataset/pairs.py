"""Draws the positive of each anchor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.numbering import TableRows
from dynaclr.base.random import choose
from dynaclr.tracks import CellTable, Relation, RelativeLookup


class Kin(IntEnum):
    """How a positive is related to its anchor."""

    SELF = 0
    SAME_TRACK = 1
    DESCENDANT = 2
    OTHER_RELATIVE = 3  # sister, cousin or ancestor: relation "lineage" only


@dataclass(frozen=True, slots=True)
class TauLaw:
    """The law of tau for every FOV.

    Attributes
    ----------
    tau_frames
        (n_fovs, 2) smallest and largest offset in frames, both included.
    decay_rate
        0 is uniform; larger values favor short offsets.
    """

    tau_frames: npt.NDArray[np.int64]
    decay_rate: float = 2.0

    def __post_init__(self) -> None:
        if not np.isfinite(self.decay_rate) or self.decay_rate < 0:
            raise ConfigError(
                problem("value out of range", field="tau_decay_rate", expected=">= 0", found=self.decay_rate)
            )

    def offsets(
        self, fov: npt.NDArray[np.integer], longest: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Return offsets in frames (B, K) and their weights, 0 beyond an FOV's range.

        There are no more of them than the frames of the longest recording, however short an interval is
        said to be.
        """
        limits = self.tau_frames[fov]
        steps = min(int((limits[:, 1] - limits[:, 0]).max(initial=0)) + 1, max(longest, 1))
        offsets = limits[:, :1] + np.arange(steps)
        span = np.maximum(limits[:, 1] - limits[:, 0], 1)[:, None]
        weights = np.exp(-self.decay_rate * np.arange(steps) / span)
        return offsets, np.where(offsets <= limits[:, 1:], weights, 0.0)


@dataclass(frozen=True, slots=True)
class PairDraw:
    """Positives of a batch of anchors, all (B,).

    Attributes
    ----------
    anchor, positive
        Rows of the table.
    tau_frames
        Realized offset.
    requested_frames
        Offset that the unrestricted law gives for the same uniform: what tau would have been had
        every offset a candidate.
    kin
        `Kin` codes.
    n_candidates
        How many candidates there were at the realized offset.
    """

    anchor: TableRows
    positive: TableRows
    tau_frames: npt.NDArray[np.int64]
    requested_frames: npt.NDArray[np.int64]
    kin: npt.NDArray[np.int64]
    n_candidates: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidates:
    """All candidates of one anchor: rows, their offsets in frames and their probabilities."""

    rows: npt.NDArray[np.int64]
    tau_frames: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]


def draw_pairs(
    lookup: RelativeLookup,
    law: TauLaw,
    rows: TableRows,
    uniform: npt.NDArray[np.float64],
) -> PairDraw:
    """Draw tau from the law restricted to offsets that have a candidate, then a candidate uniformly.

    Parameters
    ----------
    lookup
        Relatives by offset.
    law
        Law of tau.
    rows
        (B,) the anchors.
    uniform
        (B, 2) uniforms: for tau, for the candidate.

    Raises
    ------
    ValueError
        If an anchor has no candidate at any offset.
    """
    table = lookup.table
    if lookup.relation is Relation.SELF:
        zero, one = np.zeros(rows.size, dtype=np.int64), np.ones(rows.size, dtype=np.int64)
        return PairDraw(rows, rows, zero, zero, np.full(rows.size, Kin.SELF), one)
    offsets, weights = law.offsets(table.fov_of(rows), int(table.fov_frames.max()))
    low, high = lookup.ranges(rows[:, None], offsets)
    possible = np.cumsum(weights * (high > low), axis=1)
    if not np.all(possible[:, -1] > 0):
        row = int(rows[np.flatnonzero(possible[:, -1] <= 0)[0]])
        raise ValueError(f"row {row} has no positive within the tau range: it is not an anchor")
    column = choose(possible, uniform[:, 0])
    wanted = choose(np.cumsum(weights, axis=1), uniform[:, 0])
    every = np.arange(rows.size)
    first, count = low[every, column], (high - low)[every, column]
    candidate = first + np.minimum((uniform[:, 1] * count).astype(np.int64), count - 1)
    positive = TableRows(lookup.rows_of(candidate))
    return PairDraw(
        anchor=rows,
        positive=positive,
        tau_frames=offsets[every, column],
        requested_frames=offsets[every, wanted],
        kin=kin_of(table, rows, positive),
        n_candidates=count,
    )


def candidates_of(lookup: RelativeLookup, law: TauLaw, row: int) -> Candidates:
    """Return every candidate of one anchor with its probability; empty if it has none."""
    rows = np.array([row], dtype=np.int64)
    if lookup.relation is Relation.SELF:
        return Candidates(rows, np.zeros(1, dtype=np.int64), np.ones(1))
    offsets, weights = law.offsets(lookup.table.fov_of(rows), int(lookup.table.fov_frames.max()))
    low, high = lookup.ranges(rows[:, None], offsets)
    counts = (high - low)[0]
    mass = weights[0] * (counts > 0)
    numbers = [np.arange(a, b) for a, b, m in zip(low[0], high[0], mass, strict=True) if m > 0]
    if not numbers:
        empty = np.empty(0, dtype=np.int64)
        return Candidates(empty, empty, np.empty(0))
    keep = mass > 0
    share = np.repeat((mass[keep] / mass.sum()) / counts[keep], counts[keep])
    return Candidates(
        lookup.rows_of(np.concatenate(numbers)), np.repeat(offsets[0][keep], counts[keep]), share
    )


def kin_of(
    table: CellTable, anchors: npt.NDArray[np.integer], positives: npt.NDArray[np.integer]
) -> npt.NDArray[np.int64]:
    """Return how rows of positives are related to rows of anchors, as `Kin` codes (B,).

    Raises
    ------
    ValueError
        If two rows do not share a root.
    """
    forest = table.forest
    a, p = table.track[anchors], table.track[positives]
    if np.any(forest.root[a] != forest.root[p]):
        raise ValueError("rows of different lineages have no kin")
    below = (p > a) & (p < forest.last[a]) & (table.t[positives] > table.t[anchors])
    kin = np.where(below, Kin.DESCENDANT, Kin.OTHER_RELATIVE)
    kin[a == p] = Kin.SAME_TRACK
    kin[np.asarray(anchors) == np.asarray(positives)] = Kin.SELF
    return kin.astype(np.int64)
