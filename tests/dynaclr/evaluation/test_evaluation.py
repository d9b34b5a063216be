from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.base.random import BatchKey
from dynaclr.evaluation import (
    EncodedViews,
    Observations,
    demonstrate,
    division_labels,
    effective_rank,
    handcrafted_features,
    linear_probe,
    pixel_features,
    recall_at_1,
    rotated_patches,
    smoothness_ratio,
    temporal_order,
)
from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex

FRAMES, CELLS = 8, 30


def movie() -> Observations:
    """Thirty tracks over eight frames in one FOV; each third one is divided at frame 4."""
    track, t, parent = [], [], []
    for cell in range(CELLS):
        divides = cell % 3 == 0
        spans = [(0, 4), (4, FRAMES), (4, FRAMES)] if divides else [(0, FRAMES)]
        mother = len(parent)
        for number, (begin, end) in enumerate(spans):
            code = len(parent)
            parent.append(mother if number else -1)
            track += [code] * (end - begin)
            t += range(begin, end)
    return Observations(np.zeros(len(t), dtype=np.int64), np.array(track), np.array(t), np.array(parent))


def everything(observations: Observations) -> np.ndarray:
    return np.ones(len(observations), dtype=bool)


def test_recall_of_a_perfect_and_of_a_blind_embedding() -> None:
    observations = movie()
    rng = np.random.default_rng(0)
    identity = rng.normal(size=(CELLS * 3, 40))[observations.lineage]
    rows = everything(observations)
    perfect = recall_at_1(observations, identity, identity, 3, rows, rows)
    assert perfect.value > 0.9  # sisters share a lineage: only they can be taken for each other
    blind = rng.normal(size=(len(observations), 40))
    noise = recall_at_1(observations, blind, blind, 3, rows, rows)
    assert noise.value == pytest.approx(noise.chance, abs=0.06)


def test_recall_equals_a_loop() -> None:
    observations = movie()
    rng = np.random.default_rng(1)
    query, gallery = rng.normal(size=(2, len(observations), 6))
    rows = everything(observations)
    mean, deviation = query.mean(axis=0), query.std(axis=0)
    a, b = (query - mean) / deviation, (gallery - mean) / deviation
    hits = []
    for i in range(len(observations)):
        others = [j for j in range(len(observations)) if observations.t[j] == observations.t[i] + 2]
        kin = [bool(observations.same_cell_later(np.array(i), np.array(j))) for j in others]
        if any(kin):
            cosine = [a[i] @ b[j] / np.linalg.norm(a[i]) / np.linalg.norm(b[j]) for j in others]
            hits.append(kin[int(np.argmax(cosine))])
    assert recall_at_1(observations, query, gallery, 2, rows, rows).value == pytest.approx(np.mean(hits))


def test_division_labels() -> None:
    observations = movie()
    labels = division_labels(observations)
    assert set(observations.t[labels].tolist()) == {3, 4}
    assert labels.sum() == 10 * 3


def test_division_labels_do_not_move_where_observations_are_left_out() -> None:
    """A mother whose last frame was not read does not divide at the frame before."""
    observations = movie()
    whole = division_labels(observations)
    first = np.array([observations.t[observations.track == track].min() for track in range(CELLS + 20)])
    last = np.array([observations.t[observations.track == track].max() for track in range(CELLS + 20)])
    kept = np.random.default_rng(0).random(len(observations)) < 0.7
    kept[np.flatnonzero(whole)[::2]] = False
    some = Observations(
        observations.fov[kept],
        observations.track[kept],
        observations.t[kept],
        observations.track_parent,
        first,
        last,
    )
    assert np.array_equal(division_labels(some), whole[kept])
    assert whole[kept].sum() < whole.sum()


def test_observations_of_a_table_know_the_whole_tracks(coded_source: Path) -> None:
    registry = ExperimentRegistry.from_yaml(coded_source)
    table = MultiExperimentIndex(registry, (0, 1), (16, 16), (0.5, 1.0)).table
    rows = np.arange(0, table.t.size, 3)
    whole, some = Observations.of_table(table, np.arange(table.t.size)), Observations.of_table(table, rows)
    assert np.array_equal(division_labels(some), division_labels(whole)[rows])
    assert division_labels(whole).any()


