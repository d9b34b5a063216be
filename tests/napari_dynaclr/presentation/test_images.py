from __future__ import annotations

import numpy as np

from napari_dynaclr.presentation.images import contrast_limits, flat, grey8


def test_contrast_leaves_outliers_and_holes_out() -> None:
    images = np.linspace(0, 1, 10_000, dtype=np.float32).reshape(4, 50, 50)
    images[0, 0, 0], images[1, 1, 1] = np.nan, np.inf
    low, high = contrast_limits(images)
    assert 0.003 < low < 0.007
    assert 0.993 < high < 0.997
    assert contrast_limits(np.full((2, 3, 3), np.nan)) == (0.0, 1.0)


def test_slices_and_projections() -> None:
    stack = np.arange(2 * 3 * 2 * 2).reshape(2, 3, 2, 2).astype(float)
    assert np.array_equal(flat(stack, None), stack.max(axis=1))
    assert np.array_equal(flat(stack, 1), stack[:, 1])
    assert np.array_equal(flat(stack, 9), stack[:, 2])


def test_grey_values() -> None:
    image = np.array([[0.0, 1.0], [0.5, np.nan], [-3.0, 7.0]])
    assert grey8(image, (0.0, 1.0)).tolist() == [[0, 255], [127, 0], [0, 255]]
    assert grey8(np.ones((2, 2)), (1.0, 1.0)).tolist() == [[0, 0], [0, 0]]
