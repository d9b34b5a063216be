"""Which slices are read, and what is made of them, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynaclr.images.slices import Projection, Slices, window_around


def test_projections() -> None:
    pixels = np.random.default_rng(0).random((2, 5, 4, 3)).astype(np.float32)
    np.testing.assert_array_equal(Projection.MAX(pixels), pixels.max(axis=1, keepdims=True))
    np.testing.assert_allclose(Projection.MEAN(pixels), pixels.mean(axis=1, keepdims=True), rtol=1e-6)
    assert Projection.NONE(pixels) is pixels
    assert [projection.depth(5) for projection in Projection] == [5, 1, 1]


@given(st.floats(-0.5, 11.5), st.integers(1, 12))
def test_a_window_holds_the_focus_in_its_middle_unless_the_stack_ends(focus: float, count: int) -> None:
    first = int(window_around(np.array([focus]), count, 12)[0])
    assert 0 <= first <= 12 - count
    middle = first + (count - 1) / 2
    if 0 < first < 12 - count:
        assert abs(middle - focus) <= 0.5
    elif first == 0:
        assert focus <= middle + 0.5 or count == 12
    else:
        assert focus >= middle - 0.5 or count == 12


@pytest.mark.parametrize(("count", "first"), [(1, 4), (2, 4), (3, 3), (4, 3), (5, 2)])
def test_the_slice_in_focus_is_in_every_window(count: int, first: int) -> None:
    assert window_around(np.array([4.0]), count, 9)[0] == first


def test_windows_of_frames() -> None:
    slices = Slices((np.array([2, 0, 5]), np.array([1, 1])), (3, 2))
    assert slices.window(0, 2) == (5, 8)
    assert slices.span(0) == (0, 8)
    assert slices.span(1) == (1, 3)
    first, stop = slices.windows(np.array([1, 0, 0]), np.array([1, 0, 2]))
    assert first.tolist() == [1, 2, 5]
    assert stop.tolist() == [3, 5, 8]
    middle = slices.middle()
    assert [part.tolist() for part in middle.first] == [[3, 1, 6], [2, 2]]
    assert middle.count == (1, 1)
