"""status.json with a heartbeat, and what a reader concludes from it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from dynaclr.base.errors import RunError
from dynaclr.base.files import read_json, write_json_atomically
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.processes import identity, is_alive
from dynaclr.runs.record.states import ALLOWED, State

_LOG = logging.getLogger(__name__)
HEARTBEAT_SECONDS = 5.0
STALE_SECONDS = 30.0


class StatusWriter:
    """Keeps status.json up to date from a thread of its own; a full disk is logged once.

    Parameters
    ----------
    path
        The file.
    look
        Called at every heartbeat, in its thread.
    """

    def __init__(self, path: Path, look: Callable[[], None] | None = None) -> None:
        self._path, self._look = path, look
        before = read_json(path)  # a run that is resumed goes on from its step
        self._values: dict[str, Any] = {
            "state": State.STARTING.value,
            "step": before.get("step", 0),
            "epoch": before.get("epoch", 0),
            **identity(),
        }
        self._change, self._stop = threading.Lock(), threading.Event()
        self._reported = False
        self._write()
        self._thread = threading.Thread(target=self._beat, name="dynaclr-heartbeat", daemon=True)
        self._thread.start()

    @property
    def state(self) -> State:
        """State written last."""
        return State(self._values["state"])

    def update(self, state: State | None = None, **values: Any) -> None:
        """Change values; a new state is written at once, others with the next heartbeat.

        Raises
        ------
        RunError
            If the state may not follow the present one.
        """
        with self._change:
            if state is not None and state is not self.state:
                if state not in ALLOWED[self.state]:
                    raise RunError(f"a run cannot go from '{self.state}' to '{state}'")
                self._values["state"] = state.value
            self._values |= values
        if state is not None:
            self._write()

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            self._write()
            if self._look is not None:
                self._look()

    def _write(self) -> None:
        with self._change:
            values = {
                **self._values,
                "heartbeat": time.time(),
                "rss_bytes": psutil.Process().memory_info().rss,
            }
            try:
                write_json_atomically(self._path, values)
            except OSError as error:
                if not self._reported:
                    self._reported = True
                    _LOG.error("status cannot be written to %s: %s; training goes on", self._path, error)

    def close(self) -> None:
        """End the heartbeat and write the last values."""
        self._stop.set()
        self._thread.join()
        self._write()


def read_status(folder: RunFolder) -> dict[str, Any]:
    """Return status.json; empty if it is missing or damaged."""
    return read_json(folder.status)


def state_of(status: dict[str, Any], stale: bool) -> State:
    """Return the state of a run as a reader must see it.

    An end that was written counts. Else: on this host, a process that is gone has crashed; on another
    host, a stale heartbeat is lost.

    Parameters
    ----------
    status
        Content of status.json.
    stale
        Whether it has not changed for `STALE_SECONDS`.
    """
    try:
        state = State(status.get("state", ""))
    except ValueError:
        return State.LOST
    alive = None if state.ended else is_alive(status)
    if alive is False:
        return State.CRASHED
    return State.LOST if alive is None and stale and not state.ended else state
