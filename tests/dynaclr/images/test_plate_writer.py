from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.experiment.plates import read_plate
from dynaclr.images.plate_writer import PlateWriter, write_plate
from dynaclr.images.stores import is_complete, make_context, open_array

ZARR3 = pytest.mark.skipif(sys.version_info < (3, 12), reason="iohub reads zarr 3 from Python 3.12 on")
FORMS: list[Any] = [
    {},
    {"chunks": (1, 1, 1, 8, 8)},
    pytest.param({"version": "0.5"}, marks=ZARR3),
    pytest.param({"version": "0.5", "chunks": (1, 1, 1, 8, 8), "shards": (1, 1, 2, 16, 24)}, marks=ZARR3),
]


@pytest.mark.parametrize("options", FORMS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_iohub_reads_what_was_written(tmp_path: Path, options: dict[str, Any], dtype: str) -> None:
    rng = np.random.default_rng(0)
    fovs = {
        name: rng.integers(0, 99, (3, 2, 2, 16, 24)).astype(dtype) for name in ("A/1/0", "A/1/1", "C/12/0")
    }
    path = write_plate(tmp_path / "p.zarr", fovs, ["a", "b"], scale=(60.0, 1.0, 2.0, 0.5, 0.25), **options)
    plate = read_plate(path)
    assert plate.channel_names == ("a", "b")
    assert set(plate.wells) == {"A/1", "C/12"}
    for name, pixels in fovs.items():
        layout = plate.fovs[name]
        assert layout.shape == pixels.shape
        assert layout.dtype == dtype
        assert layout.scale == (60.0, 1.0, 2.0, 0.5, 0.25)
        array = open_array(layout, make_context(0), zeros_for_missing=False)
        assert np.array_equal(array.read().result(), pixels)


@pytest.mark.parametrize("stored", [True, False])
def test_blank_frames_are_stored_or_not(tmp_path: Path, stored: bool) -> None:
    pixels = np.ones((2, 1, 1, 8, 8), dtype=np.uint8)
    pixels[1] = 0
    path = write_plate(tmp_path / "p.zarr", {"A/1/0": pixels}, ["a"], store_zero_chunks=stored)
    array = open_array(read_plate(path).fovs["A/1/0"], make_context(0), zeros_for_missing=True)
    assert is_complete(array[0])
    assert is_complete(array[1]) == stored


def test_a_target_is_never_replaced_unasked_and_never_half(tmp_path: Path) -> None:
    pixels = {"A/1/0": np.ones((1, 1, 1, 8, 8), dtype=np.uint8)}
    path = write_plate(tmp_path / "p.zarr", pixels, ["a"])
    with pytest.raises(DataError, match="target exists"):
        write_plate(path, pixels, ["a"])
    write_plate(path, pixels, ["b"], overwrite=True)
    assert read_plate(path).channel_names == ("b",)
    with pytest.raises(RuntimeError, match="stop"), PlateWriter(tmp_path / "q.zarr", ["a"]) as writer:
        writer.create_fov("A/1/0", (1, 1, 1, 8, 8), np.uint8)
        raise RuntimeError("stop")
    assert [item.name for item in tmp_path.iterdir()] == ["p.zarr"]


def test_names_and_shapes_are_checked(tmp_path: Path) -> None:
    good = np.ones((1, 1, 1, 8, 8), dtype=np.uint8)
    for name in ("A/1", "../1/0", "A/1/0/0"):
        with pytest.raises(ConfigError, match="not a field of view"):
            write_plate(tmp_path / "p.zarr", {name: good}, ["a"])
    with pytest.raises(DataError, match="wrong shape"):
        write_plate(tmp_path / "p.zarr", {"A/1/0": good}, ["a", "b"])
    with pytest.raises(ConfigError, match="shards need version 0.5"):
        PlateWriter(tmp_path / "p.zarr", ["a"], shards=(1, 1, 1, 8, 8))


@pytest.mark.parametrize("moved", [True, False])
def test_a_log_without_its_growing_plate(tmp_path: Path, moved: bool) -> None:
    pixels = np.arange(3 * 64, dtype=np.uint8).reshape(3, 1, 1, 8, 8)
    path, growing = tmp_path / "p.zarr", tmp_path / "growing"
    for again in (False, True):
        with PlateWriter(path, ["a"], growing=growing, overwrite=True) as writer:
            writer.create_fov("A/1/0", pixels.shape, pixels.dtype)
            assert writer.written("A/1/0") == (frozenset(range(3)) if again and moved else frozenset())
            for t in sorted(set(range(3)) - writer.written("A/1/0")):
                writer.write_frame("A/1/0", t, pixels[t])
            log = growing.with_name("growing.frames")
            content = log.read_bytes()
        assert not log.exists()
        if not again:  # as if ended after the plate was moved, before the log was removed
            log.write_bytes(content)
            if not moved:
                shutil.rmtree(path)
    array = open_array(read_plate(path).fovs["A/1/0"], make_context(0), zeros_for_missing=False)
    assert np.array_equal(array.read().result(), pixels)
