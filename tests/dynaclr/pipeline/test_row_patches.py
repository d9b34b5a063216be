"""Brightness of patches against the patches that a batch shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dynaclr.composition import rows_to_measure
from dynaclr.options.fold import pipeline_config
from dynaclr.pipeline import Pipeline
from dynaclr.pipeline.inspector import BatchInspector, Sight
from dynaclr.pipeline.row_patches import row_patches
from dynaclr.transforms import NormalizeByStatistics

PATCH, FINAL = 32, 24


@pytest.fixture(scope="module")
def inspector(synthetic_source: Path) -> BatchInspector:
    config = pipeline_config(
        str(synthetic_source),
        (0, 2),
        (PATCH, PATCH),
        (FINAL, FINAL),
        [],
        no_validation=True,
        batch_size=24,
        missing_statistics="compute",
        normalizations=[NormalizeByStatistics()],
    )
    pipeline = Pipeline(config)
    pipeline.setup()
    return BatchInspector(pipeline)


def test_patches_of_rows_and_their_brightness_are_those_of_the_batches(inspector: BatchInspector) -> None:
    batch = inspector.anchors(0, 0)
    seen, _ = inspector.images(batch, np.arange(len(batch)), Sight.NORMALIZED)
    edge = (PATCH - FINAL) // 2
    seen = seen[..., edge : edge + FINAL, edge : edge + FINAL]
    rows = inspector.dataset.rows[np.asarray(batch)]
    patches = row_patches(inspector.dataset, inspector.pipeline.prepare, rows)
    np.testing.assert_allclose(patches, seen, rtol=1e-5, atol=1e-5)

    steps: list[tuple[int, int]] = []
    found = inspector.intensities(rows, lambda done, total: steps.append((done, total)))
    assert found.rows.tolist() == sorted(set(rows.tolist()))
    assert steps == [(0, len(found.rows))]
    assert (found.experiments, len(found.channels)) == (tuple(inspector.dataset.index.registry.names), 2)
    fov = inspector.dataset.index.table.fov_of(found.rows)
    assert found.experiment.tolist() == inspector.dataset.index.fov_experiment[fov].tolist()
    places = [rows.tolist().index(row) for row in found.rows]
    for number, place in enumerate(places):
        for channel in range(2):
            pixels = seen[place, channel].astype(np.float64)
            assert found.means[number, channel] == pytest.approx(pixels.mean(), abs=1e-5)
            assert found.stds[number, channel] == pytest.approx(pixels.std(), abs=1e-5)
    for experiment in (None, 0):
        chosen = [
            place
            for place, number in zip(places, found.experiment, strict=True)
            if experiment in (None, number)
        ]
        mean, std = found.of(experiment)
        pixels = seen[chosen].astype(np.float64).transpose(1, 0, 2, 3, 4).reshape(2, -1)
        np.testing.assert_allclose(mean, pixels.mean(axis=1), atol=1e-5)
        np.testing.assert_allclose(std, pixels.std(axis=1), atol=1e-5)


def test_every_experiment_and_condition_is_measured_and_none_too_often(inspector: BatchInspector) -> None:
    index = inspector.dataset.index
    chosen = rows_to_measure(index, inspector.dataset.rows)
    assert np.all(np.diff(chosen) > 0)
    assert set(chosen.tolist()) <= set(inspector.dataset.rows.tolist())

    def kinds(rows: np.ndarray) -> dict[tuple[int, int], int]:
        fov = index.table.fov_of(rows)
        found = list(zip(index.fov_experiment[fov].tolist(), index.fov_condition[fov].tolist(), strict=True))
        return {kind: found.count(kind) for kind in found}

    every, some = kinds(inspector.dataset.rows), kinds(chosen)
    assert set(some) == set(every)
    assert all(min(count, 24) <= some[kind] <= 48 for kind, count in every.items())
    assert rows_to_measure(index, np.zeros(0, dtype=np.int64)).size == 0


def test_nothing_to_measure_is_no_error(inspector: BatchInspector) -> None:
    found = inspector.intensities(np.zeros(0, dtype=np.int64))
    assert found.means.shape == (0, 2)
