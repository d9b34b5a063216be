"""Reads events.jsonl while it is being written, and gathers metrics; never writes."""

from __future__ import annotations

import json
import logging
import math
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.runs.record.line_reader import LineReader

_LOG = logging.getLogger(__name__)


class EventReader:
    """Follows an event file from its beginning.

    The file is opened anew at every poll (network disks), a half last line waits for its end, a line
    that is no event is counted and skipped, a file that was replaced is read from its beginning.

    Parameters
    ----------
    path
        The file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lines = path, LineReader(path)
        self.garbage = 0

    @property
    def restarts(self) -> int:
        """How often the file was read anew from its beginning."""
        return self._lines.restarts

    def poll(self, max_bytes: int = 4 * 2**20) -> list[dict[str, Any]]:
        """Return the events that came since the last poll, from at most `max_bytes` of the file."""
        events = []
        for line in self._lines.poll(max_bytes).splitlines():
            event = _event(line)
            if event is not None:
                events.append(event)
            elif line.strip():
                self._skip(line)
        return events

    def _skip(self, line: bytes) -> None:
        self.garbage += 1
        if self.garbage == 1:
            _LOG.warning("%s: a line that is no event is skipped: %r", self._path, line[:80])

    def read_all(self) -> list[dict[str, Any]]:
        """Return all events from the last poll to the end of the file."""
        events: list[dict[str, Any]] = []
        while True:
            offset = self._lines.offset
            events += self.poll()
            if self._lines.offset == offset:
                return events


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("kind"), str) else None


class MetricTable:
    """Metrics by name; a resumed run replaces what came after the step it resumed from."""

    def __init__(self) -> None:
        self._points: dict[str, tuple[array[int], array[float]]] = {}

    def add(self, events: Iterable[dict[str, Any]]) -> None:
        """Take in events in the order of the file; values that are not finite are skipped."""
        for event in events:
            if event["kind"] == "start" and isinstance(event.get("resumed_from_step"), int):
                self._forget_after(event["resumed_from_step"])
            step, values = event.get("step"), event.get("m")
            if isinstance(step, int) and isinstance(values, dict):
                for name, value in values.items():
                    if value is None or isinstance(value, (int, float)):
                        steps, points = self._points.setdefault(str(name), (array("q"), array("d")))
                        steps.append(step)
                        points.append(math.nan if value is None else value)

    def _forget_after(self, step: int) -> None:
        for steps, points in self._points.values():
            kept = bisect_right(steps, step)
            del steps[kept:], points[kept:]

    def curves(self) -> dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
        """Return {name: (steps, values)}; a value that was not finite is NaN."""
        return {
            name: (np.array(steps, dtype=np.int64), np.array(points, dtype=np.float64))
            for name, (steps, points) in self._points.items()
            if steps
        }


def thinned(
    steps: npt.NDArray[np.int64], values: npt.NDArray[np.float64], pixels: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the points of a curve that are the lowest or highest of a pixel, in their order.

    Parameters
    ----------
    steps
        (N,) steps, rising.
    values
        (N,) values; NaN is a gap, of which each pixel keeps one.
    pixels
        Width of the drawing. A curve of not more than 2 * pixels points is returned whole.

    Returns
    -------
    steps, values
        At most 3 * pixels + 2 points; the first and the last one are among them.
    """
    if len(steps) <= 2 * pixels or pixels < 1:
        return steps, values
    edges = np.ceil(np.linspace(float(steps[0]), float(steps[-1]) + 1.0, pixels + 1)[:-1]).astype(steps.dtype)
    starts = np.unique(np.searchsorted(steps, edges))  # a pixel without points is left to its neighbor
    gaps = np.isnan(values)
    low = high = values
    if gaps.any():
        low, high = (np.where(gaps, bound, values) for bound in (np.inf, -np.inf))
    stops = np.append(starts[1:], len(values))
    lowest = [low[start:stop].argmin() for start, stop in zip(starts, stops, strict=True)]
    highest = [high[start:stop].argmax() for start, stop in zip(starts, stops, strict=True)]
    ends = (0, len(values) - 1)
    begins = np.flatnonzero(gaps[1:] & ~gaps[:-1]) + 1
    holes = begins[np.unique(np.searchsorted(starts, begins, side="right"), return_index=True)[1]]
    chosen = np.unique(np.concatenate([starts + lowest, starts + highest, ends, holes]))
    return steps[chosen], values[chosen]
