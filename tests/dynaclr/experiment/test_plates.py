"""Plates as iohub and others write them, and the ways in which they are damaged."""

from __future__ import annotations

import contextlib
import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.foreign import SHAPE as FOREIGN
from tests.support.foreign import (
    as_stored,
    axis,
    coded,
    foreign_image,
    foreign_plate,
    group,
    image,
    transforms,
)

from dynaclr.base.errors import DataError
from dynaclr.experiment.plates import read_plate
from dynaclr.images.plate_writer import write_plate

SHAPE = (2, 2, 1, 8, 10)


@pytest.fixture(params=["0.4", "0.5"])
def plate(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    pixels = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)
    fovs = dict.fromkeys(("A/1/0", "A/1/1", "B/12/0"), pixels)
    return write_plate(
        tmp_path / "p.zarr", fovs, ["a", "b"], version=request.param, scale=(60, 1, 2, 0.5, 0.25)
    )


def metadata(folder: Path) -> Path:
    return next(folder / name for name in ("zarr.json", ".zattrs") if (folder / name).is_file())


def edited(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the attributes of a group, of version 0.4 or 0.5."""
    content = json.loads(file.read_text())
    change(content["attributes"]["ome"] if file.name == "zarr.json" else content)
    file.write_text(json.dumps(content))


def test_the_layout_is_what_was_written(plate: Path) -> None:
    layout = read_plate(plate)
    assert layout.path == plate
    assert layout.channel_names == ("a", "b")
    assert layout.wells == ("A/1", "B/12")
    fov = layout.fovs["B/12/0"]
    assert (fov.name, fov.well, fov.path) == ("B/12/0", "B/12", plate / "B/12/0")
    assert (fov.shape, fov.dtype, fov.scale) == (SHAPE, "uint16", (60.0, 1.0, 2.0, 0.5, 0.25))
    assert fov.array_path == plate / "B/12/0/0"


def test_a_plate_that_iohub_wrote(tmp_path: Path) -> None:
    from iohub.ngff import open_ome_zarr

    pixels = np.random.default_rng(0).integers(0, 99, (2, 1, 2, 8, 8)).astype(np.uint16)
    with open_ome_zarr(tmp_path / "p.zarr", layout="hcs", mode="w-", channel_names=["a"]) as store:
        for field in ("0", "1"):
            store.create_position("A", "1", field).create_image("0", pixels)
    layout = read_plate(tmp_path / "p.zarr")
    assert list(layout.fovs) == ["A/1/0", "A/1/1"]
    assert {fov.shape for fov in layout.fovs.values()} == {pixels.shape}


def test_paths_with_spaces_other_letters_and_links(plate: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my plätes µ"
    folder.mkdir()
    moved = Path(shutil.copytree(plate, folder / "a b.zarr"))
    link = tmp_path / "link.zarr"
    link.symlink_to(moved, target_is_directory=True)
    for path in (moved, link):
        assert list(read_plate(path).fovs) == ["A/1/0", "A/1/1", "B/12/0"]


def broken_json(plate: Path) -> None:
    metadata(plate).write_text('{"plate": ')


def json_list(plate: Path) -> None:
    metadata(plate).write_text("[]")


def no_plate(plate: Path) -> None:
    edited(metadata(plate), lambda attributes: attributes.pop("plate"))


def no_array(plate: Path) -> None:
    shutil.rmtree(plate / "A" / "1" / "1" / "0")


def array_file(plate: Path) -> Path:
    array = plate / "A" / "1" / "1" / "0"
    return array / ("zarr.json" if (array / "zarr.json").is_file() else ".zarray")


def wrong_shape(plate: Path) -> None:
    content = json.loads(array_file(plate).read_text())
    content["shape"][1] = 7
    array_file(plate).write_text(json.dumps(content))


def array_metadata_cut(plate: Path) -> None:
    content = array_file(plate).read_text()
    array_file(plate).write_text(content[: len(content) // 2])


def position_without_image(plate: Path) -> None:
    edited(metadata(plate / "A" / "1" / "1"), lambda attributes: attributes.pop("multiscales"))


def image_of_nothing(plate: Path) -> None:
    edited(metadata(plate / "A" / "1" / "1"), lambda attributes: attributes.update(multiscales=[{}]))


def position_lost(plate: Path) -> None:
    shutil.rmtree(plate / "A" / "1" / "1")


def well_lost(plate: Path) -> None:
    shutil.rmtree(plate / "A" / "1")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (broken_json, r"metadata cannot be read"),
        (json_list, r"metadata is not a JSON object"),
        (
            no_plate,
            r"not an OME-Zarr plate or image; expected 'plate' or .*; found (no|other) metadata",
        ),
        (shutil.rmtree, "data_path does not exist"),
    ],
)
def test_a_damaged_plate_is_named(plate: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(plate)
    with pytest.raises(DataError, match=rf"experiment exp, file .*p\.zarr.*{message}"):
        read_plate(plate, "exp")


FIELD_LOST = "the field of view is missing or has no image metadata"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (no_array, r"array of level 0 is missing \(.*A/1/1/0\)"),
        (wrong_shape, r"metadata names 2 channels \(a, b\), the array has 7"),
        (array_metadata_cut, r"array of level 0 cannot be opened: .*A/1/1/0/[\s\S]*"),
        (position_without_image, FIELD_LOST),
        (image_of_nothing, r"image metadata cannot be used: 'multiscales.datasets' is None"),
        (position_lost, FIELD_LOST),
    ],
)
def test_a_damaged_field_of_view_is_left_out_with_its_reason(
    plate: Path, damage: Callable[[Path], None], reason: str
) -> None:
    damage(plate)
    layout = read_plate(plate)
    assert list(layout.fovs) == ["A/1/0", "B/12/0"]
    assert list(layout.left_out) == ["A/1/1"]
    assert re.fullmatch(reason, layout.left_out["A/1/1"])
    for fov in ("A/1/0", "B/12/0"):
        shutil.rmtree(plate / fov)
    with pytest.raises(DataError, match=rf"3 problems[\s\S]*experiment exp.*row A/1/1: {reason}"):
        read_plate(plate, "exp")


def test_a_lost_well_is_left_out(plate: Path) -> None:
    well_lost(plate)
    layout = read_plate(plate)
    assert (list(layout.fovs), layout.wells) == (["B/12/0"], ("B/12", "A/1"))
    assert layout.left_out == {"A/1": "the well is missing, has no metadata or lists no field of view"}


@pytest.mark.parametrize("wells", [["A/1"], [{}], [{"path": "../x"}], [{"path": "A"}], [{"path": None}]])
def test_wells_that_are_none_are_left_out(plate: Path, wells: list[Any]) -> None:
    edited(metadata(plate), lambda attributes: attributes["plate"]["wells"].extend(wells))
    layout = read_plate(plate)
    assert (len(layout.fovs), len(layout.left_out)) == (3, 1)


def test_what_is_no_plate(plate: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found a well of a plate"):
        read_plate(plate / "A" / "1")
    (tmp_path / "file.zarr").write_text("x")
    with pytest.raises(DataError, match=r"file\.zarr: not an OME-Zarr plate or image"):
        read_plate(tmp_path / "file.zarr")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="found no metadata"):
        read_plate(tmp_path / "empty")


def test_an_image_that_is_in_no_plate_is_one_field_of_view(plate: Path) -> None:
    single, inside = read_plate(plate / "A" / "1" / "0"), read_plate(plate).fovs["A/1/0"]
    assert list(single.fovs) == ["0/0/0"]
    assert single.wells == ("0/0",)
    fov = single.fovs["0/0/0"]
    assert fov.array_path == inside.array_path
    assert fov.plate == fov.path == plate / "A" / "1" / "0"
    assert (fov.shape, fov.scale, single.channel_names) == (inside.shape, inside.scale, ("a", "b"))


@pytest.mark.parametrize("listed", [["second", "first"], None])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_images_of_one_file_as_bioformats2raw_writes_them(
    tmp_path: Path, version: str, listed: list[str] | None
) -> None:
    names = listed or ["0", "1"]
    group(tmp_path / "m.zarr", {"bioformats2raw.layout": 3}, version)
    if listed:
        group(tmp_path / "m.zarr" / "OME", {"series": listed}, version)
    for number, name in enumerate(names):
        foreign_image(tmp_path / "m.zarr" / name, coded((2 + number, 2, 3, 24, 32)), image(), version)
    found = read_plate(tmp_path / "m.zarr")
    assert {name: fov.shape[0] for name, fov in found.fovs.items()} == {"0/0/0": 2, "0/0/1": 3}
    assert [fov.path.name for fov in found.fovs.values()] == names


def test_a_plate_without_fields_of_view(plate: Path) -> None:
    edited(metadata(plate), lambda attributes: attributes["plate"].update(wells=[]))
    with pytest.raises(DataError, match=r"experiment exp, file .*p\.zarr: plate has no fields of view"):
        read_plate(plate, "exp")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_axes_of_a_plate_are_named(tmp_path: Path, version: str) -> None:
    bad = image(["t", axis("c", name="angle"), "z", "y", "x"])
    path = foreign_plate(tmp_path / "p.zarr", {"A/1/0": (coded(), bad)}, version)
    with pytest.raises(DataError, match=r"experiment e, file .*p\.zarr, row A/1/0: axis 'angle' is none of"):
        read_plate(path, "e")
    fovs = {"A/1/fov_1": (as_stored(coded()[:1], "cxyz"), image("cxyz")), "A/1/0": (coded(), bad)}
    layout = read_plate(foreign_plate(tmp_path / "q.zarr", fovs, version))
    assert layout.fovs["A/1/fov_1"].shape == (1, *FOREIGN[1:])
    assert layout.left_out == {"A/1/0": "axis 'angle' is none of t, c, z, y, x"}


def test_channels_are_found_by_name_in_every_field_of_view(tmp_path: Path) -> None:
    fovs = {
        "A/1/0": (coded(), image(channels=("x", "y"))),
        "A/1/1": (coded(), image(channels=("a", "b"))),
        "A/1/2": (coded(), image(channels=("b", "a"))),
        "A/1/3": (coded(), image(channels=None)),
        "A/1/4": (coded()[:, :1], image(channels=None)),
    }
    path = foreign_plate(tmp_path / "p.zarr", fovs)
    for names, orders in (
        (None, (None, (1, 0))),
        (("b", "a"), ((1, 0), None)),
        (("no", "such"), (None, (1, 0))),
    ):
        plate = read_plate(path, None, names)
        assert plate.channel_names == (("b", "a") if names == ("b", "a") else ("a", "b"))
        found = {name: (fov.channel_order, fov.channels_named) for name, fov in plate.fovs.items()}
        assert found == {"A/1/1": (orders[0], True), "A/1/2": (orders[1], True), "A/1/3": (None, False)}
        assert plate.left_out == {
            "A/1/0": f"its channels are x, y, not {', '.join(plate.channel_names)}",
            "A/1/4": f"its channels are 0, not {', '.join(plate.channel_names)}",
        }


@pytest.mark.parametrize(
    ("dtype", "reason"),
    [("complex64", "has the data type complex64"), ("datetime64[s]", "cannot be opened")],
)
def test_pixels_that_are_no_numbers(tmp_path: Path, dtype: str, reason: str) -> None:
    fovs = {name: (coded(), image()) for name in ("A/1/0", "A/1/1")}
    path = foreign_plate(tmp_path / "p.zarr", fovs)
    file = path / "A/1/1/0/.zarray"
    content = {**json.loads(file.read_text()), "dtype": np.dtype(dtype).str, "fill_value": None}
    file.write_text(json.dumps(content))
    assert f"array of level 0 {reason}" in read_plate(path).left_out["A/1/1"]


JUNK = (None, 0, -1, 10**30, float("nan"), True, "", "../..", "\0", [], [None], [[1]], {}, {"a": 1})


def damaged(content: Any, rng: random.Random) -> None:
    """Put something else in one place of metadata, or take one away."""
    places, left = [], [content]
    while left:
        part = left.pop()
        inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for key, value in inner:
            places.append((part, key))
            left.append(value)
    part, key = rng.choice(places)
    if isinstance(part, dict) and rng.random() < 0.2:
        del part[key]
    else:
        part[key] = rng.choice(JUNK)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_metadata_that_are_damaged_anywhere_end_in_words(tmp_path: Path, version: str) -> None:
    """One field of view is left out, or the plate is refused; no error is of another kind."""
    fovs = {
        name: (coded(), image(coordinateTransformations=transforms([1] * 5))) for name in ("A/1/0", "B/1/0")
    }
    path = foreign_plate(tmp_path / "p.zarr", fovs, version)
    files = sorted(file for file in path.rglob("*") if file.name in (".zattrs", ".zarray", "zarr.json"))
    for seed in range(200):
        rng = random.Random(seed)
        file = rng.choice(files)
        before = file.read_text()
        content = json.loads(before)
        damaged(content, rng)
        file.write_text(json.dumps(content))
        with contextlib.suppress(DataError):
            assert read_plate(path).fovs
        file.write_text(before)


def change_array(plate: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the metadata of the array of A/1/1, of version 0.4 or 0.5."""
    folder = plate / "A/1/1/0"
    file = next(folder / name for name in ("zarr.json", ".zarray") if (folder / name).is_file())
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((10**12, 2, 1, 8, 10), "1000000000000 frames, expected at most"),
        ((10**7, 2, 1, 8, 10), "10000000 frames, expected at most"),
        ((2, 2, 1, 10**12, 10), "chunk files, expected at most"),
        ((10**6, 11, 1, 8, 10), "11000000 chunk files, expected at most"),
    ],
)
def test_shapes_that_no_recording_has_are_left_out(plate: Path, shape: tuple[int, ...], reason: str) -> None:
    def reshape(content: dict[str, Any]) -> None:
        content["shape"] = shape

    change_array(plate, reshape)
    found = read_plate(plate)
    assert set(found.fovs) == {"A/1/0", "B/12/0"}
    assert reason in found.left_out["A/1/1"]


