"""The cache of the index is used when nothing changed, and never when something did."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from dynaclr.experiment import ExperimentRegistry
from dynaclr.images.plate_writer import write_plate
from dynaclr.index import MultiExperimentIndex
from dynaclr.index.options import IndexOptions
from dynaclr.testing import write_coded_experiments, write_experiments_yaml, write_tracks
from dynaclr.tracks import TrackPolicy

LAYOUTS: list[Any] = [
    pytest.param({}, "{t}/{c}/0/0/0", id="zarr2"),
    pytest.param({"chunks": (1, 1, 1, 16, 16)}, "{t}/{c}/1/0/3", id="zarr2-small-chunks"),
    pytest.param({"version": "0.5"}, "c/{t}/{c}/0/0/0", id="zarr3"),
    pytest.param(
        {"version": "0.5", "chunks": (1, 1, 1, 16, 16), "shards": (1, 1, 3, 48, 64)},
        "c/{t}/{c}/0/0/0",
        id="zarr3-shards",
    ),
]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def cached_index(path: Path, cache: Path, **options: Any) -> MultiExperimentIndex:
    registry = ExperimentRegistry.from_yaml(path)
    return MultiExperimentIndex(
        registry, (0, 2), (16, 16), (0.5, 1.0), options=IndexOptions(cache_dir=cache, **options)
    )


def blank(index: MultiExperimentIndex) -> int:
    return sum(item.lost["blank"] for item in index.report.experiments)


def array_of(path: Path) -> Path:
    return path.parent / "coded0.zarr" / "A" / "1" / "0" / "0"


@pytest.mark.parametrize(("options", "chunk"), LAYOUTS)
def test_a_chunk_that_is_lost_and_comes_back_is_noticed(
    tmp_path: Path, cache: Path, options: dict[str, Any], chunk: str
) -> None:
    path = write_coded_experiments(tmp_path / "data", n_experiments=1, **options)
    file = array_of(path) / chunk.format(t=5, c=1)
    content, times = file.read_bytes(), file.stat()
    assert blank(cached_index(path, cache)) == 0
    file.unlink()
    assert blank(cached_index(path, cache)) > 0
    file.write_bytes(content)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert blank(cached_index(path, cache)) == 0


def long_recording(folder: Path, frames: int) -> Path:
    """Two cells that stay where they are, on pixels that are all 1."""
    pixels = {"A/1/0": np.ones((frames, 1, 2, 32, 32), dtype=np.uint8)}
    write_plate(folder / "long.zarr", pixels, ["a"])
    cells = pd.DataFrame([(k, t, 8 + 8 * k, 16) for k in (0, 1) for t in range(frames)])
    write_tracks(folder / "long.tracks", {"A/1/0": cells.set_axis(["track_id", "t", "y", "x"], axis=1)})
    entry = {"name": "long", "data_path": "long.zarr", "tracks_path": "long.tracks", "channel_names": ["a"]}
    entry |= {"source_channel": ["a"], "condition_wells": {"all": ["A/1"]}}
    return write_experiments_yaml(folder / "experiments.yaml", [entry])


@pytest.mark.parametrize("t", [0, 64, 99])
def test_every_frame_of_a_long_recording_counts(tmp_path: Path, cache: Path, t: int) -> None:
    path = long_recording(tmp_path, 100)
    assert blank(cached_index(path, cache)) == 0
    (tmp_path / "long.zarr" / "A" / "1" / "0" / "0" / str(t) / "0" / "0" / "0" / "0").unlink()
    assert blank(cached_index(path, cache)) == 2


def test_chunks_that_nobody_reads_do_not_spoil_the_cache(coded: Path, cache: Path) -> None:
    cached_index(coded, cache)
    (array_of(coded) / "3" / "2" / "0" / "0" / "0").unlink()  # a channel that is not trained on
    cached_index(coded, cache)
    assert len(list(cache.iterdir())) == 1


def test_with_zeros_for_missing_chunks_the_store_does_not_matter(coded: Path, cache: Path) -> None:
    cached_index(coded, cache, missing_chunks="zeros")
    (array_of(coded) / "3" / "1" / "0" / "0" / "0").unlink()
    assert blank(cached_index(coded, cache, missing_chunks="zeros")) == 0
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda entry: entry.update(interval_minutes=15.0),
            marks=pytest.mark.filterwarnings("ignore:.*interval_minutes differs from the time axis"),
        ),
        lambda entry: entry.update(source_channel=["GFP", "Extra"]),
        lambda entry: entry.update(name="other"),
    ],
)
def test_another_description_is_another_entry(coded: Path, cache: Path, change: Any) -> None:
    cached_index(coded, cache)
    content = yaml.safe_load(coded.read_text())
    change(content["experiments"][0])
    coded.write_text(yaml.safe_dump(content))
    cached_index(coded, cache)
    assert len(list(cache.iterdir())) == 2


OTHERS: list[dict[str, Any]] = [
    {"z_range": (0, 1)},
    {"yx_patch_size": (24, 16)},
    {"tau_range_hours": (0.5, 1.5)},
    {"exclude_fovs": ["coded1/A/1/0"]},
    {"options": {"relation": "track"}},
    {"options": {"missing_chunks": "error"}},
    {"options": {"tracks": TrackPolicy(duplicates="drop")}},
]


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_other_options_are_another_entry(coded_source: Path, cache: Path, other: dict[str, Any]) -> None:
    """And what comes from the cache is what would be built without one."""
    cached_index(coded_source, cache)
    arguments = {"z_range": (0, 2), "yx_patch_size": (16, 16), "tau_range_hours": (0.5, 1.0), **other}
    options = arguments.pop("options", {})
    registry = ExperimentRegistry.from_yaml(coded_source)
    with_cache = IndexOptions(cache_dir=cache, **options)
    made = [MultiExperimentIndex(registry, **arguments, options=with_cache) for _ in range(2)]
    assert len(list(cache.iterdir())) == 2
    plain = MultiExperimentIndex(registry, **arguments, options=IndexOptions(**options))
    for index in made:
        assert np.array_equal(index.exclusion, plain.exclusion)
        assert index.report.text() == plain.report.text()


def damaged(content: bytes, damage: str) -> bytes:
    rng = random.Random(damage)
    if damage.startswith("cut"):
        return content[: int(len(content) * float(damage.removeprefix("cut")))]
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :]


@pytest.mark.parametrize("damage", ["cut0", "cut0.001", "cut0.3", "cut0.999", *(f"bit{k}" for k in range(6))])
def test_a_damaged_cache_is_built_again(coded_source: Path, cache: Path, damage: str) -> None:
    first = cached_index(coded_source, cache)
    (file,) = cache.iterdir()
    content = file.read_bytes()
    file.write_bytes(damaged(content, damage))
    again = cached_index(coded_source, cache)
    assert again.report.text() == first.report.text()
    assert np.array_equal(again.table.frame_key, first.table.frame_key)
    assert np.array_equal(again.exclusion, first.exclusion)
    assert file.read_bytes() == content


def test_what_comes_from_the_cache_is_what_was_built(coded_source: Path, cache: Path) -> None:
    built, cached = (cached_index(coded_source, cache) for _ in range(2))
    for name in built.table.__dataclass_fields__:
        mine, other = getattr(built.table, name), getattr(cached.table, name)
        if name == "forest":
            assert all(np.array_equal(getattr(mine, k), getattr(other, k)) for k in mine.__slots__)
        elif name == "extra":
            assert {k: v.tolist() for k, v in mine.items()} == {k: v.tolist() for k, v in other.items()}
        else:
            assert np.array_equal(mine, other), name
            assert mine.dtype == other.dtype
    assert np.array_equal(built.anchor_rows, cached.anchor_rows)
    assert built.report.to_dict() == cached.report.to_dict()
