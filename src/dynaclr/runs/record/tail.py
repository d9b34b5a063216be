"""Follows one run for a window: what is new since the last look, in small bites; only reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dynaclr.runs.record.event_reader import EventReader, MetricTable
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.line_reader import LineReader
from dynaclr.runs.record.logs import log_text
from dynaclr.runs.record.observing import Observation, Pulse, observe

_BITE = 2**20
_LOG_BYTES = 2**18


@dataclass(frozen=True, slots=True)
class News:
    """What a run folder holds beyond the last look.

    Attributes
    ----------
    seen
        State of the run now.
    events
        New events, in the order of the file.
    lines
        New lines of what it wrote to its terminal; of log.txt if nobody launched it.
    restarted
        Whether another run lies in the folder now: what was read before does not belong to it.
    more
        Whether there is more to read at once.
    there
        Whether the folder is there.
    """

    seen: Observation
    events: list[dict[str, Any]]
    lines: list[str]
    restarted: bool
    more: bool
    there: bool


class RunTail:
    """Follows a run folder; to attach to a run is to make one of these.

    Parameters
    ----------
    folder
        The run; it need not be there yet.

    Attributes
    ----------
    table
        Metrics read so far.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder, self.table = folder, MetricTable()
        self._events, self._pulse = EventReader(folder.events()), Pulse()
        self._output = LineReader(folder.output, _LOG_BYTES)
        self._log = LineReader(folder.log, _LOG_BYTES)

    def poll(self) -> News:
        """Return what is new; at most 1 MiB of each file is read."""
        restarts = self._events.restarts
        events = self._events.poll(_BITE)
        restarted = self._events.restarts != restarts
        if restarted:
            self.table = MetricTable()
        self.table.add(events)
        seen = observe(self.folder, self._pulse)
        source = self._output if seen.launch else self._log
        data = source.poll(_BITE)
        return News(
            seen=seen,
            events=events,
            lines=[line for line in log_text(data) if line.strip()],
            restarted=restarted,
            more=bool(events),
            there=self.folder.path.is_dir(),
        )
