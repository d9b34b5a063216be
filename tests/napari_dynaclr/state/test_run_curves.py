"""Curves of a run: all points kept, axes, resumption, smoothing, table."""

from __future__ import annotations

import csv
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_dynaclr.state.run_curves import RunCurves, TimeAxis, csv_text, smoothed


def start(t: float, step: int = 0, per_epoch: int = 10) -> dict[str, Any]:
    return {"kind": "start", "t": t, "step": step, "resumed_from_step": step, "batches_per_epoch": per_epoch}


def step(t: float, number: int, **m: float | None) -> dict[str, Any]:
    return {"kind": "step", "t": t, "step": number, "m": m}


def test_points_have_steps_epochs_and_minutes() -> None:
    curves = RunCurves()
    curves.add([start(1000.0), step(1060.0, 5, loss=2.0), step(1120.0, 10, loss=None)])
    series = curves.series("loss")
    assert series is not None
    assert series.over(TimeAxis.STEPS).tolist() == [5, 10]
    assert series.over(TimeAxis.EPOCHS).tolist() == [0.5, 1.0]
    assert series.over(TimeAxis.MINUTES) == pytest.approx([1.0, 2.0])
    assert series.value[0] == 2.0
    assert math.isnan(series.value[1])
    assert series.lowest == 0
    assert curves.last("none") is None
    assert curves.series("none") is None


def test_a_resumed_run_replaces_what_it_did_before_and_pauses_are_not_counted() -> None:
    curves = RunCurves()
    curves.add([start(0.0), *(step(60.0 * n, n, loss=float(n)) for n in range(1, 6))])
    curves.add([start(9000.0, 3), step(9060.0, 4, loss=40.0)])
    series = curves.series("loss")
    assert series is not None
    assert series.value.tolist() == [1, 2, 3, 40]
    assert series.minutes == pytest.approx([1, 2, 3, 6])


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
def test_a_clock_that_is_set_meanwhile_moves_no_point(jump: float) -> None:
    events = [start(0.0), *(step(60.0 * n, n, loss=1.0) for n in range(1, 5))]
    for event in events:
        event["mono"] = event["t"] + 500.0
    for event in events[3:]:
        event["t"] += jump
    resumed = [
        {"kind": "warn", "t": 9e5, "mono": 9e5, "text": "checkpoint passed over"},
        {**start(9e5 + 5, 4), "mono": 5.0},  # the computer was started anew
        {**step(9e5 + 65, 5, loss=1.0), "mono": 65.0},
    ]
    curves = RunCurves()
    curves.add([*events, *resumed])
    series = curves.series("loss")
    assert series is not None
    assert series.minutes == pytest.approx([1, 2, 3, 4, 5])


def test_what_is_no_number_is_passed_over() -> None:
    curves = RunCurves()
    curves.add([{"kind": "step", "step": 1, "m": {"a": "x", "b": 1}}, {"kind": "step", "step": "1", "m": {}}])
    assert curves.names == ("b",)
    series = curves.series("b")
    assert series is not None
    assert np.isnan(series.epoch).all()


@given(st.lists(st.floats(-1e3, 1e3) | st.just(math.nan), max_size=40), st.floats(0, 0.99))
@settings(deadline=None, max_examples=50)
def test_smoothing_is_a_weighted_mean_of_the_past(values: list[float], strength: float) -> None:
    got = smoothed(np.array(values, dtype=np.float64), strength)
    past: list[float] = []
    for value, result in zip(values, got.tolist(), strict=True):
        if math.isnan(value):
            assert math.isnan(result)
            continue
        past.append(value)
        weights = [strength ** (len(past) - 1 - k) for k in range(len(past))]
        expected = sum(w * v for w, v in zip(weights, past, strict=True)) / sum(weights)
        assert result == pytest.approx(expected, abs=1e-6)


def test_smoothing_refuses_other_strengths() -> None:
    with pytest.raises(ValueError, match="strength"):
        smoothed(np.zeros(3), 1.0)


def test_the_table_holds_every_point() -> None:
    curves = RunCurves()
    curves.add([start(0.0), *(step(60.0 * n, n, a=n / 3, b=-1.0) for n in range(1, 4))])
    rows = list(csv.DictReader(csv_text({"run one": curves}).splitlines()))
    assert len(rows) == 6
    assert {row["run"] for row in rows} == {"run one"}
    assert [float(row["value"]) for row in rows if row["metric"] == "a"] == [1 / 3, 2 / 3, 1.0]
    assert [int(row["step"]) for row in rows if row["metric"] == "b"] == [1, 2, 3]
