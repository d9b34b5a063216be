"""Rows that touch lost chunks, against a look at the files of every patch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynaclr.experiment.fovs import FovEntry
from dynaclr.experiment.plates import read_plate
from dynaclr.images.plate_writer import write_plate
from dynaclr.index.blanks import blank_rows, rows_not_finite
from dynaclr.tracks.lineage import build_forest
from dynaclr.tracks.table import CellTable, build_table

SHAPE = (2, 3, 3, 24, 32)  # (T, C, Z, Y, X)
CHUNK = (1, 1, 2, 8, 16)
PATCH = (6, 10)
Z_RANGE = (0, 2)
FOVS = ("A/1/0", "A/1/1")
CHANNELS = ([0, 2],)


def some_rows(rng: np.random.Generator, count: int) -> tuple[CellTable, tuple[np.ndarray, np.ndarray]]:
    """Return observations of one track each, anywhere in the two FOVs, and the corners of their patches."""
    fov = np.sort(rng.integers(0, 2, count))
    columns = {
        "t": rng.integers(0, SHAPE[0], count),
        "y": np.arange(count, dtype=float),
        "x": np.zeros(count),
    }
    track = np.arange(count)
    table = build_table(columns, track, track, fov, build_forest(np.full(count, -1)), np.full(2, SHAPE[0]))
    corners = rng.integers(0, SHAPE[3] - PATCH[0], count), rng.integers(0, SHAPE[4] - PATCH[1], count)
    return table, corners


def touched(t: int, y: int, x: int) -> set[str]:
    """Return the chunk files of a patch, pixel by pixel."""
    return {
        f"{t}/{c}/{z // CHUNK[2]}/{row // CHUNK[3]}/{column // CHUNK[4]}"
        for c in CHANNELS[0]
        for z in range(*Z_RANGE)
        for row in range(y, y + PATCH[0])
        for column in range(x, x + PATCH[1])
    }


@pytest.mark.parametrize(("seed", "lost_share"), [(0, 0.0), (1, 0.06), (2, 0.3), (3, 1.0)])
def test_rows_are_those_whose_files_are_not_there(tmp_path: Path, seed: int, lost_share: float) -> None:
    rng = np.random.default_rng(seed)
    fovs = {name: np.ones(SHAPE, dtype=np.uint8) for name in FOVS}
    plate = read_plate(write_plate(tmp_path / "p.zarr", fovs, ["a", "b", "c"], chunks=CHUNK))
    entries = [FovEntry(0, "u", plate.fovs[name]) for name in FOVS]
    for entry in entries:
        files = sorted(path for path in entry.layout.array_path.rglob("*/*/*/*/*") if path.is_file())
        for file in files:
            if rng.random() < lost_share:
                file.unlink()
    table, corners = some_rows(rng, 60)
    blank = blank_rows(table, entries, CHANNELS, Z_RANGE, corners, PATCH)
    for row in range(len(table)):
        folder = entries[int(table.fov_of()[row])].layout.array_path
        files = touched(int(table.t[row]), int(corners[0][row]), int(corners[1][row]))
        assert blank[row] == any(not (folder / name).is_file() for name in files)
    assert blank.any() == (lost_share > 0)
    assert blank.all() == (lost_share == 1)


def test_a_lost_chunk_inside_a_shard_counts_for_its_own_place_only(tmp_path: Path) -> None:
    pixels = np.ones(SHAPE, dtype=np.uint8)
    pixels[1, 0, :, :8, :16] = 0  # not stored, as the fill value
    options: dict[str, Any] = {"version": "0.5", "chunks": CHUNK, "shards": (1, 1, 4, 24, 32)}
    path = write_plate(
        tmp_path / "p.zarr", {FOVS[0]: pixels}, ["a", "b", "c"], store_zero_chunks=False, **options
    )
    entries = [FovEntry(0, "u", read_plate(path).fovs[FOVS[0]])]
    columns = {"t": np.array([0, 1, 1]), "y": np.zeros(3), "x": np.zeros(3)}
    track = np.arange(3)
    table = build_table(
        columns, track, track, np.zeros(3, dtype=int), build_forest(np.full(3, -1)), np.array([2])
    )
    corners = np.array([0, 0, 8]), np.array([0, 0, 16])
    assert blank_rows(table, entries, CHANNELS, Z_RANGE, corners, PATCH).tolist() == [False, True, False]


def test_an_fov_without_rows_is_not_opened(tmp_path: Path) -> None:
    fovs = {name: np.ones(SHAPE, dtype=np.uint8) for name in FOVS}
    plate = read_plate(write_plate(tmp_path / "p.zarr", fovs, ["a", "b", "c"], chunks=CHUNK))
    entries = [FovEntry(0, "u", plate.fovs[name]) for name in FOVS]
    (entries[1].layout.array_path / ".zarray").unlink()
    columns = {"t": np.array([0]), "y": np.zeros(1), "x": np.zeros(1)}
    one = np.zeros(1, dtype=int)
    table = build_table(columns, one, one, one, build_forest(np.array([-1])), np.full(2, SHAPE[0]))
    assert not blank_rows(table, entries, CHANNELS, Z_RANGE, (one, one), PATCH).any()


@pytest.mark.parametrize("seed", [0, 1])
def test_rows_are_those_with_nan_or_inf_in_their_patch(tmp_path: Path, seed: int) -> None:
    """Of the channels and slices that are read, in the frames that are said to hold some."""
    rng = np.random.default_rng(seed)
    pixels = rng.random((len(FOVS), *SHAPE)).astype(np.float32)
    pixels[rng.random(pixels.shape) < 0.002] = np.nan
    pixels[rng.random(pixels.shape) < 0.002] = -np.inf
    fovs = dict(zip(FOVS, pixels, strict=True))
    plate = read_plate(write_plate(tmp_path / "p.zarr", fovs, ["a", "b", "c"], chunks=CHUNK))
    entries = [FovEntry(0, "u", plate.fovs[name]) for name in FOVS]
    table, corners = some_rows(rng, 80)
    frames = ~np.isfinite(pixels).all(axis=(3, 4, 5)).reshape(-1, SHAPE[1])[:, CHANNELS[0]]
    frames[1] = False  # nobody said so: it is not looked at
    found = rows_not_finite(table, entries, CHANNELS, Z_RANGE, corners, PATCH, frames)
    for row, (t, y, x) in enumerate(zip(table.t, *corners, strict=True)):
        fov = int(table.fov_of()[row])
        patch = pixels[fov, t, CHANNELS[0], slice(*Z_RANGE), y : y + PATCH[0], x : x + PATCH[1]]
        assert found[row] == (not np.isfinite(patch).all() and frames[fov * SHAPE[0] + t].any())
    assert found.any()
    assert not found.all()
