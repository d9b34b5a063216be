from __future__ import annotations

import itertools
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.base.random import BatchKey
from dynaclr.composition import as_text, compose
from dynaclr.experiment import ExperimentRegistry
from dynaclr.images import PatchRequest, write_plate
from dynaclr.index import Exclusion
from dynaclr.pipeline import Pipeline
from dynaclr.pipeline.config import DataConfig, PipelineConfig, SamplingConfig, SplitConfig, TransformConfig
from dynaclr.pipeline.preparation import Stage
from dynaclr.pipeline.preprocess import preprocess_plate
from dynaclr.testing import write_experiments_yaml
from dynaclr.transforms import NormalizeByStatistics, RandomFlip, RandomScaleIntensity


def configuration(path: Path, split: SplitConfig | None = None, **transforms: Any) -> PipelineConfig:
    return PipelineConfig(
        DataConfig(path, (0, 2), (20, 20), (0.5, 1.0)),
        split or SplitConfig(("coded1",)),
        SamplingConfig(batch_size=12, leaky=0.0, seed=5),
        TransformConfig((16, 16), **transforms),
    )


def pipeline_of(path: Path, split: SplitConfig | None = None, **transforms: Any) -> Pipeline:
    pipeline = Pipeline(configuration(path, split, **transforms))
    pipeline.setup()
    return pipeline


def test_validation_crops_and_changes_nothing_else(coded_source: Path) -> None:
    pipeline = pipeline_of(
        coded_source,
        augmentations=[RandomScaleIntensity()],
        channel_dropout_channels=[1],
        channel_dropout_prob=1.0,
    )
    batch = pipeline.val_dataset.__getitems__([0, 1, 2])
    prepared = pipeline.prepare(batch, Stage.VALIDATE)
    assert torch.equal(prepared["anchor"], batch["anchor"][..., 2:18, 2:18])
    assert "anchor_norm_meta" not in prepared


def test_training_augments_and_drops_by_the_key(coded_source: Path) -> None:
    pipeline = pipeline_of(
        coded_source, augmentations=[RandomFlip()], channel_dropout_channels=[1], channel_dropout_prob=0.5
    )
    sampler = pipeline.sampler()
    batch = pipeline.train_dataset.__getitems__(sampler.batch(0, 0))
    first, again = (pipeline.prepare(batch, "train") for _ in range(2))
    assert torch.equal(first["anchor"], again["anchor"])
    dropped = (first["anchor"][:, 1] == 0).flatten(1).all(1)
    assert 0 < int(dropped.sum()) < 12
    assert not (first["anchor"][:, 0] == 0).any()
    other = pipeline.prepare(pipeline.train_dataset.__getitems__(sampler.batch(1, 0)), "train")
    assert not torch.equal(first["anchor"], other["anchor"])
    positive = (first["positive"][:, 1] == 0).flatten(1).all(1)
    assert not torch.equal(dropped, positive)


def test_anchor_positive_and_negative_are_varied_apart(coded_source: Path) -> None:
    """Three parts of the same pixels: each is augmented, and loses channels, by draws of its own."""
    pipeline = pipeline_of(
        coded_source,
        augmentations=[RandomScaleIntensity(prob=1.0)],
        channel_dropout_channels=[1],
        channel_dropout_prob=0.5,
    )
    images = torch.rand(12, 2, 2, 20, 20) + 0.1
    parts = ("anchor", "positive", "negative")
    seen = pipeline.prepare(dict.fromkeys(parts, images) | {"key": BatchKey(0, 0, 0)}, "train")
    for one, other in itertools.combinations(parts, 2):
        assert not (seen[one][:, 0] == seen[other][:, 0]).flatten(1).all(1).any()
        dropped = [(seen[part][:, 1] == 0).flatten(1).all(1) for part in (one, other)]
        assert not torch.equal(*dropped)


def test_missing_statistics_are_an_error_or_computed(coded: Path) -> None:
    with pytest.raises(
        DataError, match=r"statistics required by the normalizations are missing.*coded0 .*A/1/0"
    ):
        pipeline_of(coded, normalizations=[NormalizeByStatistics()])
    pipeline = pipeline_of(coded, normalizations=[NormalizeByStatistics()], missing_statistics="compute")
    batch = pipeline.train_dataset.__getitems__(list(range(30)))
    images = pipeline.prepare(batch, Stage.VALIDATE)["anchor"]
    assert float(images.mean().abs()) < 2
    assert len(pipeline.predict_dataset()) == 174


