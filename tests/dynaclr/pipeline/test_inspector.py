from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynaclr.base.files import write_json_atomically
from dynaclr.base.random import BatchKey, KeyedBatch
from dynaclr.options.fold import pipeline_config
from dynaclr.pipeline import Pipeline
from dynaclr.pipeline.inspector import BatchInspector, Sight
from dynaclr.pipeline.preparation import Stage
from dynaclr.transforms import (
    NormalizeByStatistics,
    RandomAffine,
    RandomFlip,
    RandomGamma,
    RandomGaussianBlur,
    RandomGaussianNoise,
    RandomScaleIntensity,
    RandomZShift,
)


@pytest.fixture(scope="module")
def inspector(synthetic_source: Path) -> BatchInspector:
    config = pipeline_config(
        str(synthetic_source),
        (0, 2),
        (32, 32),
        (24, 24),
        [],
        no_validation=True,
        batch_size=24,
        leaky=0.2,
        seed=3,
        missing_statistics="compute",
        normalizations=[NormalizeByStatistics()],
        augmentations=[
            RandomAffine(180.0, (0.9, 1.1), 5.0, 1.0),
            RandomFlip(),
            RandomGamma(),
            RandomScaleIntensity(),
            RandomGaussianBlur(prob=0.7),
            RandomGaussianNoise(),
            RandomZShift(1),
        ],
    )
    with pytest.warns(UserWarning, match="RandomAffine can reach"):
        pipeline = Pipeline(config)
    pipeline.setup()
    return BatchInspector(pipeline)


def whole(inspector: BatchInspector, epoch: int, batch: int) -> tuple[dict[str, Any], dict[str, Any]]:
    raw = inspector.dataset.__getitems__(inspector.anchors(epoch, batch))
    return raw, inspector.pipeline.prepare(raw, Stage.TRAIN)


@pytest.mark.parametrize(("epoch", "batch"), [(0, 0), (2, 5)])
def test_a_pair_alone_is_the_pair_of_its_batch(inspector: BatchInspector, epoch: int, batch: int) -> None:
    raw, seen = whole(inspector, epoch, batch)
    for place in (0, 7, 23):
        pair = inspector.pair(epoch, batch, place)
        for name, view in (("anchor", pair.anchor), ("positive", pair.positive)):
            assert np.array_equal(view.raw, raw[name][place].numpy())
            assert np.array_equal(view.seen, seen[name][place].numpy())
            alone = inspector.pipeline.prepare.normalize(raw[name], raw[f"{name}_norm_meta"])[place]
            assert np.array_equal(view.normalized, alone.numpy())
        assert pair.anchor_meta["row"] == raw["anchor_meta"]["row"][place]
        assert pair.positive_meta["tau_frames"] == raw["positive_meta"]["tau_frames"][place]
        assert pair.positive_meta["row"] in pair.candidates.rows
        assert pair.candidates.probability.sum() == pytest.approx(1)


def test_some_pairs_are_those_of_the_whole_batch(inspector: BatchInspector) -> None:
    raw, seen = whole(inspector, 1, 3)
    places = np.array([2, 19, 5])
    for sight, expected in ((Sight.RAW, raw), (Sight.SEEN, seen)):
        pictures = inspector.images(inspector.anchors(1, 3), places, sight)
        for shown, name in zip(pictures, ("anchor", "positive"), strict=True):
            assert np.array_equal(shown, expected[name][places].numpy())
    anchor, _ = inspector.images(inspector.anchors(1, 3), places, Sight.NORMALIZED)
    alone = inspector.pipeline.prepare.normalize(raw["anchor"], raw["anchor_norm_meta"])
    assert np.array_equal(anchor, alone[places].numpy())


def test_batches_go_on_in_the_next_epoch(inspector: BatchInspector) -> None:
    per_epoch = inspector.batches_per_epoch
    drawn = list(inspector.batches(1, per_epoch + 2))
    assert [batch.key for batch in drawn[-2:]] == [BatchKey(3, 2, 0), BatchKey(3, 2, 1)]
    assert drawn[0] == inspector.anchors(1, 0)
    composition = inspector.composition(1, per_epoch + 2)
    assert composition.axes["experiment"].counts.shape[0] == per_epoch + 2


def test_one_anchor_can_be_looked_at_by_itself(inspector: BatchInspector) -> None:
    row = int(inspector.dataset.rows[11])
    number = inspector.anchor_number(row)
    assert number == 11
    first, again = (inspector.pair_of(KeyedBatch([number], BatchKey(3, 0, step)), 0) for step in (0, 0))
    assert first.anchor_meta["row"] == row
    assert np.array_equal(first.positive.seen, again.positive.seen)
    drawn = {
        int(inspector.pair_of(KeyedBatch([number], BatchKey(3, 0, step)), 0).positive_meta["row"])
        for step in range(30)
    }
    assert drawn <= set(first.candidates.rows.tolist())
    assert len(drawn) > 1
    lost = np.setdiff1d(np.arange(len(inspector.dataset.index.table)), inspector.dataset.rows)
    assert inspector.anchor_number(int(lost[0])) is None


def test_ranks_share_the_batches_out(inspector: BatchInspector) -> None:
    other = inspector.pipeline.sampler(2, 1)
    assert list(other)[3] == inspector.anchors(0, 1 + 3 * 2)


def test_recorded_batches_are_compared(inspector: BatchInspector, tmp_path: Path) -> None:
    assert not inspector.compare(tmp_path).identical
    for epoch, batch in ((0, 0), (1, 2)):
        write_json_atomically(tmp_path / f"epoch={epoch}-batch={batch}.json", inspector.digest(epoch, batch))
    told: list[tuple[int, int]] = []
    assert inspector.compare(tmp_path, lambda *done: told.append(done)).identical
    assert told == [(1, 2), (2, 2)]
    changed = inspector.digest(1, 2) | {"sha256": "0"}
    write_json_atomically(tmp_path / "epoch=1-batch=2.json", changed)
    agreement = inspector.compare(tmp_path)
    assert agreement.different == {"epoch=1-batch=2.json": "sha256"}
    changed["key"][0] = 4
    write_json_atomically(tmp_path / "epoch=1-batch=2.json", changed)
    assert inspector.compare(tmp_path).different == {"epoch=1-batch=2.json": "key"}
