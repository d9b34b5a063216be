"""Arrays that are whole, and arrays that have lost something, read by both policies."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.loaded import Loaded

from dynaclr.base.cores import cpu_limit
from dynaclr.base.errors import ConfigError, PixelReadError
from dynaclr.experiment.plates import FovLayout, read_plate
from dynaclr.images.plate_writer import write_plate
from dynaclr.images.stores import HandleCache, chunk_files, is_complete, make_context, open_array

SHAPE = (5, 3, 2, 20, 24)  # (T, C, Z, Y, X)
PIXELS = np.random.default_rng(0).integers(1, 2000, SHAPE, dtype=np.uint16)
FORMS: dict[str, dict[str, Any]] = {
    "zarr2": {},
    "zarr2-ragged": {"chunks": (2, 2, 1, 8, 8)},
    "zarr3": {"version": "0.5", "chunks": (1, 1, 1, 8, 8)},
    "shards": {"version": "0.5", "chunks": (1, 1, 1, 4, 4), "shards": (2, 1, 2, 20, 12)},
}


@pytest.fixture(scope="module", params=FORMS)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plate of each form, written once; never changed by a test."""
    path = tmp_path_factory.mktemp("stores") / "p.zarr"
    return write_plate(path, {"A/1/0": PIXELS}, ["a", "b", "c"], **FORMS[request.param])


@pytest.fixture
def layout(written: Path, tmp_path: Path) -> FovLayout:
    """The field of view of a copy that a test may damage."""
    return read_plate(Path(shutil.copytree(written, tmp_path / "p.zarr"))).fovs["A/1/0"]


def stored_files(layout: FovLayout) -> set[str]:
    found = {path.relative_to(layout.array_path).as_posix() for path in layout.array_path.rglob("*")}
    return {name for name in found if (layout.array_path / name).is_file()} - {
        ".zarray",
        ".zattrs",
        "zarr.json",
    }


def opened(layout: FovLayout, zeros: bool) -> Any:
    return open_array(layout, make_context(0), zeros_for_missing=zeros)


def test_chunk_files_are_those_on_disk(layout: FovLayout) -> None:
    assert set(chunk_files(layout, range(3), (0, 2))) == stored_files(layout)


def test_chunk_files_of_channels_and_slices_are_all_that_these_need(layout: FovLayout) -> None:
    needed = set(chunk_files(layout, [2], (1, 2)))
    for name in stored_files(layout) - needed:
        (layout.array_path / name).unlink()
    part = opened(layout, zeros=False)[:, 2, 1]
    assert is_complete(part)
    assert np.array_equal(part.read().result(), PIXELS[:, 2, 1])
    if len(needed) > 1:
        (layout.array_path / sorted(needed)[-1]).unlink()
        assert not is_complete(part)


@pytest.mark.parametrize("key", ["dots", "v2 dots", "c.dots"])
def test_chunk_files_of_other_separators(tmp_path: Path, key: str) -> None:
    if key == "dots":
        metadata: dict[str, Any] = {"chunks": [1, 1, 2, 20, 24]}
        driver, name, expected = "zarr", ".zarray", "1.0.0.0.0"
    else:
        encoding = {"name": "v2"} if key.startswith("v2") else {"name": "default"}
        if key == "c.dots":
            encoding["configuration"] = {"separator": "."}  # type: ignore[assignment]
        grid = {"name": "regular", "configuration": {"chunk_shape": [1, 1, 2, 20, 24]}}
        metadata = {"chunk_grid": grid, "chunk_key_encoding": encoding}
        driver, name = "zarr3", "zarr.json"
        expected = "c.1.0.0.0.0" if key == "c.dots" else "1.0.0.0.0"
    (tmp_path / name).write_text(json.dumps(metadata))
    layout = FovLayout(
        "A/1/0", tmp_path, tmp_path, tmp_path, driver, (2, 1, 2, 20, 24), "uint16", (1.0,) * 5, {}
    )
    assert chunk_files(layout, [0], (0, 2))[1] == expected


