"""Pixels read back from coded stores through index, pairs and reader."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynaclr.base.errors import ConfigError, DataError, PixelReadError
from dynaclr.base.random import BatchKey, KeyedBatch
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex
from dynaclr.index.options import IndexOptions
from dynaclr.pipeline import preprocess_plate
from dynaclr.testing import decode, write_coded_experiments

PATCH = 16
STORE_CHANNELS = ([0, 1], [2, 0])  # source order, by experiment


def make_index(path: Path, **options: Any) -> MultiExperimentIndex:
    return MultiExperimentIndex(
        ExperimentRegistry.from_yaml(path),
        (1, 3),
        (PATCH, PATCH),
        (0.5, 1.0),
        options=IndexOptions(**options),
    )


def check_pixels(images: Any, meta: dict[str, Any]) -> None:
    """Every pixel must be where its metadata says."""
    code = decode(images.numpy())
    for sample in range(images.shape[0]):
        experiment = int(meta["experiment"][sample])
        assert np.all(code.experiment[sample] == experiment)
        assert np.all(code.fov[sample] == meta["fov"][sample] % 3)
        assert np.all(code.t[sample] == meta["t"][sample])
        expected = np.arange(PATCH)
        assert np.array_equal(code.c[sample, :, 0, 0, 0], STORE_CHANNELS[experiment])
        assert np.array_equal(code.z[sample, 0, :, 0, 0], [1, 2])
        assert np.array_equal(code.y[sample, 0, 0, :, 0], meta["patch_y"][sample] + expected)
        assert np.array_equal(code.x[sample, 0, 0, 0, :], meta["patch_x"][sample] + expected)


def test_pixels_are_those_of_anchor_and_positive(coded_source: Path) -> None:
    dataset = MultiExperimentTripletDataset(make_index(coded_source), return_negative=True)
    batch = dataset.__getitems__(KeyedBatch(range(len(dataset)), BatchKey(1, 2, 3)))
    for part in ("anchor", "positive", "negative"):
        check_pixels(batch[part], batch[f"{part}_meta"])
    anchor, positive = batch["anchor_meta"], batch["positive_meta"]
    assert np.array_equal(positive["t"] - anchor["t"], positive["tau_frames"])
    assert np.all(positive["tau_frames"] > 0)
    assert np.array_equal(anchor["lineage"], positive["lineage"])
    assert not np.any(anchor["lineage"] == batch["negative_meta"]["lineage"])
    limits = dataset.index.tau_frames[anchor["fov"]]
    assert np.all((positive["tau_frames"] >= limits[:, 0]) & (positive["tau_frames"] <= limits[:, 1]))


def test_pixels_of_sharded_zarr3(tmp_path: Path) -> None:
    path = write_coded_experiments(
        tmp_path, version="0.5", chunks=(1, 1, 1, 16, 16), shards=(1, 1, 3, 48, 64)
    )
    dataset = MultiExperimentTripletDataset(make_index(path))
    batch = dataset.__getitems__(list(range(len(dataset))))
    check_pixels(batch["anchor"], batch["anchor_meta"])


def test_the_patch_is_centerd_or_clamped(coded_source: Path) -> None:
    index = make_index(coded_source)
    frame = index.tracks
    free = frame[(frame.y > PATCH) & (frame.y < 48 - PATCH) & (frame.x > PATCH) & (frame.x < 64 - PATCH)]
    assert np.array_equal(free.y_clamp, np.floor(free.y + 0.5))
    assert np.array_equal(free.x_clamp, np.floor(free.x + 0.5))
    border = frame[frame.track_id == 5]
    assert set(border.y_clamp) == {8}
    assert set(border.x_clamp) == {56}


def test_a_key_gives_the_same_batch_and_another_key_another(coded_source: Path) -> None:
    dataset = MultiExperimentTripletDataset(make_index(coded_source))
    rows = list(range(40))
    first, again, other = (dataset.draw(KeyedBatch(rows, BatchKey(0, 0, k))).positive for k in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_plain_rows_do_not_depend_on_their_batch(coded_source: Path) -> None:
    dataset = MultiExperimentTripletDataset(make_index(coded_source))
    whole = dataset.draw(list(range(30))).positive
    parts = np.concatenate([dataset.draw(list(range(k, k + 3))).positive for k in range(0, 30, 3)])
    assert np.array_equal(whole, parts)


def test_threads_and_copies_read_the_same(coded_source: Path) -> None:
    dataset = MultiExperimentTripletDataset(make_index(coded_source))
    batches = [KeyedBatch(range(k, k + 16), BatchKey(0, 0, k)) for k in range(0, 64, 16)]
    alone = [dataset.__getitems__(batch)["positive"] for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        together = [item["positive"] for item in pool.map(dataset.__getitems__, batches)]
    copied = pickle.loads(pickle.dumps(dataset.reader))
    assert copied.sample_shape == (2, 2, PATCH, PATCH)
    assert all(bool((a == b).all()) for a, b in zip(alone, together, strict=True))


def test_predict_covers_every_observation_once(coded_source: Path) -> None:
    dataset = MultiExperimentTripletDataset(make_index(coded_source), fit=False)
    batch = dataset.__getitems__(range(len(dataset)))
    keys = {(row["experiment"], row["fov_name"], row["track_id"], row["t"]) for row in batch["index"]}
    assert len(keys) == len(dataset) == len(dataset.index.table)
    row = next(item for item in batch["index"] if item["track_id"] == 2 and item["experiment"] == "coded1")
    assert row["parent_track_id"] == 1
    assert row["lineage_id"] == f"coded1_{row['fov_name']}_1"
    assert row["hours_post_infection"] == pytest.approx(3.0 + row["t"] * 0.25)


def chunk_of(path: Path, experiment: str, fov: str, t: int, c: int) -> Path:
    return path.parent / f"{experiment}.zarr" / fov / "0" / str(t) / str(c) / "0" / "0" / "0"


def test_a_missing_chunk_is_excluded_or_an_error_or_zeros(coded: Path) -> None:
    chunk_of(coded, "coded0", "A/1/1", 2, 1).unlink()
    whole = make_index(coded, missing_chunks="zeros")
    index = make_index(coded)
    gone = index.report.experiments[0].lost["blank"]
    there = (whole.tracks.experiment == "coded0") & (whole.tracks.fov_name == "A/1/1") & (whole.tracks.t == 2)
    assert gone == there.sum() == 3
    dataset = MultiExperimentTripletDataset(index)
    draws = [dataset.draw(KeyedBatch(range(len(dataset)), BatchKey(0, 0, k))) for k in range(20)]
    blank = np.flatnonzero(there.to_numpy())
    assert not any(np.isin(draw.positive, blank).any() for draw in draws)
    with pytest.raises(DataError, match=r"3 observations have missing chunks.*A/1/1 frame 2"):
        make_index(coded, missing_chunks="error")
    zeros = MultiExperimentTripletDataset(whole)
    place = int(np.flatnonzero(np.isin(zeros.rows, blank))[0])
    assert float(zeros.__getitems__([place])["anchor"][0, 1].max()) == 0.0


@pytest.mark.parametrize("damage", ["short", "lost"])
def test_a_chunk_that_turns_bad_names_its_place(coded: Path, damage: str) -> None:
    dataset = MultiExperimentTripletDataset(make_index(coded))
    chunk = chunk_of(coded, "coded1", "B/1/0", 3, 2)
    if damage == "short":
        chunk.write_bytes(chunk.read_bytes()[:30])
    else:
        chunk.unlink()
    with pytest.raises(PixelReadError, match=r"experiment coded1, .*B/1/0 frame 3"):
        dataset.__getitems__(list(range(len(dataset))))


def test_ranges_that_do_not_fit_name_every_fov(coded_source: Path) -> None:
    registry = ExperimentRegistry.from_yaml(coded_source)
    with pytest.raises(ConfigError, match=r"6 problems[\s\S]*Z range exceeds the stack.*depth 3.*2\.\.4"):
        MultiExperimentIndex(registry, (2, 4), (16, 16))
    with pytest.raises(ConfigError, match=r"patch is larger than the image.*48 x 64 px.*64 x 64 px"):
        MultiExperimentIndex(registry, (0, 1), (64, 64))
    with pytest.raises(ConfigError, match="empty Z range"):
        MultiExperimentIndex(registry, (1, 1), (16, 16))
    with pytest.raises(ConfigError, match=r"no experiment has this FOV.*A/1/7"):
        MultiExperimentIndex(registry, (0, 1), (16, 16), exclude_fovs=["A/1/7"])


def test_index_equals_pandas(coded_source: Path) -> None:
    import pandas as pd

    index = make_index(coded_source)
    for experiment in ("coded0", "coded1"):
        for fov in ("A/1/0", "A/1/1", "B/1/0"):
            table = pd.read_csv(coded_source.parent / f"{experiment}.tracks" / fov / "tracks.csv")
            mine = index.tracks[(index.tracks.experiment == experiment) & (index.tracks.fov_name == fov)]
            merged = mine.merge(table, on=["track_id", "t"], validate="one_to_one", suffixes=("", "_file"))
            assert len(merged) == len(table)
            assert np.array_equal(merged.y, merged.y_file)
            assert np.array_equal(merged.id, merged.id_file)
    assert index.valid_anchors.index.tolist() == list(range(len(index.anchor_rows)))
    assert set(index.condition_groups) == {"infected", "uninfected"}
    assert set(index.experiment_groups) == {"coded0", "coded1"}
    lines = [line.split(maxsplit=1) for line in index.summary().splitlines()]
    assert dict(lines) == {
        "experiments": "coded0, coded1",
        "observations": "174",
        "anchors": str(len(index.valid_anchors)),
        "conditions": "infected 58, uninfected 116",
    }


def test_selection_and_relations(coded_source: Path) -> None:
    registry = ExperimentRegistry.from_yaml(coded_source)
    some = MultiExperimentIndex(registry, (0, 1), (16, 16), (0.5, 1.0), ["A/1"], ["coded1/A/1/0"])
    assert some.positions == ("coded0/A/1/0", "coded0/A/1/1", "coded1/A/1/1")
    anchors = {
        relation: make_index(coded_source, relation=relation).anchor_rows.size
        for relation in ("track", "descendant", "lineage", "self")
    }
    assert anchors["track"] < anchors["descendant"] <= anchors["lineage"] < anchors["self"] == 174


def test_the_cache_is_used_and_noticed_to_be_stale(coded: Path, tmp_path: Path) -> None:
    first = make_index(coded, cache_dir=tmp_path / "cache")
    again = make_index(coded, cache_dir=tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert np.array_equal(first.table.frame_key, again.table.frame_key)
    assert first.report.text() == again.report.text()
    file = coded.parent / "coded0.tracks" / "A/1/0" / "tracks.csv"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:-1]) + "\n")
    assert len(make_index(coded, cache_dir=tmp_path / "cache").table) == len(first.table) - 1


def test_fovs_without_tracks_are_skipped_or_an_error(coded: Path) -> None:
    from dynaclr.tracks import TrackPolicy

    (coded.parent / "coded0.tracks" / "A/1/0" / "tracks.csv").unlink()
    with pytest.warns(UserWarning, match="1 FOVs without a track file"):
        index = make_index(coded)
    assert index.report.experiments[0].skipped == {"A/1/0": "no track file"}
    with pytest.raises(DataError, match="1 FOVs without a track file"):
        make_index(coded, tracks=TrackPolicy(missing_file="error"))


def test_without_an_anchor_there_is_prediction_and_no_training(coded_source: Path) -> None:
    index = MultiExperimentIndex(ExperimentRegistry.from_yaml(coded_source), (0, 1), (16, 16), (9.0, 10.0))
    assert len(index.valid_anchors) == 0 < len(index.tracks)
    assert "anchors       0" in index.summary()
    assert len(MultiExperimentTripletDataset(index, fit=False)) == len(index.tracks)
    with pytest.raises(
        ConfigError, match=r"no observation has a positive[\s\S]*87 observations[\s\S]*last frames"
    ):
        MultiExperimentTripletDataset(index)


def test_a_slice_of_the_stack_is_a_range(coded_source: Path) -> None:
    registry = ExperimentRegistry.from_yaml(coded_source)
    pixels = [
        MultiExperimentTripletDataset(MultiExperimentIndex(registry, z_range, (16, 16)))[0]["anchor"]
        for z_range in ((1, 3), slice(1, 3), [np.int64(1), np.int64(3)])
    ]
    assert all(np.array_equal(other, pixels[0]) for other in pixels[1:])
    assert MultiExperimentIndex(registry, slice(2), (16, 16)).z_range == (0, 2)
    for wrong in (slice(0, 3, 2), slice(1, None), (0, 1, 2), (0.0, 1.0)):
        with pytest.raises(ConfigError, match="not a range of slices"):
            MultiExperimentIndex(registry, wrong, (16, 16))  # type: ignore[arg-type]


def test_getitems_returns_anchor_positive_keys(coded_source: Path) -> None:
    dataset = MultiExperimentTripletDataset(make_index(coded_source))
    batch = dataset.__getitems__([0, 1, 2])
    expected = {
        *("anchor", "positive", "anchor_norm_meta", "positive_norm_meta", "anchor_meta", "positive_meta")
    }
    assert expected <= set(batch)
    assert "negative" not in batch
    for part in ("anchor", "positive"):
        assert batch[part].shape == (3, 2, 2, PATCH, PATCH)
        assert str(batch[part].dtype) == "torch.float32"


def test_getitems_returns_norm_meta(coded: Path) -> None:
    """The statistics are those of each sample's own FOV and channel; None where no store has any."""
    assert MultiExperimentTripletDataset(make_index(coded)).__getitems__([0])["anchor_norm_meta"] is None
    registry = ExperimentRegistry.from_yaml(coded)
    for config in registry.experiments:
        preprocess_plate(registry.plates[config.name], list(config.source_channel))
    dataset = MultiExperimentTripletDataset(make_index(coded))
    rows = [0, len(dataset) - 1]
    batch = dataset.__getitems__(rows)
    for part in ("anchor", "positive"):
        meta = batch[f"{part}_norm_meta"]
        assert set(meta) == {"dataset_statistics", "fov_statistics", "timepoint_statistics"}
        low = meta["timepoint_statistics"]["min"]
        assert low.shape == (2, 2)
        code = decode(low.numpy())
        assert np.array_equal(code.t, np.repeat(batch[f"{part}_meta"]["t"][:, None], 2, axis=1))
        assert np.array_equal(code.experiment, [[0, 0], [1, 1]])
        assert np.array_equal(code.c, STORE_CHANNELS)


