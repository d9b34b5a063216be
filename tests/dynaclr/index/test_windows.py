"""Slices of each experiment: its own, fixed, or around the focus; and what of it the report says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.scenes import SHARP, write_scenes

from dynaclr.base.errors import ConfigError
from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import IndexOptions, MultiExperimentIndex, ReadingOptions, frame_slices, patch_scale

PIXELS = {"deep": (0.5, 0.5), "thin": (0.5, 0.5)}
DEPTH = {"deep": 9, "thin": 4}


def index_of(
    path: Path, z_range: tuple[int, int], cache: Path | None = None, **reading: Any
) -> MultiExperimentIndex:
    options = IndexOptions(cache_dir=cache)
    registry = ExperimentRegistry.from_yaml(path)
    reading_options = ReadingOptions(**reading)
    return MultiExperimentIndex(
        registry, z_range, (16, 16), (0.5, 1.0), options=options, reading=reading_options
    )


def with_ranges(path: Path, **ranges: list[int]) -> Path:
    content = yaml.safe_load(path.read_text())
    for entry in content["experiments"]:
        if entry["name"] in ranges:
            entry["z_range"] = ranges[entry["name"]]
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    return write_scenes(tmp_path, PIXELS, DEPTH)


def test_an_experiment_may_have_slices_of_its_own(scenes: Path) -> None:
    index = index_of(with_ranges(scenes, deep=[6, 8]), (1, 3))
    assert [index.slices.window(fov, 0) for fov in (0, 1)] == [(6, 8), (1, 3)]
    checks = [item.checks[0] for item in index.report.experiments]
    assert checks == ["Z 6..8 lies within depth [9]", "Z 1..3 lies within depth [4]"]
    with pytest.raises(
        ConfigError, match=r"experiment thin.*Z range exceeds the stack.*within 0\.\.4.*found 3\.\.5"
    ):
        index_of(with_ranges(scenes, thin=[3, 5]), (1, 3))


def test_numbers_of_slices_may_differ_only_where_one_is_made_of_them(scenes: Path) -> None:
    path = with_ranges(scenes, deep=[2, 7])
    message = r"experiment deep.*z_range.*different numbers.*2 slices.*found 5 slices \[2, 7\].*z_projection"
    with pytest.raises(ConfigError, match=message):
        index_of(path, (1, 3))
    index = index_of(path, (1, 3), z_projection="max")
    assert index.slices.depth == 1
    checks = [item.checks[0] for item in index.report.experiments]
    assert checks == [
        "Z 2..7 (max of 5 slices) lies within depth [9]",
        "Z 1..3 (max of 2 slices) lies within depth [4]",
    ]


def test_slices_follow_the_focus_of_each_frame(tmp_path: Path) -> None:
    path = write_scenes(tmp_path, {"deep": (0.5, 0.5)}, 9)
    told: list[tuple[int, int]] = []
    registry = ExperimentRegistry.from_yaml(path)
    reading = ReadingOptions(z_window="focus")
    index = MultiExperimentIndex(
        registry, (5, 8), (16, 16), (0.5, 1.0), reading=reading, progress=lambda *done: told.append(done)
    )
    assert index.slices.first[0].tolist() == [z - 1 for z in SHARP]
    assert told == [(1, 1)]
    line = "Z 0..8: 3 slices around the focus (measured), most often 0..3, lies within depth [9]"
    assert index.report.experiments[0].checks[0] == line
    assert frame_slices(index, 0, 3) == "slices 4..7 around the focus (measured)"
    with pytest.raises(ConfigError, match=r"exceeds the stack.*within 0\.\.9.*found 0\.\.10"):
        index_of(path, (0, 10), z_window="focus")


def test_an_experiment_with_slices_of_its_own_keeps_them(scenes: Path) -> None:
    index = index_of(with_ranges(scenes, thin=[0, 3]), (0, 3), z_window="focus", z_projection="mean")
    assert index.slices.first[0].tolist() == [z - 1 for z in SHARP]
    assert index.slices.first[1].tolist() == [0] * len(SHARP)
    assert frame_slices(index, 1, 0) == "slices 0..3, mean projection"
    assert not (scenes.parent / "thin.zarr.statistics").exists()  # nothing is measured that nobody needs


def test_the_cache_is_of_these_slices_and_this_scale(tmp_path: Path) -> None:
    path, cache = write_scenes(tmp_path / "data", {"deep": (0.5, 0.5)}, 9), tmp_path / "cache"
    index_of(path, (0, 3), cache)
    for reading in ({"z_window": "focus"}, {"yx_patch_um": (10, 8)}, {"yx_patch_um": (12, 12)}):
        before = len(list(cache.iterdir()))
        index_of(path, (0, 3), cache, **reading)
        assert len(list(cache.iterdir())) == before + 1
        index_of(path, (0, 3), cache, **reading)
        assert len(list(cache.iterdir())) == before + 1
    before = len(list(cache.iterdir()))
    index_of(with_ranges(path, deep=[4, 7]), (0, 3), cache)
    assert len(list(cache.iterdir())) == before + 1


def test_what_is_said_of_the_scale(tmp_path: Path) -> None:
    path = write_scenes(tmp_path, {"fine": (0.25, 0.25), "coarse": (0.5, 0.5), "flat": (0.5, 0.25)})
    with pytest.warns(UserWarning, match=r"pixel sizes differ.*Set yx_patch_um to resample them to one"):
        assert patch_scale(index_of(path, (0, 1)), 0) == " = 4 x 4 um"
    index = index_of(path, (0, 1), yx_patch_um=(8, 8))  # no warning: they are one now
    checks = [item.checks[1] for item in index.report.experiments]
    assert checks == [
        f"patch 16 x 16 px = 8 x 8 um{how} lies within every image"
        for how in (
            ", resampled by 0.5 from 32 x 32 px of 0.25 x 0.25 um",
            "",
            ", resampled by 1 x 0.5 from 16 x 32 px of 0.5 x 0.25 um",
        )
    ]
    with pytest.warns(UserWarning, match="patches are enlarged") as given:
        index_of(path, (0, 1), yx_patch_um=(0.4, 0.4))
    assert re.search(
        "experiment fine, field yx_patch_um: patches are enlarged 10 times", str(given[0].message)
    )
    assert len(given) == 3
    with pytest.raises(
        ConfigError, match=r"patch is larger than the image.*at most 15 x 15 px.*found 16 x 16 px"
    ):
        index_of(path, (0, 1), yx_patch_um=(33, 33))
    content = yaml.safe_load(path.read_text())
    content["experiments"][0]["pixel_size_um"] = 0.3
    path.write_text(yaml.safe_dump(content))
    message = (
        r"pixel_size_um differs from the plate in 1 FOVs; expected 0\.25 x 0\.25 um .*found 0\.3 x 0\.3 um"
    )
    with pytest.warns(UserWarning, match=message):
        index = index_of(path, (0, 1), yx_patch_um=(8, 8))
    assert index.fov_step_yx[0, 0] == pytest.approx(0.5 / 0.3)
