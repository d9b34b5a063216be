"""Every pixel of images with other axes and channels, by each way in which pixels are read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorstore as ts
from tests.support.foreign import (
    as_stored,
    coded,
    foreign_experiment,
    foreign_plate,
    image,
    transforms,
)

from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.experiment import ExperimentRegistry, FovEntry
from dynaclr.experiment.plates import FovLayout, read_plate
from dynaclr.images import (
    PatchReader,
    PatchRequest,
    is_complete,
    make_context,
    open_array,
    stored_pixels,
)
from dynaclr.images.statistics import fov_statistics, stored_statistics
from dynaclr.images.stores import chunk_files
from dynaclr.index import MultiExperimentIndex
from dynaclr.pipeline.preprocess import preprocess_plate

ORDERS = ["tczyx", "tczxy", "xyzct", "ctzyx", "zctyx", "tyxc", "tyx", "czyx", "yx", "xy", "zyx", "txcy"]


def shown(axes: str) -> np.ndarray:
    """Return the pixels (T, C, Z, Y, X) of an image with these axes."""
    return coded()[tuple(slice(None) if letter in axes else slice(1) for letter in "tczyx")]


def only_fov(
    folder: Path, axes: str, version: str = "0.4", channels: tuple[str, ...] = ("a", "b")
) -> FovLayout:
    pixels = shown(axes)
    fovs = {"A/1/0": (as_stored(pixels, axes), image(axes, channels[: pixels.shape[1]]))}
    return read_plate(foreign_plate(folder / "p.zarr", fovs, version)).fovs["A/1/0"]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ORDERS)
def test_whole_images_and_patches(tmp_path: Path, axes: str, version: str) -> None:
    layout, pixels = only_fov(tmp_path, axes, version), shown(axes)
    assert layout.shape == pixels.shape
    array = open_array(layout, make_context(0), zeros_for_missing=False)
    assert np.array_equal(array.read().result(), pixels)
    assert is_complete(array)
    t, c, z, *_ = pixels.shape
    for channels in (list(range(c)), list(range(c))[::-1]):
        reader = PatchReader([FovEntry(0, "", layout)], ["e"], [channels], (z - 1, z), (5, 7))
        request = PatchRequest(*(np.array([item, 0]) for item in (0, t - 1, 3, 11)))
        found = reader.read(request)
        for place, (frame, y, x) in enumerate(((t - 1, 3, 11), (0, 0, 0))):
            expected = pixels[frame, channels, z - 1 : z, y : y + 5, x : x + 7]
            assert np.array_equal(found[place], expected.astype(np.float32))


def test_an_image_in_the_usual_order_is_no_view(tmp_path: Path) -> None:
    """Nothing stands between the store and its reader."""
    array = open_array(only_fov(tmp_path, "tczyx"), make_context(0), zeros_for_missing=False)
    assert array.chunk_layout.inner_order == (0, 1, 2, 3, 4)
    assert array.spec().transform.output == ts.IndexTransform(input_rank=5).output


def test_an_axis_that_is_not_stored_has_one_place(tmp_path: Path) -> None:
    array = open_array(only_fov(tmp_path, "zyx"), make_context(0), zeros_for_missing=False)
    for place in ((1,), (0, 1)):
        with pytest.raises(IndexError):
            array[place].read().result()


@pytest.mark.parametrize("axes", ["xyzct", "tyxc", "zyx"])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_chunks_that_are_read_and_chunks_that_are_not_there(tmp_path: Path, axes: str, version: str) -> None:
    layout = only_fov(tmp_path, axes, version)
    last = layout.shape[1] - 1, layout.shape[2] - 1
    needed = set(chunk_files(layout, [last[0]], (last[1], last[1] + 1)))
    everything = set(chunk_files(layout, range(layout.shape[1]), (0, layout.shape[2])))
    there = {p.relative_to(layout.array_path).as_posix() for p in layout.array_path.rglob("*") if p.is_file()}
    assert there - {".zarray", "zarr.json"} == everything
    for name in everything - needed:
        (layout.array_path / name).unlink()
    before = stored_pixels(layout, [last[0]], (last[1], last[1] + 1))
    part = open_array(layout, make_context(0), zeros_for_missing=False)[:, last[0], last[1]]
    assert is_complete(part)
    assert np.array_equal(part.read().result(), shown(axes)[:, last[0], last[1]])
    (layout.array_path / sorted(needed)[0]).unlink()
    assert not is_complete(part)
    assert before != stored_pixels(layout, [last[0]], (last[1], last[1] + 1))


def test_statistics(tmp_path: Path) -> None:
    """Those of an image in another order are those of the same pixels in the usual one."""
    fovs = {
        "A/1/0": (coded(), image(coordinateTransformations=transforms([1, 1, 2, 0.5, 0.5]))),
        "A/1/1": (as_stored(coded()[:, ::-1], "xyzct"), image("xyzct", ("b", "a"))),
    }
    plate = read_plate(foreign_plate(tmp_path / "p.zarr", fovs))
    preprocess_plate(plate)
    first, second = (
        json.loads(fov_statistics(plate.path, name).read_text())["normalization"] for name in plate.fovs
    )
    assert first == second
    assert first["a"]["fov_statistics"]["mean"] == coded()[:, 0].mean()
    for names in (("a", "b"), ("b", "a")):  # whoever reads them, in the order that they ask for
        for name, layout in read_plate(plate.path, None, names).fovs.items():
            assert stored_statistics(plate.path, FovEntry(0, "", layout)).outdated == {}, name
    (plate.fovs["A/1/1"].array_path / chunk_files(plate.fovs["A/1/1"], [0], (0, 1))[0]).unlink()
    assert list(stored_statistics(plate.path, FovEntry(0, "", plate.fovs["A/1/1"])).outdated) == ["a"]
    preprocess_plate(read_plate(plate.path))  # frames of which chunks are lost, chunk by chunk


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_fields_of_one_experiment_that_are_stored_each_in_its_way(tmp_path: Path, version: str) -> None:
    fovs = {
        "A/1/0": (coded(), image()),
        "A/1/1": (as_stored(coded()[:, ::-1], "yxtzc"), image("yxtzc", ("b", "a"))),
        "B/2/fov_1": (as_stored(coded(), "zctxy"), image("zctxy")),
    }
    registry = ExperimentRegistry.from_yaml(foreign_experiment(tmp_path, fovs, version))
    index = MultiExperimentIndex(registry, z_range=(1, 3), yx_patch_size=(6, 8), tau_range_hours=(0.5, 1.0))
    dataset = MultiExperimentTripletDataset(index)
    assert len(dataset) == 3 * 2 * 3
    batch = dataset.__getitems__(list(range(len(dataset))))
    rows = index.anchor_rows
    for place, (frame, y, x) in enumerate(zip(index.table.t[rows], *index.corners(rows), strict=True)):
        expected = coded()[frame, :, 1:3, y : y + 6, x : x + 8]
        assert np.array_equal(batch["anchor"][place].numpy(), expected.astype(np.float32))


def test_blank_frames(tmp_path: Path) -> None:
    fovs = {"A/1/0": (as_stored(coded()[:, ::-1], "xcyzt"), image("xcyzt", ("b", "a")))}
    path = foreign_experiment(tmp_path, fovs)
    layout = ExperimentRegistry.from_yaml(path).plates["e"].fovs["A/1/0"]
    for name in set(chunk_files(layout, [1], (0, 1))):
        if name.endswith("/3"):
            (layout.array_path / name).unlink()
    registry = ExperimentRegistry.from_yaml(path)
    index = MultiExperimentIndex(registry, z_range=(0, 1), yx_patch_size=(6, 8), tau_range_hours=(0.5, 1.0))
    assert sorted(index.table.t[~index.readable].tolist()) == [3, 3]
    index = MultiExperimentIndex(registry, z_range=(1, 2), yx_patch_size=(6, 8), tau_range_hours=(0.5, 1.0))
    assert index.readable.all()
