"""Words of the training dock."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dynaclr.runs.control.estimate import Estimate
from dynaclr.runs.record.observing import Observation
from dynaclr.runs.record.states import State
from dynaclr.runs.record.tail import News
from napari_dynaclr.presentation.training_text import (
    GLYPH_OF,
    ending_text,
    estimate_text,
    progress_text,
    run_title,
    span_text,
)
from napari_dynaclr.state.watched_runs import WatchedRun


def run_in(state: State, reason: str = "", lines: tuple[str, ...] = (), there: bool = True) -> WatchedRun:
    run = WatchedRun(Path("/runs/one"))
    status = {"step": 3, "total_steps": 40, "epoch": 1, "total_epochs": 5}
    run.take(News(Observation(state, reason, status, {}, None), [], list(lines), False, False, there))
    return run


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (59.9, "59 s"), (60, "1 min"), (3600, "1 h 00 min"), (7 * 86400 + 7200, "7 d 2 h")],
)
def test_spans(seconds: float, text: str) -> None:
    assert span_text(seconds) == text


def test_a_title_begins_with_the_name() -> None:
    begun = datetime(2026, 1, 3, 4, 15, tzinfo=UTC).astimezone()
    assert run_title("20260103T041500Z-cells") == f"cells {begun:%m-%d %H:%M}"
    now = datetime.now(UTC)
    assert run_title(f"{now:%Y%m%dT%H%M%SZ}-cells") == f"cells {now.astimezone():%H:%M}"
    assert run_title("my-run") == "my-run"


def test_every_state_has_a_sign_of_its_own() -> None:
    assert set(GLYPH_OF) == set(State)
    assert len(set(GLYPH_OF.values())) == len(State)


def test_progress_is_told() -> None:
    assert progress_text(run_in(State.RUNNING)) == "epoch 2 of 5, step 3 of 40"
    assert progress_text(run_in(State.STARTING)).startswith("Starting")
    assert progress_text(WatchedRun(Path("x"))) == "Reading ..."
    assert "deleted" in progress_text(run_in(State.LOST, there=False))


@pytest.mark.parametrize("state", State)
def test_an_end_tells_why_and_what_to_do(state: State) -> None:
    text = ending_text(run_in(state, "a <b> reason", ("first", "last <line>")))
    if not state.ended and state is not State.LOST:
        assert text == ""
        return
    assert "a &lt;b&gt; reason" in text
    assert ("last &lt;line&gt;" in text) == (state in (State.CRASHED, State.LOST))
    assert ("no checkpoint" in text) == (state is not State.FINISHED)


def test_an_end_tells_which_checkpoint_is_left() -> None:
    run = run_in(State.STOPPED, "ended by ada at lab: killed")
    event = {"kind": "ckpt", "path": "checkpoints/last.ckpt", "reason": "epoch"}
    for step, expected in ((1, "last.ckpt of step 1; the 2 steps after it are repeated"), (3, "step 3.")):
        run.take(dataclasses.replace(run.news, events=[{**event, "step": step}]))
        assert "ended by ada at lab: killed" in ending_text(run)
        assert f"Resume continues from last.ckpt of step {step}" in ending_text(run)
        assert expected in ending_text(run)


def test_a_cost_names_time_memory_and_what_slows_it() -> None:
    cost = Estimate(0.5, 10, 0.5, 30.0, 60.0, 64, 120, 2**31, 2**32, "A GPU", 2**34, 2**33)
    text = estimate_text(cost, epochs=10)
    assert "2 min per epoch" in text
    assert "20 min in total on A GPU" in text
    assert "128 pairs per second" in text
    assert "memory 2.0 GiB, GPU 4.0 GiB of 16.0 GiB" in text
    assert "50 % of the time is spent waiting for data" in text
