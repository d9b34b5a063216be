"""Sampling axes: anchors grouped into cells (stratum x group), sorted by hours.

Rows are kept in one array, cell after cell, and inside a cell by hours. So a cell, and a window of
hours in it, is a contiguous segment that two binary searches find whatever the number of anchors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import ConfigError, listing, problem, suggest

_TICKS_PER_HOUR = 100_000
_HOUR_BITS = 40


class Columns(Protocol):
    """Columns of anchors as arrays; a text column is codes and labels."""

    def __len__(self) -> int: ...

    @property
    def names(self) -> Sequence[str]:
        """Names of all columns."""

    def codes(self, name: str) -> tuple[npt.NDArray[np.integer], Sequence[str]]:
        """Return (codes (n,), labels)."""

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Return the values of a numeric column (n,)."""


class FrameColumns:
    """The columns of a pandas frame."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def __len__(self) -> int:
        return len(self._frame)

    @property
    def names(self) -> Sequence[str]:
        """Names of the frame's columns."""
        return [str(name) for name in self._frame.columns]

    def codes(self, name: str) -> tuple[npt.NDArray[np.integer], Sequence[str]]:
        """Return codes and labels, the labels sorted."""
        import pandas as pd

        codes, labels = pd.factorize(self._frame[name], sort=True, use_na_sentinel=False)
        return np.asarray(codes, dtype=np.int64), [str(label) for label in labels]

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Return a column as float64."""
        return np.asarray(self._frame[name].to_numpy(dtype=np.float64))


@dataclass(frozen=True, slots=True)
class Axis:
    """One way to group anchors: codes (n,) into labels; only labels that occur."""

    codes: npt.NDArray[np.int64]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


def axis_of(columns: Columns, names: Sequence[str], switch: str) -> Axis:
    """Combine columns into one axis; labels of several columns are joined by "|".

    Raises
    ------
    ConfigError
        If a column is missing; the switch that needs it and the columns there are are named.
    """
    codes = np.zeros(len(columns), dtype=np.int64)
    labels = [""]
    for name in names:
        require(columns, name, switch)
        more, texts = columns.codes(name)
        codes = codes * len(texts) + more
        labels = [f"{left}|{right}" if left else str(right) for left in labels for right in texts]
    present, codes = np.unique(codes, return_inverse=True)
    return Axis(codes.astype(np.int64), tuple(labels[code] for code in present))


def require(columns: Columns, name: str, switch: str) -> None:
    """Raise a ConfigError unless a column exists."""
    if name not in columns.names:
        raise ConfigError(
            problem(
                f"{switch} needs the column '{name}'",
                field=switch,
                found=f"columns {listing(columns.names)}",
                fix=f"Switch {switch} off, or provide the column.{suggest(name, columns.names)}",
            )
        )


def weights_by_label(
    given: Mapping[str, float] | Sequence[float] | None,
    labels: Sequence[str],
    default: npt.NDArray[Any],
    field: str,
) -> npt.NDArray[np.float64]:
    """Return one weight a label; a label that `given` leaves out weighs 0.

    Raises
    ------
    ConfigError
        For an unknown label, a weight that is negative or no number, or a sum of 0.
    """
    if given is None:
        return np.asarray(default, dtype=np.float64)
    if not isinstance(given, Mapping):
        if len(given) != len(labels):
            raise ConfigError(
                problem(
                    "wrong number of weights",
                    field=field,
                    expected=f"{len(labels)}: {listing(labels)}",
                    found=given,
                )
            )
        given = dict(zip(labels, given, strict=True))
    for name, value in given.items():
        if name not in labels:
            raise ConfigError(
                problem("unknown name", field=field, expected=f"one of {listing(labels)}", found=repr(name))
                + suggest(name, labels)
            )
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
            raise ConfigError(
                problem(f"weight of '{name}' cannot be used", field=field, expected=">= 0", found=repr(value))
            )
    weights = np.array([float(given.get(label, 0.0)) for label in labels])
    if not weights.sum() > 0:
        raise ConfigError(problem("all weights are 0", field=field, found=dict(given)))
    return weights


def largest_remainder(
    total: int, weights: npt.NDArray[np.float64], ties: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Share `total` by weights in whole numbers that differ from the exact share by less than 1.

    Parameters
    ----------
    total
        Number to share.
    weights
        (k,) not negative, with a positive sum.
    ties
        (k,) uniforms that decide between equal remainders.
    """
    exact = total * weights / weights.sum()
    quota: npt.NDArray[np.int64] = np.floor(exact + 1e-9).astype(np.int64)
    remainder = np.where(weights > 0, np.round(exact - quota, 9), -1.0)
    order = np.lexsort((ties, -remainder))
    quota[order[: total - int(quota.sum())]] += 1
    return quota


class Cells:
    """Rows by (stratum, group) and hours.

    Parameters
    ----------
    stratum, group
        The two axes; a cell's number is stratum * len(group) + group.
    hours
        (n,) hours of the anchors, None if no window is ever asked for.
    """

    def __init__(self, stratum: Axis, group: Axis, hours: npt.NDArray[np.float64] | None) -> None:
        self.n_strata, self.n_groups = len(stratum), len(group)
        cell = stratum.codes * self.n_groups + group.codes
        count = self.n_strata * self.n_groups
        self._origin = 0.0
        if hours is None:
            key = cell
            self.order = np.argsort(key, kind="stable").astype(np.int32)
            self._keys = None
            self.start = np.searchsorted(cell[self.order], np.arange(count + 1))
        else:
            self._origin = float(hours.min(initial=0.0))
            key = (cell << _HOUR_BITS) + np.round((hours - self._origin) * _TICKS_PER_HOUR).astype(np.int64)
            self.order = np.argsort(key, kind="stable").astype(np.int32)
            self._keys = key[self.order]
            self.start = np.searchsorted(self._keys, np.arange(count + 1) << _HOUR_BITS)

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Rows of each cell, (n_strata, n_groups)."""
        return np.asarray(np.diff(self.start).reshape(self.n_strata, self.n_groups))

    @property
    def contents(self) -> tuple[npt.NDArray[np.integer], ...]:
        """Anchors cell after cell, where each cell starts, and their hours as counts of ticks."""
        return (self.order, self.start) if self._keys is None else (self.order, self.start, self._keys)

    def hour_at(self, place: int) -> float:
        """Return the hours of the anchor at a place of `order`."""
        if self._keys is None:
            raise ValueError("built without hours")
        return self._origin + float(self._keys[place] & ((1 << _HOUR_BITS) - 1)) / _TICKS_PER_HOUR

    def window(
        self, low_hours: float, high_hours: float
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return first and one past last place of each cell's anchors within hours, both ends included.

        Each (n_strata, n_groups).
        """
        if self._keys is None:
            raise ValueError("built without hours")
        base = np.arange(self.n_strata * self.n_groups, dtype=np.int64) << _HOUR_BITS
        limit = (1 << _HOUR_BITS) - 1
        low, high = (round((hours - self._origin) * _TICKS_PER_HOUR) for hours in (low_hours, high_hours))
        first = self._keys.searchsorted(base + min(max(low, 0), limit), side="left")
        last = self._keys.searchsorted(base + min(max(high, -1), limit), side="right")
        shape = (self.n_strata, self.n_groups)
        return first.reshape(shape), np.maximum(first, last).reshape(shape)

    def whole(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return first and one past last place of each cell, each (n_strata, n_groups)."""
        shape = (self.n_strata, self.n_groups)
        return self.start[:-1].reshape(shape), self.start[1:].reshape(shape)
