"""Axes and cells against loops over the rows of a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.base.errors import ConfigError
from dynaclr.sampler.axes import Axis, Cells, FrameColumns, axis_of, largest_remainder, weights_by_label

FRAME = pd.DataFrame(
    {
        "experiment": ["b", "a", "b", "a", "b"],
        "condition": ["u", "u", "i", "u", "u"],
        "hours": [0.0, 1.5, 2.0, 0.5, 9.0],
    }
)


def test_an_axis_numbers_the_labels_that_occur() -> None:
    axis = axis_of(FrameColumns(FRAME), ["experiment"], "experiment_aware")
    assert axis.labels == ("a", "b")
    assert [axis.labels[code] for code in axis.codes] == FRAME.experiment.tolist()
    both = axis_of(FrameColumns(FRAME), ["experiment", "condition"], "experiment_aware")
    assert both.labels == ("a|u", "b|i", "b|u")  # no anchor is a|i
    texts = (FRAME.experiment + "|" + FRAME.condition).tolist()
    assert [both.labels[code] for code in both.codes] == texts
    assert len(axis_of(FrameColumns(FRAME), [], "experiment_aware")) == 1


def test_a_category_that_does_not_occur_is_no_label() -> None:
    frame = FRAME.assign(condition=pd.Categorical(FRAME.condition, categories=["z", "i", "u"]))
    assert axis_of(FrameColumns(frame), ["condition"], "condition_balanced").labels == ("i", "u")


def test_a_column_that_is_missing() -> None:
    with pytest.raises(
        ConfigError, match=r"condition_balanced needs the column 'conditions'.*columns experiment, condition"
    ) as caught:
        axis_of(FrameColumns(FRAME), ["conditions"], "condition_balanced")
    assert "Did you mean 'condition'?" in str(caught.value)


@st.composite
def rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    size = draw(st.integers(1, 40))
    numbers = st.lists(st.integers(0, 2), min_size=size, max_size=size)
    ticks = draw(st.lists(st.integers(-400, 4000), min_size=size, max_size=size))
    return np.array(draw(numbers)), np.array(draw(numbers)), np.array(ticks) / 16  # exact in binary


def axis(codes: np.ndarray) -> Axis:
    present, numbers = np.unique(codes, return_inverse=True)
    return Axis(numbers.astype(np.int64), tuple(map(str, present)))


@settings(deadline=None, max_examples=50)
@given(rows(), st.integers(-500, 4500), st.integers(0, 2000))
def test_windows_hold_the_rows_within_the_hours(
    data: tuple[np.ndarray, np.ndarray, np.ndarray], low: int, span: int
) -> None:
    stratum, group, hours = axis(data[0]), axis(data[1]), data[2]
    cells = Cells(stratum, group, hours)
    assert sorted(cells.order.tolist()) == list(range(hours.size))
    limits = (low / 16, (low + span) / 16)
    for first, last, inside in (
        (*cells.window(*limits), (hours >= limits[0]) & (hours <= limits[1])),
        (*cells.whole(), np.ones(hours.size, dtype=bool)),
    ):
        for s in range(len(stratum)):
            for g in range(len(group)):
                expected = np.flatnonzero((stratum.codes == s) & (group.codes == g) & inside)
                assert sorted(cells.order[first[s, g] : last[s, g]].tolist()) == expected.tolist()
    for s in range(len(stratum)):
        for g in range(len(group)):
            assert cells.sizes[s, g] == np.sum((stratum.codes == s) & (group.codes == g))
    for place, row in enumerate(cells.order.tolist()):
        assert cells.hour_at(place) == pytest.approx(hours[row], abs=1e-5)


def test_without_hours_there_is_no_window() -> None:
    cells = Cells(axis(np.array([0, 1])), axis(np.array([0, 0])), None)
    assert cells.sizes.tolist() == [[1], [1]]
    for ask in (lambda: cells.window(0.0, 1.0), lambda: cells.hour_at(0)):
        with pytest.raises(ValueError, match="built without hours"):
            ask()


def test_weights_are_those_given_and_zero_elsewhere() -> None:
    default = np.array([3.0, 1.0])
    assert weights_by_label(None, "ab", default, "f").tolist() == [3.0, 1.0]
    assert weights_by_label({"b": 2}, "ab", default, "f").tolist() == [0.0, 2.0]
    assert weights_by_label([1, 2.5], "ab", default, "f").tolist() == [1.0, 2.5]


@pytest.mark.parametrize(
    ("given_weights", "message"),
    [
        ({"c": 1}, r"unknown name.*one of a, b.*'c'"),
        ({"a": True}, "weight of 'a' cannot be used"),
        ({"a": "1"}, "weight of 'a' cannot be used"),
        ({"a": float("inf")}, "weight of 'a' cannot be used"),
        ({"a": 0, "b": 0.0}, "all weights are 0"),
        ({}, "all weights are 0"),
        ([1], "wrong number of weights.*2: a, b"),
    ],
)
def test_weights_that_cannot_be(given_weights: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        weights_by_label(given_weights, "ab", np.ones(2), "experiment_weights")


def test_equal_remainders_are_shared_out_by_chance() -> None:
    ties = np.random.default_rng(0).random((3000, 7))
    extra = np.array([largest_remainder(12, np.ones(7), tie) for tie in ties]) - 1
    assert set(np.unique(extra)) == {0, 1}
    assert extra.mean(axis=0) == pytest.approx([5 / 7] * 7, abs=0.03)


def test_no_share_for_no_weight() -> None:
    quota = largest_remainder(10, np.array([0.0, 1.0, 0.0, 2.0]), np.full(4, 0.5))
    assert quota[[0, 2]].tolist() == [0, 0]
    assert quota.sum() == 10