@pytest.mark.parametrize("zeros", [True, False])
def test_a_missing_chunk_is_zeros_or_an_error(layout: FovLayout, zeros: bool) -> None:
    lost = chunk_files(layout, [1], (0, 1))[-1]
    (layout.array_path / lost).unlink()
    array = opened(layout, zeros)
    assert not is_complete(array[4, 1])
    assert is_complete(array[0, 1])
    assert np.array_equal(array[0].read().result(), PIXELS[0])
    if zeros:
        assert (array[4, 1].read().result() == 0).any()
    else:
        with pytest.raises(ValueError, match="missing"):
            array[4, 1].read().result()


@pytest.mark.parametrize("zeros", [True, False])
@pytest.mark.parametrize("damage", ["cut", "empty", "noise"])
def test_a_damaged_chunk_is_an_error_whatever_the_policy(layout: FovLayout, zeros: bool, damage: str) -> None:
    file = layout.array_path / chunk_files(layout, [1], (0, 1))[-1]
    content = file.read_bytes()
    file.write_bytes(
        {"cut": content[: len(content) // 2], "empty": b"", "noise": bytes(len(content))}[damage]
    )
    array = opened(layout, zeros)
    assert np.array_equal(array[0].read().result(), PIXELS[0])
    with pytest.raises(ValueError, match=r"[Ee]rror|DATA_LOSS|INVALID|OUT_OF_RANGE|FAILED"):
        array[4, 1].read().result()


@pytest.mark.parametrize("zeros", [True, False])
@pytest.mark.parametrize("lost", ["array", "position", "plate"])
def test_a_deleted_store_is_an_error_whatever_the_policy(layout: FovLayout, zeros: bool, lost: str) -> None:
    array = opened(layout, zeros)
    assert np.array_equal(array[3].read().result(), PIXELS[3])
    shutil.rmtree(
        {"array": layout.array_path, "position": layout.path, "plate": layout.path.parents[3]}[lost]
    )
    with pytest.raises(ValueError, match="missing|does not exist"):
        array[2].read().result()
    with pytest.raises(PixelReadError, match=r"row A/1/0: array cannot be opened"):
        opened(layout, zeros)


def test_metadata_that_cannot_be_read(layout: FovLayout) -> None:
    (layout.array_path / ("zarr.json" if layout.driver == "zarr3" else ".zarray")).write_text("{")
    with pytest.raises(PixelReadError, match=r"A/1/0/0, row A/1/0: array cannot be opened"):
        opened(layout, False)


class Opened:
    """Counts which codes were opened."""

    def __init__(self) -> None:
        self.codes: list[int] = []

    def __call__(self, code: int) -> str:
        self.codes.append(code)
        return f"array {code}"


def test_handles_are_kept_and_the_least_recently_used_goes() -> None:
    source = Opened()
    cache = HandleCache(source, limit=2)
    for code in (1, 2, 1, 3, 1, 2):
        assert cache.get(code) == f"array {code}"
    assert source.codes == [1, 2, 3, 2]
    assert len(cache) == 2
    copied = pickle.loads(pickle.dumps(cache))
    assert len(copied) == 0
    assert copied.get(5) == "array 5"


def test_handles_can_be_asked_for_by_many_threads(layout: FovLayout) -> None:
    context = make_context(0)
    cache = HandleCache(lambda code: open_array(layout, context, zeros_for_missing=False)[code], limit=3)
    wrong: list[int] = []

    def work(seed: int) -> None:
        for code in np.random.default_rng(seed).integers(0, 5, 30).tolist():
            if not np.array_equal(cache.get(code).read().result(), PIXELS[code]):
                wrong.append(code)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(cache) <= 3


def test_handles_do_not_pass_into_a_forked_process(tmp_path: Path, loaded: Loaded) -> None:
    code = """
        import os
        from dynaclr.images.stores import HandleCache
        opened = []
        cache = HandleCache(lambda code: opened.append(code) or code)
        cache.get(7)
        child = os.fork()
        if not child:
            cache.get(7)
            os._exit(len(opened))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    done = loaded.run(tmp_path, code=code)
    assert done.stdout.strip() == "2", done.stderr


def test_slurm_limits_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    assert cpu_limit() == 3
    for text in ("0", "-1", "two", "1.5"):
        monkeypatch.setenv("SLURM_CPUS_PER_TASK", text)
        with pytest.raises(ConfigError, match=f"SLURM_CPUS_PER_TASK.*{text}"):
            cpu_limit()
    monkeypatch.delenv("SLURM_CPUS_PER_TASK")
    assert 1 <= cpu_limit() <= (os.cpu_count() or 1)