@pytest.mark.parametrize("split", [SplitConfig(("coded1",)), SplitConfig(no_validation=True)])
def test_statistics_that_one_plate_has_and_another_lacks(coded: Path, split: SplitConfig) -> None:
    registry = ExperimentRegistry.from_yaml(coded)
    preprocess_plate(registry.plates["coded1"])
    with pytest.raises(
        DataError,
        match=r"coded0 \(.*coded0\.zarr\): 3 FOVs.*A/1/0.*lack fov_statistics\.mean.*"
        r"complete: coded1 \(.*coded1\.zarr\)",
    ):
        pipeline_of(coded, split, normalizations=[NormalizeByStatistics()])


def test_a_channel_that_another_experiment_on_the_plate_did_not_need_is_computed(coded: Path) -> None:
    registry = ExperimentRegistry.from_yaml(coded)
    preprocess_plate(registry.plates["coded0"], ["GFP"])
    with pytest.raises(DataError, match=r"coded0 .*lack fov_statistics\.mean"):
        pipeline_of(coded, normalizations=[NormalizeByStatistics()])
    pipeline = pipeline_of(coded, normalizations=[NormalizeByStatistics()], missing_statistics="compute")
    assert pipeline.train_dataset.norms.available("fov_statistics", "std").all()


def test_pixels_that_train_and_validate_are_told(coded: Path) -> None:
    content = yaml.safe_load(coded.read_text())
    first = content["experiments"][0]
    content["experiments"].append({**first, "name": "again"})
    coded.write_text(yaml.safe_dump(content))
    pipeline = pipeline_of(coded, SplitConfig(("again",)))
    text = r"experiments 'coded0' and 'again' share pixels: 3 FOVs (A/1/0, A/1/1, B/1/0)"
    assert pipeline.report.warnings.count(text) == 1
    together = pipeline_of(coded, SplitConfig(("coded1",)))
    assert together.report.warnings.count(text) == 1


def test_whole_experiments_are_held_out(coded_source: Path) -> None:
    pipeline = pipeline_of(coded_source)
    assert pipeline.train_index.registry.names == ("coded0",)
    assert pipeline.val_index is not None
    assert pipeline.val_index.registry.names == ("coded1",)
    assert "held out for validation" in pipeline.report.text()