def test_positive_same_lineage(coded_source: Path) -> None:
    dataset = MultiExperimentTripletDataset(make_index(coded_source))
    tracks = dataset.index.tracks
    for epoch in range(5):
        batch = dataset.__getitems__(KeyedBatch(range(len(dataset)), BatchKey(0, epoch, 0)))
        anchor, positive = (tracks.loc[batch[f"{part}_meta"]["row"]] for part in ("anchor", "positive"))
        assert anchor.lineage_id.tolist() == positive.lineage_id.tolist()
        assert (positive.t.to_numpy() > anchor.t.to_numpy()).all()


def test_positive_through_division(coded_source: Path) -> None:
    """Anchors of a mother shortly before its division get both daughters, and nobody else."""
    dataset = MultiExperimentTripletDataset(make_index(coded_source))
    frame = dataset.index.valid_anchors
    mothers = frame.index[(frame.experiment == "coded0") & (frame.track_id == 1) & (frame.t == 3)].tolist()
    assert mothers
    seen: set[int] = set()
    for epoch in range(20):
        draw = dataset.draw(KeyedBatch(mothers, BatchKey(0, epoch, 0)))
        seen |= set(dataset.index.tracks.loc[draw.positive, "track_id"])
    assert seen == {2, 3}


def test_tau_and_candidate_are_drawn_apart(coded_source: Path) -> None:
    """At either offset either daughter: how far ahead says nothing of whom."""
    dataset = MultiExperimentTripletDataset(make_index(coded_source))
    frame = dataset.index.valid_anchors
    mother = frame.index[(frame.experiment == "coded0") & (frame.track_id == 1) & (frame.t == 3)][0]
    draw = dataset.draw(KeyedBatch([int(mother)] * 2000, BatchKey(0, 0, 0)))
    daughter = dataset.index.tracks.loc[draw.positive, "track_id"].to_numpy()
    for tau in (1, 2):
        assert np.mean(daughter[draw.tau_frames == tau] == 2) == pytest.approx(0.5, abs=0.12)


