from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.runs.thinning import thinned


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


@pytest.mark.parametrize("holes", [False, True])
def test_a_million_points_take_a_moment(holes: bool) -> None:
    steps, values = np.arange(1_000_000), np.random.default_rng(0).normal(size=1_000_000)
    if holes:
        values[::1000] = np.nan
    thinned(steps, values, 1000)
    times = []
    for _ in range(5):
        began = time.process_time()
        thinned(steps, values, 1000)
        times.append(time.process_time() - began)
    assert min(times) < 0.02
