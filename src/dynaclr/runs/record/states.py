"""States of a run, how it may end, and the exit codes that tell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from dynaclr.base.errors import ConfigError, DataError, DynaclrError, TrainingError


class State(StrEnum):
    """State of a run. `CRASHED` and `LOST` are what a reader concludes; no run writes them."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    CRASHED = "crashed"
    LOST = "lost"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen unless the run is resumed."""
        return self in (State.FINISHED, State.STOPPED, State.FAILED, State.CRASHED)


ALLOWED: dict[State, frozenset[State]] = {
    State.STARTING: frozenset({State.RUNNING, State.STOPPING, State.STOPPED, State.FAILED, State.FINISHED}),
    State.RUNNING: frozenset({State.STOPPING, State.FINISHED, State.STOPPED, State.FAILED}),
    State.STOPPING: frozenset({State.STOPPED, State.FAILED, State.FINISHED}),
    State.FINISHED: frozenset({State.STARTING}),
    State.STOPPED: frozenset({State.STARTING}),
    State.FAILED: frozenset({State.STARTING}),
    State.CRASHED: frozenset({State.STARTING}),
    State.LOST: frozenset({State.STARTING}),
}
"""Transitions that a writer may make; an ended run starts again when it is resumed."""


class ExitCode(IntEnum):
    """Exit codes of `python -m dynaclr`; what is not said of others is of fit."""

    FINISHED = 0
    FAILED = 1
    CONFIG = 2
    STOPPED = 3
    TRAINING = 4  # no batches, lost batches, non-finite loss
    UNTRAINED = 5  # validate and predict: the weights were random, and nobody said that this is meant


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    state: State
    reason: str
    exit_code: ExitCode


def outcome_of(error: BaseException | None, stop_reason: str | None, end: str = "all epochs done") -> Outcome:
    """Return how a fit ended.

    An interruption is a stop; any other exception is a failure, whoever asked for what.

    Parameters
    ----------
    error
        What it raised; None for nothing.
    stop_reason
        Why it was asked to stop; None if nobody asked.
    end
        Why it ended where nobody asked.
    """
    if error is None:
        if stop_reason is not None:
            return Outcome(State.STOPPED, stop_reason, ExitCode.STOPPED)
        return Outcome(State.FINISHED, end, ExitCode.FINISHED)
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return Outcome(State.STOPPED, stop_reason or "interrupted", ExitCode.STOPPED)
    reason = str(error) or type(error).__name__
    if isinstance(error, (ConfigError, DataError)):
        return Outcome(State.FAILED, reason, ExitCode.CONFIG)
    if isinstance(error, TrainingError):
        return Outcome(State.FAILED, reason, ExitCode.TRAINING)
    if isinstance(error, DynaclrError):
        return Outcome(State.FAILED, reason, ExitCode.FAILED)
    return Outcome(State.FAILED, f"{type(error).__name__}: {reason}", ExitCode.FAILED)
