"""Experiments of different pixels through the whole pipeline: one scene gives one patch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.scenes import FRAMES, SHARP, centers_um, scene, write_scenes

from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.experiment import FovEntry, read_plate
from dynaclr.images import NormTable, PatchReader, PatchRequest, Projection, Slices, write_plate
from dynaclr.index import ReadingOptions
from dynaclr.pipeline import (
    BatchInspector,
    DataConfig,
    Pipeline,
    PipelineConfig,
    SamplingConfig,
    SplitConfig,
    TransformConfig,
    row_patches,
)
from dynaclr.pipeline.preprocess import preprocess_plate
from dynaclr.testing import synthetic_experiments
from dynaclr.transforms import NormalizeByStatistics, RandomAffine

PIXELS = {"fine": (0.25, 0.25), "coarse": (0.5, 0.5), "flat": (0.5, 0.25), "odd": (0.4, 0.64)}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("scenes"), PIXELS)


def pipeline_of(
    path: Path, size: tuple[int, int], um: tuple[float, float] | None, z: int = 1, **more: Any
) -> Pipeline:
    reading = ReadingOptions(um, **more.pop("reading", {}))
    data = DataConfig(path, (0, z), size, (0.5, 1.0), reading=reading)
    final, more = more.pop("final", size), {"channel_dropout_prob": 0.0, **more}
    sampling = SamplingConfig(batch_size=8, leaky=0.5, group_by=("experiment",))
    split = SplitConfig(no_validation=True)
    pipeline = Pipeline(PipelineConfig(data, split, sampling, TransformConfig(final, **more)))
    pipeline.setup()
    return pipeline


def patches_by_experiment(dataset: MultiExperimentTripletDataset) -> dict[str, np.ndarray]:
    """Return the patches of all cells in the order of frames and tracks."""
    index = dataset.index
    found = {}
    for code, name in enumerate(index.registry.names):
        rows = np.flatnonzero(index.fov_experiment[index.table.fov_of()] == code)
        rows = rows[np.lexsort((index.table.track_id[index.table.track[rows]], index.table.t[rows]))]
        request = PatchRequest(index.table.fov_of(rows), index.table.t[rows], *index.corners(rows))
        found[name] = dataset.reader.read(request)
    return found


@given(st.floats(0.3, 0.7), st.integers(8, 24), st.integers(8, 24))
@settings(max_examples=4, deadline=None)
def test_one_scene_gives_one_patch_whatever_the_pixels(
    scenes: Path, pixel: float, height: int, width: int
) -> None:
    """At the border too: there the patch lies at the same place of the scene."""
    pipeline = pipeline_of(scenes, (height, width), (height * pixel, width * pixel))
    found = patches_by_experiment(pipeline.train_dataset)
    table = pipeline.train_index.table
    corners = np.stack(pipeline.train_index.corners(np.arange(len(table)))).reshape(2, len(PIXELS), -1)
    same = np.all(corners == corners[:, :1], axis=0)  # a center at an edge may be rounded to either side
    assert same.mean() > 0.9
    for patches in found.values():
        assert patches.shape == (FRAMES * 4, 1, 1, height, width)
        light = found["fine"].max() - 50
        pairs = zip(patches, found["fine"], same.all(axis=0), strict=True)
        assert max(np.abs(a - b).max() for a, b, at_one_place in pairs if at_one_place) < 0.09 * light


def test_pixels_of_the_reference_size_are_bit_for_bit_those_of_an_ordinary_reading(scenes: Path) -> None:
    resampled = pipeline_of(scenes, (20, 12), (10, 6)).train_dataset
    with pytest.warns(UserWarning, match="pixel sizes differ"):
        plain = pipeline_of(scenes, (20, 12), None).train_dataset
    np.testing.assert_array_equal(
        patches_by_experiment(resampled)["coarse"], patches_by_experiment(plain)["coarse"]
    )


def test_the_cell_lies_in_the_middle_pixel(scenes: Path) -> None:
    """Within half a pixel of the patch, as in any patch that is read as it is stored."""
    pipeline = pipeline_of(scenes, (15, 20), (4.5, 6.0))
    index = pipeline.train_index
    rows = np.flatnonzero(~index.near_border(np.arange(len(index.table))))
    assert rows.size > 20
    y, x = index.patch_edges(index.table, rows)
    pixel = np.array(
        [PIXELS[index.registry.names[code]] for code in index.fov_experiment[index.table.fov_of(rows)]]
    )
    for edges, axis, middle in ((y, 0, 7), (x, 1, 10)):
        edges_um = (edges + 0.5) * pixel[:, axis, None]
        np.testing.assert_allclose(edges_um[:, 1] - edges_um[:, 0], 4.5 if axis == 0 else 6.0, rtol=1e-9)
        centers = np.array(
            [
                centers_um(t)[index.table.track_id[track]][axis]
                for t, track in zip(index.table.t[rows], index.table.track[rows], strict=True)
            ]
        )
        place = (centers - edges_um[:, 0]) / 0.3 - 0.5
        assert np.all(np.abs(place - middle) <= 0.5 + 1e-6)


def test_clamped_centers_in_stored_pixels(scenes: Path) -> None:
    index = pipeline_of(scenes, (16, 16), (8, 8)).train_index
    frame = index.tracks
    for name, (height, width) in PIXELS.items():
        part = frame[frame["experiment"] == name]
        moved = index.near_border(part.index.to_numpy())
        assert np.all(np.abs(part["y_clamp"] - part["y"])[~moved] <= 0.25 / height + 1e-6)
        assert np.all(np.abs(part["x_clamp"] - part["x"])[~moved] <= 0.25 / width + 1e-6)
        assert moved.any()


def test_margin_for_augmentation_is_of_the_scale_of_the_patch(scenes: Path) -> None:
    """The same turn of the same scene, from margins read at four pixel sizes."""
    affine = RandomAffine(prob=1.0, rotation_degrees=180.0, scale_range=(0.9, 1.1), shear_degrees=5.0)
    size = affine.required_patch_yx((16, 16))
    pipeline = pipeline_of(
        scenes, size, (size[0] * 0.5, size[1] * 0.5), final=(16, 16), augmentations=[affine],
    )  # fmt: skip
    index = pipeline.train_index
    inner = ~index.near_border(np.arange(len(index.table)))
    first = np.flatnonzero(inner & (index.table.t == 0)).astype(int)
    rows = first[index.table.track_id[index.table.track[first]] == 0]
    images = torch.stack(
        [pipeline.train_dataset[int(np.searchsorted(index.anchor_rows, row))]["anchor"][0] for row in rows]
    )
    assert len(images) == 4
    turned = []
    for image in images:
        batch = {"anchor": image[None], "key": None}
        torch.manual_seed(0)
        turned.append(pipeline.prepare({"anchor": batch["anchor"]}, "train")["anchor"][0].numpy())
    for other in turned[1:]:
        assert np.abs(other - turned[0]).max() < 0.09 * turned[0].max()
    assert (
        np.abs(turned[0] - images[0, :, :, 8:24, 8:24].numpy()[..., :16, :16]).max() > 0.1 * turned[0].max()
    )


def test_every_reader_gets_the_same_bits(scenes: Path) -> None:
    """Training, the inspector of the viewer, predict, and reports."""
    pipeline = pipeline_of(
        scenes, (20, 20), (8, 8), final=(12, 12),
        reading={"z_projection": "max"},
    )  # fmt: skip
    inspector = BatchInspector(pipeline)
    anchors = inspector.anchors(2, 1)
    batch = pipeline.train_dataset.__getitems__(anchors)
    places = np.array([5, 0])
    np.testing.assert_array_equal(inspector.images(anchors, places)[0], batch["anchor"][places].numpy())
    pair = inspector.pair(2, 1, 3)
    np.testing.assert_array_equal(pair.anchor.raw, batch["anchor"][3].numpy())
    np.testing.assert_array_equal(pair.positive.raw, batch["positive"][3].numpy())
    rows = batch["anchor_meta"]["row"]
    predict = pipeline.predict_dataset()
    np.testing.assert_array_equal(
        predict.__getitems__(np.searchsorted(predict.rows, rows).tolist())["anchor"], batch["anchor"]
    )
    cropped = batch["anchor"][..., 4:16, 4:16]
    np.testing.assert_array_equal(row_patches(pipeline.train_dataset, pipeline.prepare, rows), cropped)


@pytest.mark.parametrize("projection", ["none", "max", "mean"])
def test_slices_around_the_focus_of_every_frame(tmp_path: Path, projection: str) -> None:
    path = write_scenes(tmp_path, {"coarse": (0.5, 0.5), "fine": (0.25, 0.25)}, 9)
    reading = {"z_window": "focus", "z_projection": projection}
    pipeline = pipeline_of(path, (16, 16), (8, 8), z=3, reading=reading)
    assert pipeline.config.data.stack_depth == (3 if projection == "none" else 1)
    found = patches_by_experiment(pipeline.train_dataset)
    stored = scene((0.5, 0.5), 9)
    index = pipeline.train_index
    assert index.registry.names[0] == "coarse"
    rows = np.lexsort((index.table.track_id[index.table.track[: FRAMES * 4]], index.table.t[: FRAMES * 4]))
    for patch, frame, y, x in zip(found["coarse"], index.table.t[rows], *index.corners(rows), strict=True):
        slices = stored[frame, :, SHARP[frame] - 1 : SHARP[frame] + 2]
        if projection != "none":
            slices = getattr(slices, projection)(axis=1, keepdims=True)
        np.testing.assert_allclose(patch, slices[:, :, y : y + 16, x : x + 16], rtol=1e-6)
    light = found["coarse"].max() - 50
    assert np.abs(found["coarse"] - found["fine"]).max() < 0.05 * light


def test_statistics_are_those_of_the_stored_pixels(tmp_path: Path) -> None:
    """Normalizing before or after is the same: both are linear, and a maximum keeps the order of values."""
    path = synthetic_experiments(tmp_path, size="tiny")
    plain, scaled = (
        pipeline_of(
            path, (20, 20), um, 2, normalizations=[NormalizeByStatistics()], missing_statistics="compute",
            channel_dropout_prob=0.0, reading={"z_projection": "max"},
        )
        for um in (None, (26, 26))
    )  # fmt: skip
    rows = np.arange(6)
    table = plain.train_index.table
    places = table.fov_of(rows), table.t[rows]
    before, after = (part.train_dataset.norms.lookup(*places) for part in (plain, scaled))
    assert before is not None
    assert after is not None
    for level, statistics in before.items():
        for name, values in statistics.items():
            assert torch.equal(values, after[level][name])


@pytest.mark.parametrize("projection", list(Projection))
def test_nan_is_filled_in_stored_pixels(tmp_path: Path, projection: Projection) -> None:
    """Before they are projected and resampled, or it would spread."""
    rng = np.random.default_rng(0)
    pixels = rng.random((2, 2, 3, 40, 40)).astype(np.float32)
    pixels[0, 1, :, 10:14, 20] = np.nan
    pixels[1, 0, 1, 5, 5] = np.inf
    path = write_plate(tmp_path / "p.zarr", {"A/1/0": pixels}, ["a", "b"])
    plate = read_plate(path)
    preprocess_plate(plate)
    entries = [FovEntry(0, "u", plate.fovs["A/1/0"])]
    norms = NormTable(entries, ["e"], [path], [["a", "b"]])
    whole = np.where(np.isfinite(pixels), pixels, norms.medians()[0][None, :, None, None, None])
    other = read_plate(write_plate(tmp_path / "q.zarr", {"A/1/0": whole}, ["a", "b"]))
    slices = replace(Slices.fixed(entries, (0, 3)), projection=projection)
    request = PatchRequest(*(np.array(part) for part in ([0, 0], [0, 1], [2, 0], [4, 1])))
    found, expected = (
        PatchReader(which, ["e"], [[0, 1]], slices, (12, 12), steps=np.full((1, 2), 2.0), filling=filling)
        for which, filling in ((entries, norms), ([FovEntry(0, "u", other.fovs["A/1/0"])], None))
    )
    np.testing.assert_array_equal(found.read(request), expected.read(request))
    assert np.isfinite(expected.read(request)).all()
