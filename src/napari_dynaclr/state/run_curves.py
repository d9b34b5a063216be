"""The metrics of one run as series to plot; every point is kept."""

from __future__ import annotations

import csv
import io
import math
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

FloatArray = npt.NDArray[np.float64]


class TimeAxis(StrEnum):
    """What curves are drawn over."""

    STEPS = "steps"
    EPOCHS = "epochs"
    MINUTES = "minutes"


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of a run.

    Attributes
    ----------
    step, epoch, minutes
        (N,) where a value was written: optimizer step, epochs done as a fraction, minutes of training
        without the time between a stop and its resumption.
    value
        (N,) values; NaN where one was not finite.
    """

    step: npt.NDArray[np.int64]
    epoch: FloatArray
    minutes: FloatArray
    value: FloatArray

    def over(self, axis: TimeAxis) -> FloatArray:
        """Return the places of the values along an axis."""
        places = {TimeAxis.STEPS: self.step, TimeAxis.EPOCHS: self.epoch, TimeAxis.MINUTES: self.minutes}
        return np.asarray(places[axis], dtype=np.float64)

    @property
    def lowest(self) -> int | None:
        """Number of the lowest value; None if there is none."""
        return None if np.isnan(self.value).all() else int(np.nanargmin(self.value))


class _Column:
    """One metric while it grows."""

    def __init__(self) -> None:
        self.step, self.minutes, self.value = array("q"), array("d"), array("d")

    def forget_after(self, step: int) -> None:
        kept = bisect_right(self.step, step)
        for column in (self.step, self.minutes, self.value):
            del column[kept:]


class RunCurves:
    """All metrics of a run; what a resumed run did again replaces what it did before.

    Attributes
    ----------
    batches_per_epoch
        Steps of an epoch; None until the run has told it.
    """

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}
        self._origin: float | None = None
        self._minutes = 0.0
        self.batches_per_epoch: int | None = None

    def add(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take in events in the order of the file; values that are not numbers are skipped."""
        for event in events:
            clock = event.get("mono", event.get("t"))  # the wall's clock may be set meanwhile
            if event.get("kind") == "start":
                self._start(event, clock)
            if isinstance(clock, (int, float)) and "step" in event:  # what is told before a start is no part
                self._origin = clock - 60 * self._minutes if self._origin is None else self._origin
                self._minutes = max((clock - self._origin) / 60, self._minutes)
            step, values = event.get("step"), event.get("m")
            if isinstance(step, int) and isinstance(values, Mapping):
                self._put(step, values)

    def _start(self, event: Mapping[str, Any], clock: Any) -> None:
        """Go on after a pause that is not counted, from the step that is gone on from."""
        if isinstance(clock, (int, float)):
            self._origin = clock - 60 * self._minutes
        if isinstance(event.get("resumed_from_step"), int):
            for column in self._columns.values():
                column.forget_after(event["resumed_from_step"])
        if isinstance(event.get("batches_per_epoch"), int) and event["batches_per_epoch"] > 0:
            self.batches_per_epoch = event["batches_per_epoch"]

    def _put(self, step: int, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if value is not None and not isinstance(value, (int, float)):
                continue
            column = self._columns.setdefault(str(name), _Column())
            column.step.append(step)
            column.minutes.append(self._minutes)
            column.value.append(math.nan if value is None else value)

    @property
    def names(self) -> tuple[str, ...]:
        """Metrics in the order in which they came."""
        return tuple(name for name, column in self._columns.items() if column.step)

    def last(self, name: str) -> float | None:
        """Return the newest value of a metric; None if there is none."""
        column = self._columns.get(name)
        return column.value[-1] if column is not None and column.value else None

    def series(self, name: str) -> Series | None:
        """Return a metric, whole; None if there is none."""
        column = self._columns.get(name)
        if column is None or not column.step:
            return None
        step = np.array(column.step, dtype=np.int64)
        return Series(
            step=step,
            epoch=step / (self.batches_per_epoch or math.nan),
            minutes=np.array(column.minutes),
            value=np.array(column.value),
        )


def smoothed(value: FloatArray, strength: float) -> FloatArray:
    """Return the exponential moving average of values (N,), unbiased at its beginning.

    Parameters
    ----------
    value
        What is averaged; NaN has no weight and stays NaN.
    strength
        Weight of the past, from 0 (nothing is smoothed) to below 1.

    Raises
    ------
    ValueError
        If the strength is out of range.
    """
    if not 0 <= strength < 1:
        raise ValueError(f"strength must be in [0, 1); found {strength}")
    result = np.full(value.shape, np.nan)
    good = np.isfinite(value)
    if good.any():
        mean = lfilter([1 - strength], [1, -strength], value[good])
        result[good] = mean / (1 - strength ** np.arange(1, good.sum() + 1))
    return result


def csv_text(runs: Mapping[str, RunCurves]) -> str:
    """Return all values of some runs as a table: run, metric, step, epoch, minutes, value."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("run", "metric", "step", "epoch", "minutes", "value"))
    for run, curves in runs.items():
        for name in curves.names:
            series = curves.series(name)
            if series is not None:
                columns = (series.step, series.epoch, series.minutes, series.value)
                rows = zip(*(column.tolist() for column in columns), strict=True)
                writer.writerows((run, name, *row) for row in rows)
    return stream.getvalue()