def test_a_part_of_the_fovs_is_held_out(coded_source: Path) -> None:
    pipeline = pipeline_of(coded_source, SplitConfig((), 0.5))
    train, held = set(pipeline.train_index.positions), set(pipeline.val_index.positions)
    assert not train & held
    assert len(train | held) == 6
    assert {name.split("/")[0] for name in held} == {"coded0", "coded1"}


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (SplitConfig(("codded1",)), "unknown experiment.*Did you mean 'coded"),
        (SplitConfig(("coded0", "coded1")), "all experiments are held out"),
        (SplitConfig(()), "no validation data.*val_fov_fraction"),
    ],
)
def test_splits_that_cannot_be(coded_source: Path, split: SplitConfig, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        pipeline_of(coded_source, split)


def test_sizes_and_channels_are_checked(coded_source: Path) -> None:
    config = configuration(coded_source)
    wrong = PipelineConfig(config.data, config.split, config.sampling, TransformConfig((24, 24)))
    with pytest.raises(ConfigError, match="final patch is larger"):
        Pipeline(wrong)
    dropping = TransformConfig((16, 16), channel_dropout_channels=[5], channel_dropout_prob=0.5)
    with pytest.raises(ConfigError, match="unknown channel"):
        Pipeline(PipelineConfig(config.data, config.split, config.sampling, dropping))


def test_composition_counts_what_was_drawn(coded_source: Path) -> None:
    pipeline = pipeline_of(coded_source, SplitConfig(no_validation=True))
    sampler = pipeline.sampler()
    batches = [sampler.batch(0, k) for k in range(15)]
    composition = compose(pipeline.train_dataset, batches)
    assert composition.axes["condition"].counts.tolist() == [[6, 6]] * 15
    rows = np.concatenate([np.asarray(batch) for batch in batches])
    assert composition.distinct_anchors == np.unique(rows).size
    assert composition.duplicates.tolist() == [12 - len(set(batch)) for batch in batches]
    frame = pipeline.train_index.valid_anchors.iloc[rows]
    shares = frame.experiment.value_counts(normalize=True)
    assert composition.axes["experiment"].share == pytest.approx([shares["coded0"], shares["coded1"]])
    assert composition.axes["relation"].counts.sum() == rows.size
    assert composition.axes["relation"].counts[:, [0, 3]].sum() == 0
    assert "coverage" in as_text(composition)


def test_other_sampling_draws_as_a_pipeline_of_its_own(coded_source: Path) -> None:
    first = pipeline_of(coded_source)
    sampling = SamplingConfig(batch_size=8, condition_balanced=False, leaky=0.0, seed=6)
    other = first.resampled(sampling)
    fresh = Pipeline(replace(configuration(coded_source), sampling=sampling))
    fresh.setup()
    assert [other.sampler().batch(1, k) for k in range(3)] == [fresh.sampler().batch(1, k) for k in range(3)]
    assert other.train_index is first.train_index
    assert (first.config.sampling.seed, other.config.sampling.seed) == (5, 6)
    with pytest.raises(ConfigError, match="condition_ratio"):
        first.resampled(replace(sampling, condition_balanced=True, condition_ratio={"nobody": 1.0}))
    split = pipeline_of(coded_source, SplitConfig(val_fov_fraction=0.4))
    with pytest.raises(ConfigError, match="which FOVs are held out"):
        split.resampled(sampling)


def strange_pixels() -> np.ndarray:
    """Return an image (T, C, Z, Y, X): NaN above row 16 of frame 2, frame 4 blank."""
    pixels = np.random.default_rng(0).normal(1000, 50, (6, 1, 1, 64, 64)).astype(np.float32)
    pixels[2, 0, 0, :16] = np.nan
    pixels[4] = 7.0
    return pixels


def strange_pipeline(
    folder: Path, pixels: np.ndarray | None = None, scale: tuple[float, ...] | None = None, **options: Any
) -> Pipeline:
    """Return a pipeline of one FOV with a cell at row 32 (track 1), and one at row 20 (track 2)."""
    images = {"A/1/0": strange_pixels() if pixels is None else pixels}
    plate = write_plate(folder / "p.zarr", images, ["a"], **({} if scale is None else {"scale": scale}))
    tracks = folder / "tracks" / "A" / "1" / "0"
    tracks.mkdir(parents=True)
    rows = [f"{track},{t},{y},{30 + track}" for track, y in ((1, 32), (2, 20)) for t in range(6)]
    (tracks / "tracks.csv").write_text("\n".join(["track_id,t,y,x", *rows]))
    entry = {"name": "june", "data_path": plate, "tracks_path": folder / "tracks", "channel_names": ["a"]}
    entry |= {"source_channel": ["a"], "condition_wells": {"mock": ["A/1"]}, "interval_minutes": 30.0}
    source = write_experiments_yaml(folder / "experiments.yaml", [entry])
    given = {"normalizations": [NormalizeByStatistics()], "missing_statistics": "compute"}
    found = configuration(source, SplitConfig((), no_validation=True), channel_dropout_prob=0.0, **given)
    data = replace(found.data, z_range=(0, 1), options=replace(found.data.options, **options))
    return Pipeline(replace(found, data=data, sampling=SamplingConfig(batch_size=2)))


def test_pixels_that_are_not_finite_are_told_at_set_up(tmp_path: Path) -> None:
    """With FOV, channel, frame and share."""
    pipeline = strange_pipeline(tmp_path)
    with pytest.warns(UserWarning, match=r"june/A/1/0 a: frames 2 \(25 %\)") as told:
        pipeline.setup()
    assert sum("NaN or Inf" in str(item.message) for item in told) == 1


@pytest.mark.filterwarnings("ignore:.*NaN or Inf")
@pytest.mark.parametrize("cached", [False, True])
def test_what_is_no_data_is_left_out_by_one_rule(tmp_path: Path, cached: bool) -> None:
    """Of patches around rows 32 and 20, 20 px high, only the second reaches the NaN above row 16."""
    pipeline = strange_pipeline(tmp_path, cache_dir=tmp_path / "cache" if cached else None)
    pipeline.setup()
    for index in (pipeline.train_index, pipeline._index((pipeline.registry, []))):
        table = index.table
        left_out = {
            (int(table.track_id[table.track[row]]), int(table.t[row]))
            for row in np.flatnonzero(~index.usable)
        }
        assert left_out == {(2, 2), (1, 4), (2, 4)}
        lost = index.report.experiments[0].lost
        assert (lost["blank"], lost["not finite"]) == (2, 1)
        assert np.count_nonzero(~index.readable) == 2  # what is NaN in places is embedded, and marked
    dataset = pipeline.train_dataset
    assert len(dataset) == 7
    for number in range(len(dataset)):
        for image in pipeline.prepare(dataset.__getitems__([number, number]), Stage.VALIDATE).values():
            assert not isinstance(image, torch.Tensor) or image.isfinite().all()


@pytest.mark.filterwarnings("ignore:.*NaN or Inf")
@pytest.mark.parametrize("missing_chunks", ["exclude", "zeros"])
def test_a_cached_index_follows_pixels_that_are_not_finite(tmp_path: Path, missing_chunks: str) -> None:
    """They are in the same frame as before, at another cell."""
    options = {"cache_dir": tmp_path / "cache", "missing_chunks": missing_chunks}
    strange_pipeline(tmp_path, **options).setup()
    pixels = strange_pixels()
    pixels[2] = 1000.0 + np.arange(64)
    pixels[2, ..., 38:, :] = np.nan
    shutil.rmtree(tmp_path / "p.zarr")
    shutil.rmtree(tmp_path / "tracks")
    again = strange_pipeline(tmp_path, pixels=pixels, **options)
    again.setup()
    index = again.train_index
    left_out = index.exclusion == Exclusion.NOT_FINITE
    assert index.table.track_id[index.table.track[left_out]].tolist() == [1]


@pytest.mark.filterwarnings("ignore:.*NaN or Inf")
def test_pixels_that_are_not_finite_are_filled_with_the_median(tmp_path: Path) -> None:
    pipeline = strange_pipeline(tmp_path, not_finite="fill", missing_chunks="zeros")
    pipeline.setup()
    index, pixels = pipeline.train_index, strange_pixels()
    assert index.usable.all()
    median = np.nanmedian(np.delete(pixels, 4, axis=0))
    assert pipeline.train_index.norms.medians()[0, 0] == pytest.approx(median, abs=0.5)
    pixels[~np.isfinite(pixels)] = index.norms.medians()[0, 0]
    rows = np.arange(len(index.table))
    y, x = index.corners(rows)
    found = pipeline.train_dataset.reader.read(
        PatchRequest(index.table.fov_of(rows), index.table.t[rows], y, x)
    )
    for row in rows:
        patch = pixels[index.table.t[row], :, :, y[row] : y[row] + 20, x[row] : x[row] + 20]
        assert np.array_equal(found[row], patch)


@pytest.mark.parametrize("um", [None, (10.0, 10.0)])
def test_patches_keep_clear_of_padding(tmp_path: Path, um: tuple[float, float] | None) -> None:
    """Rows above 22 and columns from 50 of frame 1 are padding: patches move, a cell in it is left out."""
    pixels = np.random.default_rng(0).integers(500, 4000, (6, 1, 1, 64, 64), dtype=np.uint16)
    pixels[1, ..., :22, :] = 0
    pixels[1, ..., 50:] = 0
    pipeline = strange_pipeline(tmp_path, pixels=pixels, scale=(1, 1, 1, 0.4, 0.4))
    data = replace(pipeline.config.data, reading=replace(pipeline.config.data.reading, yx_patch_um=um))
    pipeline = Pipeline(replace(pipeline.config, data=data))
    pipeline.setup()
    index, rows = pipeline.train_index, np.arange(len(pipeline.train_index.table))
    table, step = index.table, 1.0 if um is None else 10 / 20 / 0.4
    in_frame_1 = table.t == 1
    left_out = table.track_id[table.track[~index.usable]].tolist()
    assert (left_out, table.t[~index.usable].tolist()) == ([2], [1])
    assert index.report.experiments[0].notes["frames padded at the border"] == 1
    y, x = index.corners(rows)
    moved = in_frame_1 & index.usable
    assert y[moved].tolist() == [22 if um is None else 18]
    assert (y[moved] * step >= 22).all()
    assert ((x[moved] + 20) * step <= 50).all()
    request = PatchRequest(table.fov_of(rows), table.t[rows], y, x)
    patches = pipeline.train_dataset.reader.read(request)[index.usable]
    assert patches.min() > 400  # no 0 of the padding is in any, in part either
    whole = strange_pipeline(tmp_path / "zeros", pixels=pixels, missing_chunks="zeros")
    whole.setup()
    assert whole.train_index.usable.all()


@pytest.mark.filterwarnings("ignore:.*NaN or Inf")
def test_images_whose_padding_leaves_less_than_a_patch(tmp_path: Path) -> None:
    pixels = strange_pixels()
    pixels[1, ..., :50, :] = 0
    pixels[1, 0, 0, 60, 60] = np.nan
    pipeline = strange_pipeline(tmp_path, pixels=pixels)
    pipeline.setup()
    index = pipeline.train_index
    assert not index.usable[index.table.t == 1].any()
    y, x = index.corners(slice(None))
    assert max(y.max(), x.max()) <= 64 - 20


def test_blank_frames_are_an_error_where_missing_chunks_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"2 observations have missing chunks or blank frames.*frame 4"):
        strange_pipeline(tmp_path, missing_chunks="error").setup()
