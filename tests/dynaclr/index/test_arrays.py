"""Places of patches against a search over all places inside the image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex


@pytest.mark.parametrize("patch", [(16, 16), (15, 9), (48, 64), (1, 1)])
def test_patches_lie_inside_and_as_near_as_they_can(coded_source: Path, patch: tuple[int, int]) -> None:
    index = MultiExperimentIndex(ExperimentRegistry.from_yaml(coded_source), (0, 1), patch, (0.5, 1.0))
    table, image_yx = index.table, index.fov_image_yx
    rows = np.arange(len(table))
    found = index.corners(rows)
    away = np.zeros(len(table), dtype=bool)
    for axis, (size, corner, center) in enumerate(zip(patch, found, (table.y, table.x), strict=True)):
        image = image_yx[table.fov_of(rows), axis]
        for row in rows.tolist():
            pixel = int(np.floor(center[row] + 0.5))
            places = range(int(image[row]) - size + 1)
            assert corner[row] == min(places, key=lambda first: abs(first + size // 2 - pixel))
            away[row] |= corner[row] + size // 2 != pixel
    assert np.array_equal(index.near_border(rows), away)
    some = rows[::3]
    assert np.array_equal(index.near_border(some), away[some])
    assert all(np.array_equal(a[some], b) for a, b in zip(found, index.corners(some), strict=True))
    assert np.array_equal(index.near_border(slice(None)), away)
