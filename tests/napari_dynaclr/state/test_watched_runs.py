"""What is known of watched runs, from real run folders and from made observations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.stand_in import begin

from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.observing import Observation
from dynaclr.runs.record.states import State
from dynaclr.runs.record.tail import News, RunTail
from napari_dynaclr.state.watched_runs import Happening, WatchedRuns, What

HERE = Path("/runs/one")


def news(state: State, *events: dict[str, Any], reason: str = "", **changes: Any) -> News:
    status = {"step": 10, "total_steps": 110, "epoch": 0, "total_epochs": 5}
    seen = Observation(state, reason, status, {}, None)
    values = {"lines": [], "restarted": False, "more": False, "there": True, **changes}
    return News(seen=seen, events=list(events), **values)


def step(number: int, loss: float) -> dict[str, Any]:
    return {"kind": "step", "t": 60.0 * number, "step": number, "m": {"loss/train": loss}}


@pytest.fixture
def runs() -> WatchedRuns:
    return WatchedRuns()


def told(runs: WatchedRuns) -> list[Happening]:
    found: list[Happening] = []
    runs.happened.connect(found.append)
    return found


def test_what_was_there_before_is_no_news(runs: WatchedRuns) -> None:
    happenings = told(runs)
    runs.watch(HERE)
    best = {"kind": "ckpt", "path": "checkpoints/best.ckpt", "reason": "loss/val 1"}
    runs.take(HERE, news(State.RUNNING, best, step(1, 2.0), more=True))
    runs.take(HERE, news(State.RUNNING, step(2, 1.0)))
    assert happenings == []
    runs.take(HERE, news(State.RUNNING, best))
    runs.take(HERE, news(State.FAILED, {"kind": "error", "text": "no batches"}, reason="no batches"))
    assert [item.what for item in happenings] == [What.BEST, What.FAILED]
    assert "no batches" in happenings[1].text
    assert list(runs.runs[HERE].problems) == ["error: no batches"]


def test_a_run_that_was_started_here_tells_everything(runs: WatchedRuns) -> None:
    happenings = told(runs)
    runs.watch(HERE, started=True)
    assert [run.path for run in runs.started_and_going()] == [HERE]
    runs.take(HERE, news(State.STARTING))
    runs.take(HERE, news(State.RUNNING))
    runs.take(HERE, news(State.FINISHED, reason="all epochs done"))
    assert [item.what for item in happenings] == [What.STARTED, What.ENDED]
    assert runs.started_and_going() == []


def test_time_left_follows_the_pace(runs: WatchedRuns) -> None:
    runs.watch(HERE)
    runs.take(HERE, news(State.RUNNING, step(1, 1.0)))
    assert runs.runs[HERE].seconds_left is None
    runs.take(HERE, news(State.RUNNING, *(step(n, 1.0) for n in range(2, 11))))
    assert runs.runs[HERE].seconds_left == pytest.approx(100 * 60)


def test_a_folder_that_is_deleted_is_told_once_and_keeps_its_curves(runs: WatchedRuns) -> None:
    happenings = told(runs)
    runs.watch(HERE)
    runs.take(HERE, news(State.RUNNING, step(1, 1.0)))
    for _ in range(2):
        runs.take(HERE, news(State.LOST, there=False))
    assert [item.what for item in happenings] == [What.GONE]
    assert not runs.runs[HERE].going
    assert runs.runs[HERE].curves.last("loss/train") == 1.0


def test_another_run_in_the_folder_begins_anew(runs: WatchedRuns) -> None:
    runs.watch(HERE)
    runs.take(HERE, news(State.RUNNING, step(1, 1.0), step(2, 2.0)))
    before = runs.runs[HERE].revision
    runs.take(HERE, news(State.RUNNING, step(1, 7.0), restarted=True))
    series = runs.runs[HERE].curves.series("loss/train")
    assert series is not None
    assert series.value.tolist() == [7.0]
    assert runs.runs[HERE].revision != before


def test_watching_and_looking(runs: WatchedRuns) -> None:
    other = HERE.with_name("two")
    runs.watch(HERE)
    runs.watch(other, look=False)
    assert runs.current is runs.runs[HERE]
    runs.unwatch(HERE)
    assert runs.current is runs.runs[other]
    runs.take(HERE, news(State.RUNNING))
    assert list(runs.runs) == [other]
    runs.unwatch(other)
    assert runs.current is None


def test_a_real_folder_is_read_whole(runs: WatchedRuns, tmp_path: Path) -> None:
    process = begin(tmp_path / "run", "--steps", "40", "--pause", "0")
    assert process.wait(60) == 0
    runs.watch(tmp_path / "run")
    tail = RunTail(RunFolder(tmp_path / "run"))
    runs.take(tmp_path / "run", tail.poll())
    run = runs.runs[tmp_path / "run"]
    series = run.curves.series("loss/train")
    assert series is not None
    assert np.array_equal(series.step, np.arange(1, 41))
    assert series.epoch[19] == 1.0
    assert run.state is State.FINISHED
    assert run.lines[-1] == "step 40"
