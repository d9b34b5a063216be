"""Ends a run step by step: it is asked, then told by a signal, then killed with all its processes.

Who takes a step beyond asking is written down in the run folder: a process that is killed cannot tell.
Every step looks again at who the process is, so that a number that another process has got by now is never
signalled. Waiting is the caller's: `poll` returns at once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import psutil

from dynaclr.base.errors import RunError, problem
from dynaclr.runs.record.ended_by import write_end
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.observing import observe, worker
from dynaclr.runs.record.processes import is_alive

GRACE_SECONDS = 60.0
_LEFT_OVER_SECONDS = 5.0


class HaltStep(StrEnum):
    """How far the ladder has been climbed."""

    ASKED = "asked by the stop file"
    SIGNALLED = "told by a signal"
    KILLED = "killed"
    ENDED = "ended"


class Halt:
    """The end of one run; made when it is asked for.

    Parameters
    ----------
    folder
        The run.
    grace_seconds
        How long a step may take before the next one.
    clock
        Tells seconds.

    Attributes
    ----------
    step
        Where on the ladder the run is.
    problem
        Why the run could not be asked; None if it was.

    Raises
    ------
    RunError
        If the run is not active.
    """

    def __init__(
        self,
        folder: RunFolder,
        grace_seconds: float = GRACE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        seen = observe(folder)
        found = worker(seen)
        if found is None:
            raise RunError(problem("the run is not active", file=folder.path, found=seen.state.value))
        self._who: dict[str, Any] = found
        self._folder, self._grace, self._clock = folder, grace_seconds, clock
        self._here = is_alive(found) is not None
        self._family: dict[int, psutil.Process] = {}
        self._gone: float | None = None
        self.step, self.problem = HaltStep.ASKED, None if self._ask() else f"{folder.stop} cannot be written"
        self._due = clock() + (grace_seconds if self.problem is None else 0.0)
        self._note_family()

    def _ask(self) -> bool:
        try:
            self._folder.stop.touch()
        except OSError:
            return False
        return True

    @property
    def seconds_left(self) -> float:
        """Seconds until the next step is taken by itself."""
        return max(self._due - self._clock(), 0.0)

    def poll(self) -> HaltStep:
        """Take the next step if it is due, and return where the run is."""
        if self.step is HaltStep.ENDED:
            return self.step
        if not self._here:
            self.step = HaltStep.ENDED if observe(self._folder).state.ended else self.step
            return self.step
        if is_alive(self._who):
            self._note_family()
            if self.step is not HaltStep.KILLED and self._clock() >= self._due:
                self.escalate()
        elif self._left_over():
            self._gone = self._clock() if self._gone is None else self._gone
            if self._clock() - self._gone >= _LEFT_OVER_SECONDS:
                self._kill()
        else:
            self.step = HaltStep.ENDED
        return self.step

    def escalate(self) -> HaltStep:
        """Take the next step now, for a user who does not want to wait.

        Raises
        ------
        RunError
            If the run is on another host: only the stop file reaches it.
        """
        if not self._here:
            raise RunError(
                problem(
                    "the run is on another computer: only the stop file reaches it",
                    file=self._folder.path,
                    found=f"process {self._who.get('pid')} on {self._who.get('host')}",
                )
            )
        if self.step is HaltStep.ASKED and os.name == "posix":
            self.step = HaltStep.SIGNALLED
            write_end(self._folder.ended_by, self.step.value, self._who)
            self._signal()
        elif self.step in (HaltStep.ASKED, HaltStep.SIGNALLED):
            self.step = HaltStep.KILLED
            write_end(self._folder.ended_by, self.step.value, self._who)
            self._kill()
        self._due = self._clock() + self._grace
        return self.step

    def _signal(self) -> None:
        """Tell one process alone by SIGTERM; several that train together all at once, by SIGINT."""
        if not is_alive(self._who):
            return
        pid, together = int(self._who["pid"]), observe(self._folder).status.get("world_size", 1) != 1
        with contextlib.suppress(OSError):
            if together and os.getpgid(pid) == pid != os.getpgrp():
                os.killpg(pid, signal.SIGINT)
            else:
                os.kill(pid, signal.SIGTERM)

    def _note_family(self) -> None:
        """Remember the processes that the run has started, as long as it can be asked for them."""
        if self._here and is_alive(self._who):
            with contextlib.suppress(psutil.Error):
                main = psutil.Process(int(self._who["pid"]))
                self._family |= {item.pid: item for item in (main, *main.children(recursive=True))}

    def _left_over(self) -> list[psutil.Process]:
        return [item for item in self._family.values() if _runs(item)]

    def _kill(self) -> None:
        self._note_family()
        for item in self._left_over():
            with contextlib.suppress(psutil.Error):
                item.kill()  # psutil looks again whether the number still belongs to it


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
