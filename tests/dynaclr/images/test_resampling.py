"""Pixels on a grid of another size against interpolation sampled finely, and against what must come out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from dynaclr.images.resampling import Taps, resample, taps_of

steps = st.floats(0.2, 5.0).filter(lambda step: abs(step - 1) > 1e-3)


def resampled(pixels: np.ndarray, y: Taps, x: Taps) -> np.ndarray:
    """Return pixels (C, Z, Y, X) on another grid."""
    size = (
        (len(pixels[0, 0]) if y.weights is None else y.weights.shape[0]),
        (pixels.shape[3] if x.weights is None else x.weights.shape[0]),
    )
    out = np.full((*pixels.shape[:2], *size), np.nan, dtype=np.float32)
    resample(pixels, y, x, out)
    return out


def matrix(first: int, count: int, step: float, length: int) -> np.ndarray:
    """Return the weights of all stored pixels (count, length)."""
    taps = taps_of(first, count, step, length)
    whole = np.zeros((count, length))
    whole[:, taps.start : taps.stop] = (
        np.eye(count)[:, : taps.size] if taps.weights is None else taps.weights.toarray()
    )
    return whole


def sampled(first: int, count: int, step: float, length: int, n: int = 4000) -> np.ndarray:
    """Return the same, slowly: linear interpolation looked up at many places of the width of each pixel."""
    width = np.sqrt(max(step**2 - 1, 0))
    inside = (np.arange(n) + 0.5) / n - 0.5
    centers = (first + np.arange(count) + 0.5) * step - 0.5
    places = centers[:, None] + inside * width
    unit = np.eye(length)
    return np.stack([np.interp(places, np.arange(length), row).mean(axis=1) for row in unit], axis=1)


@given(steps, st.integers(1, 40), st.data())
@settings(max_examples=60, deadline=None)
def test_weights_are_those_of_averaged_interpolation(step: float, length: int, data: st.DataObject) -> None:
    size = int(length / step)
    if size < 1:
        return
    first = data.draw(st.integers(0, size - 1))
    count = data.draw(st.integers(1, size - first))
    np.testing.assert_allclose(
        matrix(first, count, step, length), sampled(first, count, step, length), atol=2e-3
    )


@given(steps)
@settings(max_examples=60, deadline=None)
def test_a_ramp_stays_the_ramp_and_one_value_that_value(step: float) -> None:
    length = 60
    weights = matrix(0, int(length / step), step, length)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    centers = (np.arange(len(weights)) + 0.5) * step - 0.5
    reach = np.sqrt(max(step**2 - 1, 0)) / 2 + 1
    inner = (centers > reach) & (centers < length - 1 - reach)
    np.testing.assert_allclose((weights @ np.arange(length))[inner], centers[inner], atol=1e-4)


def test_a_step_of_one_takes_pixels_as_they_are() -> None:
    taps = taps_of(5, 7, 1.0, 30)
    assert (taps.start, taps.stop, taps.weights) == (5, 12, None)
    pixels = np.random.default_rng(0).random((2, 3, 7, 7)).astype(np.float32)
    np.testing.assert_array_equal(resampled(pixels, taps, taps), pixels)


def test_smaller_pixels_are_interpolated_as_scipy_does() -> None:
    image = np.random.default_rng(1).random((12, 15)).astype(np.float32)
    y, x = taps_of(0, 30, 0.4, 12), taps_of(0, 20, 0.75, 15)
    found = resampled(image[None, None, y.start : y.stop, x.start : x.stop], y, x)[0, 0]
    places = np.meshgrid((np.arange(30) + 0.5) * 0.4 - 0.5, (np.arange(20) + 0.5) * 0.75 - 0.5, indexing="ij")
    np.testing.assert_allclose(
        found, ndimage.map_coordinates(image, places, order=1, mode="nearest"), atol=1e-5
    )


@pytest.mark.parametrize("step", [2.0, 3.0, 2.6])
def test_detail_finer_than_a_pixel_is_averaged_away(step: float) -> None:
    """Stripes of one pixel would stand as coarse stripes where pixels are only picked."""
    stripes = np.tile([0.0, 1.0], 60)
    weights = matrix(0, int(120 / step), step, 120)
    assert np.ptp((weights @ stripes)[2:-2]) < 0.2
    picked = np.interp((np.arange(len(weights)) + 0.5) * step - 0.5, np.arange(120), stripes)
    assert step == 2.0 or np.ptp(picked) > 0.9


@given(steps, st.integers(0, 8), st.integers(0, 8))
@settings(max_examples=40, deadline=None)
def test_a_pixel_is_the_same_bits_in_whatever_patch_it_lies(step: float, first: int, other: int) -> None:
    image = np.random.default_rng(2).random((1, 2, 64, 64)).astype(np.float32)

    def read(corner: int) -> np.ndarray:
        taps = taps_of(corner, 4, step, 64)
        return resampled(image[:, :, taps.start : taps.stop, taps.start : taps.stop], taps, taps)

    if (max(first, other) + 4) * step > 64 or abs(first - other) >= 4:
        return
    low, high = min(first, other), max(first, other)
    shared = 4 - (high - low)
    np.testing.assert_array_equal(
        read(low)[..., 4 - shared :, 4 - shared :], read(high)[..., :shared, :shared]
    )


def test_only_stored_pixels_with_a_weight_are_read() -> None:
    """A pixel beside the patch that is NaN, or not stored, does not spoil it."""
    taps = taps_of(2, 3, 2.0, 40)
    assert taps.weights is not None
    assert np.all(taps.weights.toarray().sum(axis=0) > 0)
    assert np.all(np.diff(taps.weights.indptr) >= 2)
