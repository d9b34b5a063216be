"""Reads events.jsonl while it is being written, and gathers metrics; never writes."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ("EventReader", "MetricTable")

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
        self._path = path
        self._offset, self._inode = 0, -1
        self.garbage = 0
        self.restarts = 0

    def poll(self, max_bytes: int = 4 * 2**20) -> list[dict[str, Any]]:
        """Return the events that came since the last poll, from at most `max_bytes` of the file."""
        try:
            with self._path.open("rb") as stream:
                stat = os.fstat(stream.fileno())
                if stat.st_ino != self._inode or stat.st_size < self._offset:
                    self.restarts += self._inode != -1
                    self._offset, self._inode = 0, stat.st_ino
                stream.seek(self._offset)
                data = stream.read(max_bytes)
        except FileNotFoundError:  # what comes back under the name is another file
            self._offset, self._inode = 0, -1
            return []
        except OSError:  # a network disk that does not answer just now
            return []
        end = data.rfind(b"\n") + 1
        if not end and len(data) == max_bytes:
            end = len(data)  # a line longer than all that is read at once is no event
        self._offset += end
        events = []
        for line in data[:end].splitlines():
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
            offset = self._offset
            events += self.poll()
            if self._offset == offset:
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
        self._points: dict[str, list[tuple[int, float]]] = {}

    def add(self, events: Iterable[dict[str, Any]]) -> None:
        """Take in events in the order of the file."""
        for event in events:
            if event["kind"] == "start" and isinstance(event.get("resumed_from_step"), int):
                self._forget_after(event["resumed_from_step"])
            step, values = event.get("step"), event.get("m")
            if isinstance(step, int) and isinstance(values, dict):
                for name, value in values.items():
                    point = float("nan") if value is None else float(value)
                    self._points.setdefault(str(name), []).append((step, point))

    def _forget_after(self, step: int) -> None:
        for name, points in self._points.items():
            self._points[name] = [point for point in points if point[0] <= step]

    def curves(self) -> dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
        """Return {name: (steps, values)}; a value that was not finite is NaN."""
        return {
            name: (np.array([p[0] for p in points], dtype=np.int64), np.array([p[1] for p in points]))
            for name, points in self._points.items()
            if points
        }
