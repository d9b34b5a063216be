"""Planned reads against slices of the arrays that were written."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore as ts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.loaded import Loaded

from dynaclr.base.errors import ConfigError, PixelReadError
from dynaclr.experiment.fovs import FovEntry
from dynaclr.experiment.plates import read_plate
from dynaclr.images.patches import PatchReader, PatchRequest
from dynaclr.images.plate_writer import write_plate
from dynaclr.images.slices import Projection, Slices

SIZES = {"A/1/0": (5, 3, 4, 30, 40), "A/1/1": (3, 3, 3, 26, 33), "B/1/0": (5, 3, 4, 30, 40)}
PATCH = (7, 9)
Z_RANGE = (1, 3)
NAMES = ["one", "two"]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[FovEntry], list[np.ndarray]]:
    """Two plates of FOVs that differ in size and data type, the same FOV names in both."""
    rng = np.random.default_rng(0)
    entries, arrays = [], []
    for experiment, (dtype, chunks) in enumerate(((np.uint16, None), (np.float32, (1, 1, 2, 8, 8)))):
        fovs = {name: (rng.random(shape) * 900).astype(dtype) for name, shape in SIZES.items()}
        path = tmp_path_factory.mktemp("patches") / "p.zarr"
        plate = read_plate(write_plate(path, fovs, ["a", "b", "c"], chunks=chunks))
        entries += [FovEntry(experiment, "u", plate.fovs[name]) for name in SIZES]
        arrays += list(fovs.values())
    return entries, arrays


def reader_of(entries: list[FovEntry], channels: Any = ((0, 1), (2, 0)), **options: Any) -> PatchReader:
    return PatchReader(entries, NAMES, channels, Z_RANGE, PATCH, **options)


def request_of(rows: list[tuple[int, int, int, int]]) -> PatchRequest:
    fov, t, y, x = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return PatchRequest(fov, t, y, x)


@st.composite
def requests(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    rows = []
    for _ in range(draw(st.integers(1, 12))):
        fov = draw(st.integers(0, 5))
        frames, _, _, height, width = list(SIZES.values())[fov % 3]
        t = draw(st.integers(0, frames - 1))
        y, x = draw(st.integers(0, height - PATCH[0])), draw(st.integers(0, width - PATCH[1]))
        rows.append((fov, t, y, x))
    return rows


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    requests(), st.sampled_from([((0, 1), (2, 0)), ((1,), (1,)), ((0, 1, 2), (2, 1, 0)), ((0, 2), (1, 2))])
)
def test_a_planned_read_is_the_slices(
    stores: tuple[list[FovEntry], list[np.ndarray]], rows: list[tuple[int, int, int, int]], channels: Any
) -> None:
    entries, arrays = stores
    reader = reader_of(entries, channels)
    found = reader.read(request_of(rows))
    assert found.dtype == np.float32
    assert found.shape == (len(rows), *reader.sample_shape)
    for place, (fov, t, y, x) in enumerate(rows):
        used = list(channels[entries[fov].experiment])
        expected = arrays[fov][t, used, slice(*Z_RANGE), y : y + PATCH[0], x : x + PATCH[1]]
        assert np.array_equal(found[place], expected.astype(np.float32))


def test_nothing_asked_for(stores: tuple[list[FovEntry], list[np.ndarray]]) -> None:
    empty = np.empty(0, dtype=np.int64)
    reader = reader_of(stores[0])
    assert reader.read(PatchRequest(empty, empty, empty, empty)).shape == (0, *reader.sample_shape)


def file_reads() -> int:
    """Return how many files tensorstore has opened for reading in this process."""
    metrics = ts.experimental_collect_matching_metrics("/tensorstore/kvstore/file/open_read")
    return sum(value["value"] for item in metrics for value in item["values"])


def test_a_chunk_that_many_patches_touch_is_read_once(
    stores: tuple[list[FovEntry], list[np.ndarray]],
) -> None:
    entries, _ = stores
    rng = np.random.default_rng(1)
    rows = [(3, int(t), int(y), int(x)) for t, y, x in rng.integers(0, (3, 23, 31), (80, 3))]
    reader = reader_of(entries)
    reader.handles.get(3)
    before = file_reads()
    reader.read(request_of(rows))
    chunks = {
        (t, c, z // 2, yy // 8, xx // 8)
        for _, t, y, x in rows
        for c in (2, 0)
        for z in range(*Z_RANGE)
        for yy in range(y, y + PATCH[0])
        for xx in range(x, x + PATCH[1])
    }
    assert file_reads() - before == len(chunks)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float16", "float32", "float64"])
def test_every_kind_of_number_becomes_the_same_float32(tmp_path: Path, dtype: str) -> None:
    kind = np.dtype(dtype)
    shape = (2, 1, 4, 12, 12)
    if kind.kind == "f":
        pixels = np.random.default_rng(0).normal(0, 100, shape).astype(kind)
        pixels[0, 0, 0, 0, :3] = (np.nan, np.inf, -np.inf)
    else:
        limits = np.iinfo(kind)
        pixels = np.random.default_rng(0).integers(limits.min, limits.max, shape, dtype=kind, endpoint=True)
        pixels[0, 0, 0, 0, :2] = (limits.min, limits.max)
    plate = read_plate(write_plate(tmp_path / "p.zarr", {"A/1/0": pixels}, ["a"]))
    reader = PatchReader([FovEntry(0, "u", plate.fovs["A/1/0"])], ["e"], [[0]], (0, 4), (12, 12))
    found = reader.read(request_of([(0, 0, 0, 0), (0, 1, 0, 0)]))
    assert np.array_equal(found, pixels.astype(np.float32), equal_nan=True)


def test_big_endian_pixels(tmp_path: Path) -> None:
    pixels = np.arange(2 * 144, dtype=">u2").reshape(2, 1, 1, 12, 12)
    path = write_plate(tmp_path / "p.zarr", {"A/1/0": pixels.astype("<u2")}, ["a"])
    array = path / "A" / "1" / "0" / "0"
    spec = {"driver": "file", "path": f"{array}/"}
    metadata = {"shape": pixels.shape, "chunks": [1, 1, 1, 12, 12], "dtype": ">u2", "fill_value": 0}
    metadata |= {"dimension_separator": "/", "compressor": None}
    options = {"create": True, "delete_existing": True}
    ts.open({"driver": "zarr", "kvstore": spec, "metadata": metadata}, **options).result().write(
        pixels
    ).result()
    layout = read_plate(path).fovs["A/1/0"]
    assert layout.dtype == "uint16"
    reader = PatchReader([FovEntry(0, "u", layout)], ["e"], [[0]], (0, 1), (12, 12))
    assert np.array_equal(reader.read(request_of([(0, 1, 0, 0)]))[0], pixels[1].astype(np.float32))


@pytest.mark.parametrize("channels", [[0, 1], [2, 0]])
def test_a_chunk_that_turns_bad_names_its_place(tmp_path: Path, channels: list[int]) -> None:
    plate = read_plate(write_plate(tmp_path / "p.zarr", {"A/1/0": np.ones(SIZES["A/1/0"])}, ["a", "b", "c"]))
    reader = PatchReader([FovEntry(0, "u", plate.fovs["A/1/0"])], ["one"], [channels], Z_RANGE, PATCH)
    rows = [(0, t, 3, 5) for t in range(5)]
    reader.read(request_of(rows[:3]))
    (tmp_path / "p.zarr" / "A" / "1" / "0" / "0" / "3" / "0" / "0" / "0" / "0").unlink()
    shown = r"\[0\]" if channels == [2, 0] else r"\[0, 1\]"
    place = rf"A/1/0 frame 3, channels {shown}, z 1\.\.3, y 3\.\.10, x 5\.\.14"
    with pytest.raises(PixelReadError, match=rf"experiment one, file .*p\.zarr/A/1/0/0, row {place}"):
        reader.read(request_of(rows))


def test_a_store_that_is_replaced_by_a_smaller_one_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "p.zarr"
    plate = read_plate(write_plate(path, {"A/1/0": np.ones((4, 1, 4, 30, 40))}, ["a"]))
    reader = PatchReader([FovEntry(0, "u", plate.fovs["A/1/0"])], ["one"], [[0]], Z_RANGE, PATCH)
    write_plate(path, {"A/1/0": np.ones((2, 1, 4, 30, 40))}, ["a"], overwrite=True)
    with pytest.raises(PixelReadError, match=r"A/1/0 frame 3"):
        reader.read(request_of([(0, 3, 0, 0)]))


def test_a_copy_opens_its_own_arrays(stores: tuple[list[FovEntry], list[np.ndarray]]) -> None:
    reader = reader_of(stores[0])
    rows = request_of([(4, 1, 2, 3)])
    first = reader.read(rows)
    copied = pickle.loads(pickle.dumps(reader))
    assert len(copied.handles) == 0
    assert np.array_equal(copied.read(rows), first)


def test_a_negative_cache_is_refused(stores: tuple[list[FovEntry], list[np.ndarray]]) -> None:
    with pytest.raises(ConfigError, match="cache_pool_bytes"):
        reader_of(stores[0], cache_bytes=-1)


def test_many_fovs_are_read_with_few_open_files(tmp_path: Path, loaded: Loaded) -> None:
    fovs = {f"A/1/{k}": np.full((1, 1, 1, 8, 8), k, dtype=np.uint8) for k in range(24)}
    path = write_plate(tmp_path / "p.zarr", fovs, ["a"])
    code = """
        import resource, sys
        from pathlib import Path
        import numpy as np
        from dynaclr.experiment.fovs import FovEntry
        from dynaclr.images.patches import PatchReader, PatchRequest
        from dynaclr.experiment.plates import read_plate
        plate = read_plate(Path(sys.argv[1]))
        entries = [FovEntry(0, "u", layout) for layout in plate.fovs.values()]
        reader = PatchReader(entries, ["e"], [[0]], (0, 1), (8, 8))
        resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
        every, zero = np.arange(24), np.zeros(24, dtype=int)
        pixels = reader.read(PatchRequest(every, zero, zero, zero))
        names = [int(entry.layout.name.rpartition("/")[2]) for entry in entries]
        print((pixels[:, 0, 0, 0, 0] == names).all())
    """
    done = loaded.run(tmp_path, str(path), code=code, SLURM_CPUS_PER_TASK="2")
    assert done.stdout.strip() == "True", done.stderr


def stored(array: np.ndarray, step: tuple[float, float]) -> np.ndarray:
    """Return whole images (T, C, Z, Y, X) on another grid, slowly: by interpolation looked up."""
    for axis, factor in zip((3, 4), step, strict=True):
        if factor == 1:
            continue
        length = array.shape[axis]
        width = np.sqrt(max(factor**2 - 1, 0))
        centers = (np.arange(int(length / factor)) + 0.5) * factor - 0.5
        places = centers[:, None] + ((np.arange(800) + 0.5) / 800 - 0.5) * width
        columns = [np.interp(places, np.arange(length), unit).mean(axis=1) for unit in np.eye(length)]
        array = np.moveaxis(np.moveaxis(array, axis, -1) @ np.stack(columns), -1, axis)
    return array


STEPS = np.array([[1, 1], [1.4, 1.4], [0.6, 0.6], [1, 1.3], [1.7, 1], [0.5, 1.9]])


@st.composite
def scaled_requests(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    rows = []
    for _ in range(draw(st.integers(1, 8))):
        fov = draw(st.integers(0, 5))
        frames, _, _, *image = list(SIZES.values())[fov % 3]
        room = [int(size / step) - patch for size, step, patch in zip(image, STEPS[fov], PATCH, strict=True)]
        y, x = (draw(st.integers(0, max(size, 0))) for size in room)
        rows.append((fov, draw(st.integers(0, frames - 1)), y, x))
    return rows


@given(scaled_requests(), st.sampled_from(list(Projection)))
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_patches_of_another_scale_are_parts_of_the_whole_image_at_that_scale(
    stores: tuple[list[FovEntry], list[np.ndarray]],
    rows: list[tuple[int, int, int, int]],
    projection: Projection,
) -> None:
    entries, arrays = stores
    slices = replace(Slices.fixed(entries, Z_RANGE), projection=projection)
    reader = PatchReader(entries, NAMES, ((0, 1), (2, 0)), slices, PATCH, steps=STEPS)
    found = reader.read(request_of(rows))
    assert found.shape[1:] == reader.sample_shape
    for number, (fov, t, y, x) in enumerate(rows):
        channels = ((0, 1), (2, 0))[entries[fov].experiment]
        read = arrays[fov][t : t + 1, list(channels), slice(*Z_RANGE)].astype(np.float64)
        if projection is not Projection.NONE:
            made = read.max if projection is Projection.MAX else read.mean
            read = made(axis=2, keepdims=True)
        whole = stored(read, tuple(STEPS[fov]))[0]
        expected = whole[:, :, y : y + PATCH[0], x : x + PATCH[1]]
        np.testing.assert_allclose(found[number], expected, atol=1.0)
        alone = reader.read(request_of([(fov, t, y, x)]))[0]
        np.testing.assert_array_equal(alone, found[number])
        if tuple(STEPS[fov]) == (1, 1) and projection is not Projection.MEAN:
            np.testing.assert_array_equal(found[number], expected.astype(np.float32))


def test_each_frame_has_slices_of_its_own(stores: tuple[list[FovEntry], list[np.ndarray]]) -> None:
    entries, arrays = stores
    slices = Slices(tuple(np.arange(array.shape[0]) % 2 for array in arrays), (2,) * 6)
    reader = PatchReader(entries, NAMES, ((0, 1), (2, 0)), slices, PATCH)
    found = reader.read(request_of([(0, t, 3, 4) for t in range(5)]))
    for t in range(5):
        expected = arrays[0][t, :2, t % 2 : t % 2 + 2, 3 : 3 + PATCH[0], 4 : 4 + PATCH[1]]
        np.testing.assert_array_equal(found[t], expected)


def test_little_waits_to_be_resampled(
    stores: tuple[list[FovEntry], list[np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However large a batch is; what is finished early is what is finished late."""
    entries, _ = stores
    request = request_of([(fov, t, 0, 0) for t in range(3) for fov in range(6)])
    reader = PatchReader(entries, NAMES, ((0, 1), (2, 0)), Z_RANGE, PATCH, steps=STEPS)
    at_once = reader.read(request)
    monkeypatch.setattr("dynaclr.images.patches._SCRATCH_BYTES", 1)
    np.testing.assert_array_equal(reader.read(request), at_once)


def test_lost_pixels_are_named_where_they_are_stored(tmp_path: Path) -> None:
    pixels = {"A/1/0": np.ones((1, 1, 1, 32, 32), np.uint16)}
    plate = read_plate(write_plate(tmp_path / "p.zarr", pixels, ["a"], chunks=(1, 1, 1, 8, 8)))
    entries = [FovEntry(0, "u", plate.fovs["A/1/0"])]
    (entries[0].layout.array_path / "0/0/0/3/3").unlink()
    reader = PatchReader(entries, ["e"], [[0]], (0, 1), (4, 4), steps=np.full((1, 2), 2.0))
    reader.read(request_of([(0, 0, 8, 4)]))
    with pytest.raises(PixelReadError, match=r"experiment e.*A/1/0 frame 0.*y 23\.\.32, x 23\.\.32"):
        reader.read(request_of([(0, 0, 12, 12)]))