@pytest.mark.parametrize("broken", ["query", "gallery"])
def test_recall_of_features_that_are_no_numbers_is_refused(broken: str) -> None:
    observations = movie()
    rows = everything(observations)
    features = {name: np.random.default_rng(0).normal(size=(len(rows), 6)) for name in ("query", "gallery")}
    features[broken][17, 2] = np.nan
    with pytest.raises(DataError, match=rf"row 17.*{broken}.*1 rows? of {len(rows)}"):
        recall_at_1(observations, features["query"], features["gallery"], 2, rows, rows)
    aside = rows.copy()
    aside[17] = False
    recall = recall_at_1(observations, features["query"], features["gallery"], 2, aside, aside)
    assert 0 <= recall.value <= 1


def test_recall_without_rows_to_fit_on_is_refused() -> None:
    observations = movie()
    rows = everything(observations)
    features = np.random.default_rng(0).normal(size=(len(rows), 6))
    with pytest.raises(DataError, match="no observations to fit the standardization on"):
        recall_at_1(observations, features, features, 2, rows, ~rows)


def test_grouped_probe_does_not_leak() -> None:
    observations = movie()
    rng = np.random.default_rng(2)
    features = rng.normal(size=(CELLS * 3, 10))[observations.lineage]
    labels = (rng.random(CELLS * 3) < 0.5)[observations.lineage]
    assert abs(linear_probe(features, labels, observations.lineage).auroc - 0.5) < 0.3
    told = np.column_stack([features, labels + 0.1 * rng.normal(size=labels.size)])
    assert linear_probe(told, labels, observations.lineage).auroc > 0.9


def test_figures_of_known_embeddings() -> None:
    observations = movie()
    rng = np.random.default_rng(3)
    assert effective_rank(rng.normal(size=(4000, 12))) == pytest.approx(12, rel=0.02)
    assert effective_rank(np.outer(rng.normal(size=100), np.ones(12))) == pytest.approx(1, abs=0.01)
    noise = rng.normal(size=(len(observations), 16))
    assert smoothness_ratio(noise, observations) == pytest.approx(1, abs=0.15)
    constant = rng.normal(size=(CELLS * 3, 16))[observations.track]
    assert smoothness_ratio(constant, observations) < 0.05
    drift = constant + observations.t[:, None] * rng.normal(size=16)
    assert temporal_order(drift, observations) > 0.8


def test_turned_patches() -> None:
    rng = np.random.default_rng(4)
    images = 1 + rng.random((6, 2, 1, 40, 40), dtype=np.float32)
    turned = rotated_patches(images, BatchKey(0, 0, 0), (28, 28))
    assert turned.shape == (6, 2, 1, 28, 28)
    assert turned.min() >= 1
    assert np.array_equal(turned, rotated_patches(images, BatchKey(0, 0, 0), (28, 28)))
    assert not np.array_equal(turned, rotated_patches(images, BatchKey(0, 0, 1), (28, 28)))
    assert np.allclose(rotated_patches(np.ones_like(images), BatchKey(0, 0, 0), (28, 28)), 1)
    with pytest.raises(ConfigError, match="too small to be turned"):
        rotated_patches(images, BatchKey(0, 0, 0), (32, 32))


def test_baselines() -> None:
    y, x = np.mgrid[-16:16, -16:16]
    planes = np.stack(
        [(np.hypot(y / a, x) < 6).astype(float) * light for a, light in ((1, 2), (2, 2), (1, 5))]
    )
    area, mean, _, elongation, compactness = handcrafted_features(planes).T
    assert area[1] > 1.8 * area[0]
    assert mean.tolist() == [2, 2, 5]
    assert elongation[1] == pytest.approx(2, rel=0.1)
    assert compactness[0] > compactness[1]
    noisy = np.random.default_rng(5).normal(size=(50, 8, 8))
    assert pixel_features(noisy, np.arange(50) < 30, 10).shape == (50, 10)


def test_a_report_tells_good_from_bad() -> None:
    observations = movie()
    rng = np.random.default_rng(6)
    identity = rng.normal(size=(CELLS * 3, 20))[observations.lineage]
    views = {
        "good": [EncodedViews(identity, identity)] * 2,
        "bad": [EncodedViews(*rng.normal(size=(2, len(observations), 20)))],
    }
    test = observations.lineage % 2 == 0
    report = demonstrate(observations, views, test, ~test)
    assert report.median("good", "R@1 rotated, 3 fr") > report.median("bad", "R@1 rotated, 3 fr") + 0.5
    assert "good" in report.text()
