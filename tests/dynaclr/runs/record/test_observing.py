from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.observing import Pulse, observe, worker
from dynaclr.runs.record.processes import identity
from dynaclr.runs.record.states import State

GONE = {**identity(), "pid": 2**22 + 1, "ticks": None}
HERE = identity()
AWAY = {"host": "elsewhere", "pid": 5, "boot": "x"}


@pytest.mark.parametrize(
    ("status", "launch", "expected", "works"),
    [
        (None, None, State.LOST, None),
        (None, HERE, State.STARTING, HERE["pid"]),
        (None, GONE, State.CRASHED, None),
        ({"state": "running", **HERE}, HERE, State.RUNNING, HERE["pid"]),
        ({"state": "running", **GONE}, GONE, State.CRASHED, None),
        ({"state": "stopped", **GONE}, HERE, State.STARTING, HERE["pid"]),  # it is being resumed
        ({"state": "stopped", **HERE}, HERE, State.STOPPED, HERE["pid"]),  # it is being cleared up
        ({"state": "stopped", **GONE}, GONE, State.STOPPED, None),
        ({"state": "stopped", **GONE}, {**GONE, "pid": 2**22 + 2}, State.STOPPED, None),
        ({"state": "running", **HERE}, GONE, State.RUNNING, HERE["pid"]),  # resumed in a terminal
        ({"state": "running", **AWAY}, None, State.RUNNING, 5),
        ({"state": "finished", **AWAY}, None, State.FINISHED, None),
        ({"state": "nonsense"}, None, State.LOST, None),
    ],
    ids=[str(number) for number in range(13)],  # process numbers are no names of tests
)
def test_who_trains_and_what_that_means(
    tmp_path: Path, status: Any, launch: Any, expected: State, works: int | None
) -> None:
    folder = RunFolder(tmp_path)
    if status is not None:
        folder.status.write_text(json.dumps(status))
    if launch is not None:
        folder.launch.write_text(json.dumps({"kind": "process", **launch}))
        os.utime(folder.launch, (1, 1))
    seen = observe(folder)
    who = worker(seen)
    assert (seen.state, None if who is None else who["pid"]) == (expected, works)


@pytest.mark.parametrize(
    ("text", "state", "reason"),
    [
        ("", State.CRASHED, "disappeared without a message"),
        ("noise\nSegmentation fault\n", State.CRASHED, "Segmentation fault"),
        ("noise\ndynaclr fit: file a.yaml: wrong\n  - one\n", State.FAILED, "file a.yaml: wrong\n  - one"),
        ("dynaclr fit: ended by signal SIGTERM\n", State.STOPPED, "ended by signal SIGTERM"),
    ],
)
def test_the_end_of_a_process_that_came_to_nothing(
    tmp_path: Path, text: str, state: State, reason: str
) -> None:
    folder = RunFolder(tmp_path)
    folder.launch.write_text(json.dumps({"kind": "process", **GONE}))
    folder.output.write_text(text)
    seen = observe(folder)
    assert seen.state is state
    assert seen.reason.endswith(reason)


def test_a_pulse_is_felt_by_ones_own_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, now = tmp_path / "status.json", time.monotonic()
    monkeypatch.setattr("dynaclr.runs.record.observing.time.monotonic", lambda: now)
    pulse = Pulse()
    assert pulse.stale(file)
    file.touch()
    assert not pulse.stale(file)
    os.utime(file, (1, 1))  # the clock of the disk was set back, and it beats
    assert not pulse.stale(file)
    now += 29
    assert not pulse.stale(file)
    now += 2
    assert pulse.stale(file)
    assert Pulse().stale(file)  # who comes now has only the time on the disk
