"""Plates as iohub and others write them, and the ways in which they are damaged."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynaclr.base.errors import DataError
from dynaclr.experiment.plates import read_plate
from dynaclr.images.plate_writer import write_plate

V3 = sys.version_info >= (3, 12)
SHAPE = (2, 2, 1, 8, 10)


@pytest.fixture(params=["0.4", pytest.param("0.5", marks=pytest.mark.skipif(not V3, reason="needs zarr 3"))])
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
    json.dumps(fov.attributes)  # plain types, whatever iohub hands out


@pytest.mark.skipif(V3, reason="iohub reads zarr 3 here")
def test_a_version_that_this_installation_cannot_read_says_which_can(tmp_path: Path) -> None:
    path = write_plate(tmp_path / "p.zarr", {"A/1/0": np.ones(SHAPE)}, ["a", "b"], version="0.5")
    with pytest.raises(
        DataError, match=r"OME-Zarr 0\.5 \(zarr 3\).*Python 3\.12 or newer.*convert the plate"
    ):
        read_plate(path, "exp")


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
        (no_plate, r"not an OME-Zarr HCS plate; expected 'plate' metadata; found no plate metadata"),
        (no_array, r"A/1/1"),
        (wrong_shape, r"A/1/1.*expected \(T, C = 2, Z, Y, X\); found \(2, 7, 1, 8, 10\)"),
        (array_metadata_cut, r"A/1/1"),
        (position_without_image, r"row A/1/1: a field of view of the plate is missing or has no image"),
        (image_of_nothing, r"A/1/1"),
        (position_lost, r"row A/1/1: a field of view of the plate is missing"),
        (well_lost, r"row A/1: a well of the plate is missing"),
        (shutil.rmtree, "data_path does not exist"),
    ],
)
def test_a_damaged_plate_is_named(plate: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(plate)
    with pytest.raises(DataError, match=rf"experiment exp, file .*p\.zarr.*{message}"):
        read_plate(plate, "exp")


def test_what_is_no_plate(plate: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found a single position or image"):
        read_plate(plate / "A" / "1" / "0")
    (tmp_path / "file.zarr").write_text("x")
    with pytest.raises(DataError, match=r"file\.zarr: not an OME-Zarr HCS plate"):
        read_plate(tmp_path / "file.zarr")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="found no plate metadata"):
        read_plate(tmp_path / "empty")


def test_a_plate_without_fields_of_view(plate: Path) -> None:
    edited(metadata(plate), lambda attributes: attributes["plate"].update(wells=[]))
    with pytest.raises(DataError, match=r"experiment exp, file .*p\.zarr: plate has no fields of view"):
        read_plate(plate, "exp")
