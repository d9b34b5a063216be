from __future__ import annotations

import pytest

from dynaclr.base.errors import ConfigError, DataError, PixelReadError, RunError, TrainingError
from dynaclr.runs.record.states import ALLOWED, ExitCode, Outcome, State, outcome_of

ENDS = (State.FINISHED, State.STOPPED, State.FAILED)


@pytest.mark.parametrize(
    ("error", "stop", "expected"),
    [
        (None, None, (State.FINISHED, "all epochs done", ExitCode.FINISHED)),
        (None, "stop file", (State.STOPPED, "stop file", ExitCode.STOPPED)),
        (KeyboardInterrupt(), "signal SIGTERM", (State.STOPPED, "signal SIGTERM", ExitCode.STOPPED)),
        (SystemExit(1), None, (State.STOPPED, "interrupted", ExitCode.STOPPED)),
        (ConfigError("unknown channel"), None, (State.FAILED, "unknown channel", ExitCode.CONFIG)),
        (DataError("no rows"), "stop file", (State.FAILED, "no rows", ExitCode.CONFIG)),
        (TrainingError("no number"), None, (State.FAILED, "no number", ExitCode.TRAINING)),
        (RunError("disk is full"), None, (State.FAILED, "disk is full", ExitCode.FAILED)),
        (PixelReadError("chunk 7"), None, (State.FAILED, "chunk 7", ExitCode.FAILED)),
        (OSError("lost"), None, (State.FAILED, "OSError: lost", ExitCode.FAILED)),
        (ValueError(), None, (State.FAILED, "ValueError: ValueError", ExitCode.FAILED)),
    ],
)
def test_how_it_ended(
    error: BaseException | None, stop: str | None, expected: tuple[State, str, ExitCode]
) -> None:
    assert outcome_of(error, stop) == Outcome(*expected)


def test_every_state_has_its_transitions() -> None:
    assert set(ALLOWED) == set(State)
    for state in (State.STARTING, State.RUNNING, State.STOPPING):
        assert not state.ended
        assert set(ENDS) <= ALLOWED[state]
    for state in (*ENDS, State.CRASHED, State.LOST):
        assert ALLOWED[state] == {State.STARTING}


def test_what_a_reader_concludes_is_never_written() -> None:
    assert not any({State.CRASHED, State.LOST} & after for after in ALLOWED.values())
