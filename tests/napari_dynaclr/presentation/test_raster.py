from __future__ import annotations

import numpy as np
import pytest

from napari_dynaclr.presentation.raster import disc_radius, raster

TABLE = np.array([[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 90]], dtype=np.uint8)


@pytest.mark.parametrize("radius", [0.0, 1.0, 1.5, 3.2])
def test_the_picture_is_that_of_plain_loops(radius: float) -> None:
    rng = np.random.default_rng(0)
    pixels, codes = rng.uniform(-6, 46, (60, 2)), rng.integers(0, 3, 60)
    distance = np.full((40, 50, 60), np.inf)
    for y in range(40):
        for x in range(50):
            distance[y, x] = np.hypot(*(np.floor(pixels) - [x, y]).T)
    found = raster(pixels, codes, TABLE, (40, 50), radius)
    assert found.shape == (40, 50, 4)
    for y in range(40):
        for x in range(50):
            near = np.flatnonzero(distance[y, x] <= radius)
            colors = {tuple(TABLE[codes[k]]) for k in near} or {(0, 0, 0, 0)}
            assert tuple(found[y, x]) in colors
            center = near[distance[y, x, near] == 0]
            if center.size:
                assert tuple(found[y, x]) == tuple(TABLE[codes[center[-1]]])


def test_what_cannot_be_seen_is_left_out() -> None:
    pixels = np.array([[np.nan, 3.0], [np.inf, 1.0], [-1e12, 2.0], [500.0, 2.0]])
    assert not raster(pixels, np.zeros(4, dtype=int), TABLE, (5, 6), 2.0).any()
    assert raster(np.empty((0, 2)), np.empty(0, dtype=int), TABLE, (5, 6), 1.0).shape == (5, 6, 4)


def test_many_points_are_small() -> None:
    radii = [disc_radius(count) for count in (10, 1000, 10_000, 100_000)]
    assert radii == sorted(radii, reverse=True)
    assert disc_radius(10, 2.0) == 2 * disc_radius(10)