def test_channel_remapping(coded_source: Path) -> None:
    """Channel c of a batch is the c-th source channel of each sample's own experiment."""
    dataset = MultiExperimentTripletDataset(make_index(coded_source))
    maps = dataset.index.registry.channel_maps
    assert maps == {"coded0": {0: 0, 1: 1}, "coded1": {0: 2, 1: 0}}
    batch = dataset.__getitems__([0, len(dataset) - 1])
    for part in ("anchor", "positive"):
        found = decode(batch[part].numpy()).c
        for sample, name in enumerate(("coded0", "coded1")):
            for position, store in maps[name].items():
                assert (found[sample, position] == store).all()


def test_predict_mode_returns_index(coded_source: Path) -> None:
    dataset = MultiExperimentTripletDataset(make_index(coded_source), fit=False)
    batch = dataset.__getitems__([0, 5])
    assert set(batch) == {"anchor", "anchor_norm_meta", "index"}
    assert len(dataset) == len(dataset.index.tracks) > len(dataset.index.valid_anchors)
    names = ["fov_name", "track_id", "t", "id", "parent_track_id", "y", "x", "experiment", "condition"]
    for row, identity in zip((0, 5), batch["index"], strict=True):
        expected = dataset.index.tracks.loc[row, names]
        assert [identity[name] for name in names] == expected.tolist()
        assert identity["well"] == dataset.index.tracks.loc[row, "well_name"]