def test_images_of_more_pixels_than_cameras_have_are_left_out(plate: Path) -> None:
    def reshape(content: dict[str, Any]) -> None:
        content["shape"] = (2, 2, 1, 2**17, 2**16)
        chunk = (1, 1, 1, 2**14, 2**14)
        if "chunks" in content:
            content["chunks"] = chunk
        else:
            content["chunk_grid"]["configuration"]["chunk_shape"] = chunk

    change_array(plate, reshape)
    assert f"{2**33} pixels in one slice" in read_plate(plate).left_out["A/1/1"]


@pytest.mark.parametrize("value", [10**400, -(10**400)], ids=["large", "low"])
@pytest.mark.parametrize("kind", ["scale", "translation"])
def test_numbers_larger_than_numbers_can_be(plate: Path, kind: str, value: int) -> None:
    def change(attributes: dict[str, Any]) -> None:
        steps = [{"type": "scale", "scale": [1, 1, 1, 1, 1]}, {"type": kind, kind: [1, 1, 1, value, 1]}]
        attributes["multiscales"][0]["datasets"][0]["coordinateTransformations"] = steps

    edited(metadata(plate / "A/1/1"), change)
    found = read_plate(plate)
    assert set(found.fovs) == {"A/1/0", "B/12/0"}
    assert f"{kind} of axis 'y' is" in found.left_out["A/1/1"]
    assert len(found.left_out["A/1/1"]) < 200


def test_steps_that_overflow_together(plate: Path) -> None:
    def change(attributes: dict[str, Any]) -> None:
        step = {"type": "scale", "scale": [1, 1, 1, 1e200, 1]}
        attributes["multiscales"][0]["datasets"][0]["coordinateTransformations"] = [step, step]

    edited(metadata(plate / "A/1/1"), change)
    assert "scale or translation of axis 'y'" in read_plate(plate).left_out["A/1/1"]
