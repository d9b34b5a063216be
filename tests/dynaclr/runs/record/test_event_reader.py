"""None"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.runs.record.event_reader import EventReader, MetricTable, thinned


def step(number: int, **values: Any) -> dict[str, Any]:
    return {"kind": "step", "step": number, "m": values or {"loss/train": float(number)}}


def text(*events: dict[str, Any]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_a_torn_line_waits_for_its_end(path: Path) -> None:
    reader = EventReader(path)
    whole = text(step(1), step(2)).encode()
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        if end in (0, 5, len(whole) // 2, len(whole)):
            events = reader.poll()
            assert all(event in (step(1), step(2)) for event in events)
    assert reader.garbage == 0
    assert reader.poll() == []


@pytest.mark.parametrize(
    "garbage",
    [
        b"nonsense",
        b"\xff\xfe\x00",
        b"{",
        b"[1]",
        b"3",
        b"null",
        b'{"no": "kind"}',
        b'{"kind": 3}',
        b'{"kind": "step',
    ],
)
def test_garbage_is_skipped_counted_and_said_once(
    path: Path, caplog: pytest.LogCaptureFixture, garbage: bytes
) -> None:
    lines = [text(step(1)).encode(), garbage + b"\n", garbage + b"\n", text(step(2)).encode()]
    path.write_bytes(b"".join(lines))
    reader = EventReader(path)
    assert [event["step"] for event in reader.read_all()] == [1, 2]
    assert reader.garbage == 2
    assert len(caplog.records) == 1
    assert str(path) in caplog.text


def test_empty_lines_are_no_garbage(path: Path) -> None:
    path.write_text("\n\n" + text(step(1)) + "\n")
    reader = EventReader(path)
    assert len(reader.read_all()) == 1
    assert reader.garbage == 0


def test_a_line_that_is_too_long_does_not_stop_the_reader(path: Path) -> None:
    path.write_text(text(step(1)) + json.dumps({"kind": "x" * 5000}) + "\n" + text(step(2)))
    reader = EventReader(path)
    seen: list[dict[str, Any]] = []
    for _ in range(20):
        seen += reader.poll(max_bytes=1000)
    assert [event["step"] for event in seen] == [1, 2]
    assert reader.garbage > 0


def test_a_file_that_was_cut_is_read_from_its_beginning(path: Path) -> None:
    path.write_text(text(step(1), step(2), step(3)))
    reader = EventReader(path)
    reader.read_all()
    with path.open("r+") as stream:  # the same file, shorter
        stream.truncate(len(text(step(1))))
    assert reader.read_all() == [step(1)]
    assert reader.restarts == 1


def test_another_file_under_the_name_is_read_from_its_beginning(path: Path) -> None:
    path.write_text(text(step(1)))
    reader = EventReader(path)
    reader.read_all()
    other = path.with_suffix(".new")
    other.write_text(text(step(7), step(8), step(9)))  # longer than what has been read
    os.replace(other, path)
    assert [event["step"] for event in reader.read_all()] == [7, 8, 9]
    assert reader.restarts == 1


def test_a_file_that_comes_goes_and_comes_back(path: Path) -> None:
    reader = EventReader(path)
    assert reader.read_all() == []
    path.write_text(text(step(1)))
    assert reader.read_all() == [step(1)]
    path.unlink()
    assert reader.read_all() == []
    path.write_text(text(step(2)))
    assert reader.read_all() == [step(2)]


@pytest.mark.slow
def test_very_many_points_are_read_in_pieces_of_bounded_size(path: Path) -> None:
    count = 200_000
    with path.open("w") as stream:
        stream.writelines(f'{{"kind":"step","step":{k},"m":{{"loss":{k}}}}}\n' for k in range(count))
    reader, table, largest = EventReader(path), MetricTable(), 0
    while events := reader.poll(2**18):
        largest = max(largest, len(events))
        table.add(events)
    steps, values = table.curves()["loss"]
    assert np.array_equal(steps, np.arange(count))
    assert np.array_equal(values, np.arange(count))
    assert largest < 10_000


def test_values_that_are_no_numbers_are_nan() -> None:
    table = MetricTable()
    table.add(
        [step(1, a=None, b=2), step(2, a=3.5), {"kind": "step", "step": 3}, {"kind": "hb", "m": {"a": 9}}]
    )
    curves = table.curves()
    assert curves["a"][0].tolist() == [1, 2]
    assert np.array_equal(curves["a"][1], [np.nan, 3.5], equal_nan=True)
    assert curves["b"][1].tolist() == [2.0]


def test_unknown_kinds_are_kept_for_whoever_knows_them(path: Path) -> None:
    path.write_text(text({"kind": "of a later version", "x": 1}))
    assert EventReader(path).read_all() == [{"kind": "of a later version", "x": 1}]


def test_twice_resumed() -> None:
    table = MetricTable()
    for resumed, steps, value in ((0, range(1, 8), 1.0), (5, range(6, 10), 2.0), (3, range(4, 6), 3.0)):
        table.add([{"kind": "start", "resumed_from_step": resumed}])
        table.add([step(k, loss=value) for k in steps])
    steps, values = table.curves()["loss"]
    assert steps.tolist() == [1, 2, 3, 4, 5]
    assert values.tolist() == [1, 1, 1, 3, 3]


def slow_extremes(steps: np.ndarray, values: np.ndarray, pixels: int) -> set[float]:
    """Lowest and highest finite value of every pixel, one pixel at a time."""
    first, last = float(steps[0]), float(steps[-1]) + 1.0
    found: set[float] = set()
    for pixel in range(pixels):
        low = np.ceil(first + (last - first) * pixel / pixels)
        high = np.ceil(first + (last - first) * (pixel + 1) / pixels)
        inside = values[(steps >= low) & (steps < high)]
        inside = inside[~np.isnan(inside)]
        if len(inside):
            found |= {inside.min(), inside.max()}
    return found


@settings(deadline=None, max_examples=50)
@given(
    gaps=st.lists(st.integers(0, 9), min_size=1, max_size=400),
    pixels=st.integers(1, 40),
    seed=st.integers(0, 9),
    holes=st.floats(0, 1),
)
def test_every_extreme_of_every_pixel_is_kept(gaps: list[int], pixels: int, seed: int, holes: float) -> None:
    rng = np.random.default_rng(seed)
    steps = np.cumsum(gaps).astype(np.int64)
    values = rng.normal(size=len(steps))
    values[rng.random(len(steps)) < holes] = np.nan
    before = values.copy()
    x, y = thinned(steps, values, pixels)
    assert np.array_equal(values, before, equal_nan=True)
    assert np.all(np.diff(x) >= 0)
    assert len(x) <= max(3 * pixels + 2, 2 * pixels)
    assert (x[0], x[-1]) == (steps[0], steps[-1])
    points = {(a, b) for a, b in zip(steps.tolist(), values.tolist(), strict=True) if b == b}
    shown = {(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True) if b == b}
    assert shown <= points
    assert slow_extremes(steps, values, pixels) <= {b for _, b in shown}


def test_a_gap_is_seen(pixels: int = 10) -> None:
    values = np.zeros(1000)
    values[500:600] = np.nan
    x, y = thinned(np.arange(1000), values, pixels)
    assert np.isnan(y).any()
    assert set(x[np.isnan(y)]) <= set(range(500, 600))


def test_short_curves_are_left_alone() -> None:
    steps, values = np.arange(20), np.arange(20.0)
    x, y = thinned(steps, values, 10)
    assert x is steps
    assert y is values
    assert len(thinned(np.zeros(0, dtype=np.int64), np.zeros(0), 10)[0]) == 0
