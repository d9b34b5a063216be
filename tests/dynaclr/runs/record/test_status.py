from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import dynaclr.runs.record.status as status
from dynaclr.base.errors import RunError
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.processes import identity
from dynaclr.runs.record.states import State
from dynaclr.runs.record.status import StatusWriter, read_status, state_of


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def put(folder: RunFolder, **values: Any) -> None:
    folder.status.write_text(json.dumps({**identity(), **values}), encoding="utf-8")


def derived(folder: RunFolder, stale: bool = False) -> State:
    return state_of(read_status(folder), stale)


def test_a_life(folder: RunFolder) -> None:
    writer = StatusWriter(folder.status)
    assert read_status(folder)["state"] == "starting"
    assert derived(folder) is State.STARTING
    writer.update(State.RUNNING, step=4, total_steps=9)
    writer.update(step=5)
    assert read_status(folder)["step"] == 4  # with the next heartbeat
    writer.update(State.STOPPING)
    seen = read_status(folder)
    assert (seen["state"], seen["step"], seen["total_steps"]) == ("stopping", 5, 9)
    writer.update(State.STOPPED, reason="stop file", exit_code=3)
    writer.close()
    seen = read_status(folder)
    assert (seen["state"], seen["reason"], seen["pid"]) == ("stopped", "stop file", os.getpid())
    assert seen["rss_bytes"] > 0
    assert abs(seen["heartbeat"] - time.time()) < 60


def test_states_follow_their_order(folder: RunFolder) -> None:
    writer = StatusWriter(folder.status)
    writer.update(State.FINISHED)
    with pytest.raises(RunError, match="cannot go from 'finished' to 'running'"):
        writer.update(State.RUNNING)
    writer.close()
    assert read_status(folder)["state"] == "finished"


def test_a_resumed_run_goes_on_from_its_step(folder: RunFolder) -> None:
    put(folder, state="stopped", step=17, epoch=2, reason="stop file")
    StatusWriter(folder.status).close()
    seen = read_status(folder)
    assert (seen["state"], seen["step"], seen["epoch"]) == ("starting", 17, 2)
    assert "reason" not in seen


def test_the_heart_beats(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "HEARTBEAT_SECONDS", 0.01)
    writer = StatusWriter(folder.status)
    writer.update(step=3)
    deadline = time.monotonic() + 20
    while read_status(folder).get("step") != 3:
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)
    writer.close()
    assert not any(thread.name == "dynaclr-heartbeat" for thread in threading.enumerate())


def test_a_reader_never_sees_half_of_it(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "HEARTBEAT_SECONDS", 0.0005)
    writer = StatusWriter(folder.status)
    writer.update(State.RUNNING, note="x" * 4000)
    for _ in range(300):
        assert read_status(folder)["state"] == "running"
    writer.close()


def test_a_folder_that_is_gone_is_logged_once(
    folder: RunFolder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = StatusWriter(RunFolder(folder.path / "gone").status)
    writer.update(State.RUNNING)
    writer.update(State.FINISHED)
    writer.close()
    assert len(caplog.records) == 1
    assert "training goes on" in caplog.text


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"state": "asleep"}', '{"step": 3}'])
def test_no_status_is_a_lost_run(folder: RunFolder, content: str | None) -> None:
    if content is not None:
        folder.status.write_text(content, encoding="utf-8")
    assert derived(folder) is State.LOST


@pytest.mark.parametrize("state", [state for state in State if state.ended])
def test_an_end_that_is_written_counts(folder: RunFolder, state: State) -> None:
    put(folder, state=state.value, host="elsewhere", heartbeat=0)
    assert derived(folder, stale=True) is state


@pytest.mark.parametrize("state", [State.STARTING, State.RUNNING, State.STOPPING])
def test_on_this_host_the_process_tells(folder: RunFolder, state: State) -> None:
    put(folder, state=state.value)
    assert derived(folder, stale=True) is state  # however long the last heartbeat is ago
    put(folder, state=state.value, started=1.0, ticks=None)
    assert derived(folder) is State.CRASHED
    put(folder, state=state.value, boot="before")
    assert derived(folder) is State.CRASHED


def test_on_another_host_the_heartbeat_tells(folder: RunFolder) -> None:
    put(folder, state="running", host="elsewhere", heartbeat=1.0)  # the clock there may be wrong
    assert derived(folder) is State.RUNNING
    assert derived(folder, stale=True) is State.LOST
