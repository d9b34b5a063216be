"""Counts of what batches hold, against loops over the rows of the frame."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dynaclr.base.random import BatchKey, KeyedBatch
from dynaclr.composition import Composition, as_text, compose
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex

BATCHES, SIZE = 9, 14


@pytest.fixture(scope="module")
def dataset(coded_source: Path) -> MultiExperimentTripletDataset:
    registry = ExperimentRegistry.from_yaml(coded_source)
    return MultiExperimentTripletDataset(MultiExperimentIndex(registry, (0, 1), (16, 16), (0.5, 2.0)))


@pytest.fixture(scope="module")
def batches(dataset: MultiExperimentTripletDataset) -> list[KeyedBatch]:
    rng = np.random.default_rng(0)
    return [KeyedBatch(rng.integers(0, 40, SIZE).tolist(), BatchKey(0, 0, k)) for k in range(BATCHES)]


@pytest.fixture(scope="module")
def composition(dataset: MultiExperimentTripletDataset, batches: list[KeyedBatch]) -> Composition:
    return compose(dataset, batches)


@pytest.mark.parametrize("axis", ["experiment", "condition", "well"])
def test_counts_are_those_of_the_rows(
    dataset: MultiExperimentTripletDataset, batches: list[KeyedBatch], composition: Composition, axis: str
) -> None:
    frame = dataset.index.valid_anchors
    labels = (
        frame.experiment.astype(str) + "/" + frame.well_name.astype(str)
        if axis == "well"
        else frame[axis].astype(str)
    )
    counts = composition.axes[axis]
    for number, batch in enumerate(batches):
        expected = Counter(labels.iloc[list(batch)])
        assert dict(zip(counts.labels, counts.counts[number].tolist(), strict=True)) == {
            label: expected.get(label, 0) for label in counts.labels
        }
    assert dict(zip(counts.labels, counts.pool.tolist(), strict=True)) == dict(Counter(labels))
    assert counts.share.sum() == pytest.approx(1)
    assert counts.pool_share.sum() == pytest.approx(1)


def test_repeats_and_families_are_those_of_the_rows(
    dataset: MultiExperimentTripletDataset, batches: list[KeyedBatch], composition: Composition
) -> None:
    lineage = dataset.index.valid_anchors.lineage_id.astype(str).tolist()
    for number, batch in enumerate(batches):
        pairs = sum(lineage[batch[a]] == lineage[batch[b]] for a in range(SIZE) for b in range(a + 1, SIZE))
        assert composition.lineage_pairs[number] == pairs
        assert composition.duplicates[number] == SIZE - len(set(batch))
    seen = Counter(row for batch in batches for row in batch)
    assert composition.distinct_anchors == len(seen)
    assert composition.max_repeats == max(seen.values())
    assert (composition.anchors, composition.batch_size) == (len(dataset), SIZE)


def test_hours_and_offsets_are_those_of_the_batches(
    dataset: MultiExperimentTripletDataset, batches: list[KeyedBatch], composition: Composition
) -> None:
    frame = dataset.index.valid_anchors
    rows = [row for batch in batches for row in batch]
    assert np.array_equal(composition.hours, frame.hours_post_infection.iloc[rows])
    conditions = [composition.condition_labels[code] for code in composition.condition_codes]
    assert conditions == frame.condition.astype(str).iloc[rows].tolist()
    tau = np.concatenate([dataset.draw(batch).tau_frames for batch in batches])
    assert np.array_equal(composition.tau_frames, tau)
    hours = np.where(frame.experiment.iloc[rows] == "coded0", 0.5, 0.25)
    assert composition.tau_hours == pytest.approx(tau * hours)


def test_records_and_text_say_the_same(composition: Composition) -> None:
    records = composition.records()
    assert {record["axis"] for record in records} >= {"experiment", "condition", "well", "relation"}
    assert all(record["pool_share"] is None for record in records if record["axis"] == "relation")
    text = as_text(composition)
    for record in records:
        assert record["per_batch_min"] <= record["per_batch_median"] <= record["per_batch_max"]
        assert f"{100 * record['share']:.1f} %" in text
    assert str(composition.distinct_anchors) in text


def test_progress_is_told_and_nothing_is_an_error(
    dataset: MultiExperimentTripletDataset, batches: list[KeyedBatch]
) -> None:
    told: list[int] = []
    compose(dataset, iter(batches[:3]), told.append)
    assert told[-1] == 3
    with pytest.raises(ValueError, match="no batches"):
        compose(dataset, [])
