"""Ends a run that is a job of a cluster: it is asked, then its job is canceled; waits for nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

from dynaclr.base.errors import RunError, problem
from dynaclr.runs.control.halting import GRACE_SECONDS, HaltStep
from dynaclr.runs.control.slurm import cancel
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.observing import observe


class JobHalt:
    """The end of one job; made when it is asked for, and used as `Halt` is.

    A job that waits in the queue is taken out of it. The job is canceled only by `escalate`: a cluster
    takes its time, and nobody wants to lose a step to impatience.

    Parameters
    ----------
    folder
        The run.
    grace_seconds
        How long the job may take to end by itself.
    clock
        Tells seconds.

    Attributes
    ----------
    step
        How far it is.
    problem
        Why the cluster could not be asked whether the job waits; None if it could.

    Raises
    ------
    RunError
        If the run is no job, or its folder cannot be written.
    """

    def __init__(
        self,
        folder: RunFolder,
        grace_seconds: float = GRACE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._clock = folder, clock
        self.step = HaltStep.ASKED
        self.problem: str | None = None
        try:
            cancel(folder)
        except RunError as error:
            self.problem = str(error)
            self._ask()
        self._due = clock() + grace_seconds

    def _ask(self) -> None:
        """Ask by the stop file alone: the job may train though the cluster cannot be asked from here."""
        try:
            self._folder.stop.touch()
        except OSError as error:
            raise RunError(
                problem(f"stop file cannot be written: {error.strerror}", file=self._folder.stop)
            ) from error

    @property
    def seconds_left(self) -> float:
        """Seconds of the grace that are left."""
        return max(self._due - self._clock(), 0.0)

    def poll(self) -> HaltStep:
        """Return how far it is."""
        if observe(self._folder).state.ended:
            self.step = HaltStep.ENDED
        return self.step

    def escalate(self) -> HaltStep:
        """Cancel the job.

        Raises
        ------
        RunError
            If the cluster refuses.
        """
        if self.step is HaltStep.ASKED:
            cancel(self._folder, now=True)
            self.step = HaltStep.KILLED
        return self.step
