"""What a run folder shows at a moment, whoever started the run and however far it came; only reads."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dynaclr.base.files import read_json
from dynaclr.runs.record.ended_by import told_end
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.lock import read_lock
from dynaclr.runs.record.logs import BEGINS, last_lines, since_last
from dynaclr.runs.record.processes import is_alive, same_process
from dynaclr.runs.record.states import State
from dynaclr.runs.record.status import STALE_SECONDS, read_status, state_of

_VERB = "dynaclr fit:"


@dataclass(frozen=True, slots=True)
class Observation:
    """State of a run and what it rests on.

    Attributes
    ----------
    state
        As a reader must see it: a process that is gone without a word has crashed, one of another host
        that is silent is lost; one that somebody ended, and wrote that down, was stopped.
    reason
        Why it ended, or what it waits for; may be empty.
    status, launch
        status.json and launch.json; empty if they lack.
    holder
        Who holds the lock; None if nobody.
    ended_outside
        Whether somebody ended the run from outside, and it told no end of its own.
    """

    state: State
    reason: str
    status: dict[str, Any]
    launch: dict[str, Any]
    holder: dict[str, Any] | None
    ended_outside: bool = False

    @property
    def host(self) -> str | None:
        """Computer that the run is or was on."""
        found = self.status.get("host") or self.launch.get("host")
        return str(found) if found else None


@dataclass
class Pulse:
    """Tells whether a file still changes, by the reader's own clock, which nobody sets."""

    _mtime: int | None = None
    _seen: float = field(default_factory=time.monotonic)

    def stale(self, file: Path) -> bool:
        """Return whether a file has not changed for `STALE_SECONDS`, or is not there.

        At the first look its time on the disk counts; one in the future says nothing, and is waited for.
        """
        try:
            mtime = file.stat().st_mtime_ns
        except OSError:
            return True
        now = time.monotonic()
        if mtime != self._mtime:
            age = 0.0 if self._mtime is not None else max(time.time() - mtime / 1e9, 0.0)
            self._mtime, self._seen = mtime, now - age
        return now - self._seen > STALE_SECONDS


def read_launch(folder: RunFolder) -> dict[str, Any]:
    """Return launch.json; empty if nobody launched the run, or the file is damaged."""
    return read_json(folder.launch)


def observe(folder: RunFolder, pulse: Pulse | None = None) -> Observation:
    """Return what a run folder shows; one that cannot be read is lost.

    Parameters
    ----------
    folder
        The run.
    pulse
        What is known of its heartbeat from earlier looks.
    """
    status, launch, holder = read_status(folder), read_launch(folder), read_lock(folder.lock)
    state = state_of(status, (pulse or Pulse()).stale(folder.status))
    reason = str(status.get("reason", ""))
    who, waits = status or launch, False
    if launch.get("kind") == "process" and not same_process(launch, status):
        alive = is_alive(launch)
        if alive and (not status or state.ended):
            return Observation(State.STARTING, "", status, launch, holder)
        if alive is False and (not status or _newer(folder.launch, folder.status)):
            who, (state, reason) = launch, _end_told(folder)
    elif launch.get("kind") == "slurm" and not status:
        waits, state, reason = True, State.STARTING, f"job {launch.get('job')} has not begun to train"
    silent = waits or state in (State.CRASHED, State.LOST)
    told = told_end(folder.ended_by, who, launch.get("job")) if silent else None
    state, reason = told or (state, reason)
    if state is State.CRASHED and not reason:
        reason = _last_words(folder) or "the process disappeared without a message"
    return Observation(state, reason, status, launch, holder, told is not None)


def worker(observation: Observation) -> dict[str, Any] | None:
    """Return the identity of the process that trains, or may do so on another host; None if there is none."""
    if observation.ended_outside:
        return None
    for who in (observation.status, observation.holder, observation.launch):
        ended = who is observation.status and observation.state.ended
        if who and "pid" in who and not ended and is_alive(who) is not False:
            return who
    return None


def _newer(one: Path, other: Path) -> bool:
    try:
        return one.stat().st_mtime_ns > other.stat().st_mtime_ns
    except OSError:
        return False


def _end_told(folder: RunFolder) -> tuple[State, str]:
    """Return how a turn of a run ended that came to no status, by what it wrote to its terminal."""
    text = _last_words(folder)
    told = text.rpartition(_VERB)[2].strip()
    if _VERB not in text:
        return State.CRASHED, text or "the process disappeared without a message"
    return (State.STOPPED if told.startswith("ended by signal") else State.FAILED), told


def _last_words(folder: RunFolder) -> str:
    """Return the message at the end of the output: from the line that the command line began it with."""
    lines = last_lines(folder.output, 50)
    begun = since_last(lines, BEGINS)
    turn = begun[1:] if begun else lines
    return "\n".join(since_last(turn, _VERB) or turn[-1:])
