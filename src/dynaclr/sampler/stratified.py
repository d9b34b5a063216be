"""Draws the anchors of one batch so that all its quotas hold, from cells of anchors."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dynaclr.base.numbering import AnchorNumbers
from dynaclr.base.permutation import distinct_ranks
from dynaclr.base.random import BatchKey, Purpose, choose, shuffled, uniforms
from dynaclr.sampler.axes import Cells, largest_remainder

_HEADER = 5  # uniforms of a batch that belong to no slot: its group, its focal hour (2), starts of flags (2)

Ends = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Shares:
    """How a batch is divided, by fractions that are settled once.

    Attributes
    ----------
    leaky
        Fraction from other groups.
    focal
        Fraction near the focal hour.
    window_hours
        What near means.
    """

    leaky: float
    focal: float
    window_hours: float


@dataclass(slots=True)
class Account:
    """How a batch came about.

    Attributes
    ----------
    group
        Number of the group that it is built around.
    focal_hours
        Hour that it is gathered around; NaN for none.
    replaced
        Anchors of combinations with fewer anchors than places: drawn with replacement.
    widened
        Anchors that were to be near the focal hour, but are taken from all hours.
    unleaked
        Anchors that were to come from the other groups, but are taken from its own.
    """

    group: int = 0
    focal_hours: float = float("nan")
    replaced: int = 0
    widened: int = 0
    unleaked: int = 0


class StratifiedDraw:
    """Anchors of a batch, given its key.

    Parameters
    ----------
    cells
        Anchors by stratum, group and hours.
    ratio
        (n_strata,) shares of the strata.
    group_weights
        (n_groups,) how often a batch is built around each group.
    shares
        Leaked and focal fractions.
    batch_size
        Anchors of a batch.
    fallback
        Told (topic, stratum, group, what is done instead) where anchors are missing.
    """

    def __init__(
        self,
        cells: Cells,
        ratio: npt.NDArray[np.float64],
        group_weights: npt.NDArray[np.float64],
        shares: Shares,
        batch_size: int,
        fallback: Callable[[str, int, int, str], None],
    ) -> None:
        self._cells, self._ratio, self._shares, self._size = cells, ratio, shares, batch_size
        self._group_cdf = np.cumsum(group_weights)
        self._fallback = fallback
        self._whole = cells.whole()
        self._sizes = cells.sizes

    def __call__(self, key: BatchKey) -> tuple[AnchorNumbers, Account]:
        """Return the anchors of a batch, (batch_size,), and how they came about."""
        size = self._size
        draws = uniforms(key, Purpose.BATCH, _HEADER + 2 * size + len(self._ratio))[:, 0]
        slots, order = draws[_HEADER : _HEADER + size], draws[_HEADER + size : _HEADER + 2 * size]
        group = int(choose(self._group_cdf, draws[:1])[0])
        account, window = Account(group), self._whole
        if self._shares.focal > 0:
            account.focal_hours, window = self._window(draws[1:3], group)
        places = np.empty(size, dtype=np.int64)
        taken: dict[tuple[int, bool], list[int]] = {}
        for stratum, leaked, near, members in self._slots(draws[3:5], draws[_HEADER + 2 * size :], group):
            pool = self._pool(stratum, group, leaked, window if near else None)
            account.widened += members.size * (near and not pool.near)
            account.unleaked += members.size * (leaked and not pool.foreign)
            before = taken.setdefault((stratum, pool.foreign), [])
            found = self._distinct(pool, slots[members].tolist(), before, stratum, group)
            account.replaced += len(found) * (len(set(found).difference(before)) < len(found))
            before += found
            places[members] = found
        anchors = self._cells.order[places[shuffled(size, order)]].astype(np.int64)
        return AnchorNumbers(anchors), account

    def _slots(
        self, starts: npt.NDArray[np.float64], ties: npt.NDArray[np.float64], group: int
    ) -> list[tuple[int, bool, bool, npt.NDArray[np.int64]]]:
        """Return (stratum, whether leaked, whether near, slots) of all combinations, near ones first.

        Slots are laid out stratum after stratum. Flags are spread evenly over them from a random
        start, so that each stratum gets its share to within one and the batch exactly.
        """
        ratio = np.where(self._sizes[:, group] > 0, self._ratio, 0.0)
        quota = largest_remainder(self._size, ratio, ties)
        stratum = np.repeat(np.arange(quota.size), quota)
        n_leaked = round(self._shares.leaky * self._size) if self._sizes.shape[1] > 1 else 0
        leaked = _spread(self._size, n_leaked, starts[0])
        code = np.sort(leaked + 2 * stratum)
        near = _spread(self._size, round(self._shares.focal * self._size), starts[1])
        code = (1 - near) + 2 * code
        order = np.argsort(code, kind="stable")
        ordered = code[order]
        firsts = [0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist(), self._size]
        return [
            (number // 4, bool(number & 2), not number & 1, order[start:stop])
            for start, stop in pairwise(firsts)
            for number in (int(ordered[start]),)
        ]

    def _window(self, draw: npt.NDArray[np.float64], group: int) -> tuple[float, Ends]:
        """Draw the focal hour (that of a random anchor of the group); return it and the places near it."""
        weight = np.where(self._ratio > 0, self._sizes[:, group], 0).astype(np.float64)
        stratum = int(choose(np.cumsum(weight), draw[:1])[0])
        first, last = (int(ends[stratum, group]) for ends in self._whole)
        focal = self._cells.hour_at(first + int(draw[1] * (last - first)))
        reach = self._shares.window_hours
        return focal, self._cells.window(focal - reach, focal + reach)

    def _pool(self, stratum: int, group: int, leaked: bool, window: Ends | None) -> _Pool:
        """Return the segments that slots of one combination are drawn from."""
        for ends, title, wider in (
            (window, "the focal window", "all hours"),
            (self._whole, "the other experiments", "the same experiment"),
        ):
            if ends is None:
                continue
            first, last = ends[0][stratum], ends[1][stratum]
            pool = _foreign(first, last, group) if leaked else _own(first, last, group)
            if pool.ends[-1]:
                return pool._replace(near=ends is window)
            text = f"no anchor in {title}: falling back to {wider}"
            self._fallback(f"empty {title}", stratum, group, text)
        return _own(self._whole[0][stratum], self._whole[1][stratum], group)

    def _distinct(
        self, pool: _Pool, draw: Sequence[float], taken: Sequence[int], stratum: int, group: int
    ) -> list[int]:
        """Draw places from segments; distinct, and none that is taken, where there are enough."""
        ends, offset = pool.ends, pool.offset
        used = _ranks_inside(taken, pool) if taken else []
        if ends[-1] - len(used) < len(draw):
            text = f"{ends[-1]} anchors for {len(draw) + len(used)} slots: drawn with replacement"
            self._fallback("replacement", stratum, group, text)
            used = []
        ranks = distinct_ranks(draw, ends[-1] - len(used))
        if used:
            free = [rank - place for place, rank in enumerate(used)]  # free ranks before each used one
            ranks = [rank + bisect_right(free, rank) for rank in ranks]
        if len(ends) == 1:
            return [rank + offset[0] for rank in ranks]
        return [rank + offset[bisect_right(ends, rank)] for rank in ranks]


class _Pool(NamedTuple):
    """Segments of places, ascending; the anchors inside them are ranked one segment after the other."""

    first: list[int]
    ends: list[int]  # ranks up to the end of each segment
    offset: list[int]  # place = rank + offset
    foreign: bool  # of the other groups
    near: bool = False  # inside the focal window


def _own(first: npt.NDArray[np.int64], last: npt.NDArray[np.int64], group: int) -> _Pool:
    start = int(first[group])
    return _Pool([start], [int(last[group]) - start], [start], False)


def _foreign(first: npt.NDArray[np.int64], last: npt.NDArray[np.int64], group: int) -> _Pool:
    sizes = last - first
    sizes[group] = 0
    ends = sizes.cumsum()
    return _Pool(first.tolist(), ends.tolist(), (first - ends + sizes).tolist(), True)


def _ranks_inside(places: Sequence[int], pool: _Pool) -> list[int]:
    """Return the ranks of those places that lie in a segment; ascending."""
    ranks = set()
    for place in places:
        segment = bisect_right(pool.first, place) - 1
        if segment >= 0 and place - pool.offset[segment] < pool.ends[segment]:
            ranks.add(place - pool.offset[segment])
    return sorted(ranks)


def _spread(size: int, count: int, start: float) -> npt.NDArray[np.int64]:
    """Return `count` ones spread evenly over `size` places from a random start."""
    steps = np.floor(np.arange(size + 1) * (count / size) + start).astype(np.int64)
    return np.asarray(np.diff(steps))
