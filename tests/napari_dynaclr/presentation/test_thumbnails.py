from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_dynaclr.presentation.thumbnails import composite, contrast, middle_slice, rgb_of


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_composite_equals_plain_loops(seed: int, channels: int) -> None:
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(2, channels, 3, 4))
    images[0, 0, 0, 0] = np.nan
    limits = np.sort(rng.normal(size=(channels, 2)), axis=1) + np.array([0.0, 0.1])
    colors = [tuple(rng.random(3)) for _ in range(channels)]
    pictures = composite(images, limits, colors)
    for b, y, x, k in np.ndindex(pictures.shape):
        total = 0.0
        for c in range(channels):
            low, high = limits[c]
            value = images[b, c, y, x]
            share = 0.0 if np.isnan(value) else min(max((value - low) / (high - low), 0.0), 1.0)
            total += share * colors[c][k]
        assert abs(int(pictures[b, y, x, k]) - 255 * min(total, 1.0)) <= 0.5 + 1e-6


def test_contrast_is_that_of_each_channel() -> None:
    images = np.stack([np.arange(1000.0).reshape(10, 10, 10), np.full((10, 10, 10), 7.0)], axis=1)
    limits = contrast(images)
    assert limits[0] == pytest.approx([4.995, 994.005])
    assert limits[1] == pytest.approx([7.0, 8.0])
    assert contrast(np.full((1, 1, 2, 2), np.nan)).tolist() == [[0.0, 1.0]]


def test_slice_and_colors() -> None:
    images = np.arange(2 * 3 * 5.0).reshape(2, 3, 5, 1, 1)
    assert np.array_equal(middle_slice(images), images[:, :, 2])
    assert rgb_of("green") == (0.0, 1.0, 0.0)
    assert rgb_of("#ff8000") == pytest.approx((1.0, 128 / 255, 0.0))
    with pytest.raises(ValueError, match="is not a color"):
        rgb_of("viridis")
