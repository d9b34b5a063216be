"""Statistics as arrays, against the JSON that they come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynaclr.base.errors import DataError
from dynaclr.base.keys import STATISTICS, STATISTICS_LEVELS
from dynaclr.experiment.fovs import FovEntry
from dynaclr.experiment.plates import FovLayout
from dynaclr.images.statistics import NormTable, fov_statistics, sidecar_path, stored_statistics

FRAMES = (3, 2, 4)
NAMES = ("A/1/0", "A/1/1", "A/1/0")  # two FOVs of the first plate, one of the second
CHANNELS = (("Phase", "GFP"), ("mCherry", "BF"))


def levels(seed: int, frames: int) -> dict[str, Any]:
    """Return statistics with every number different."""
    rng = np.random.default_rng(seed)

    def one() -> dict[str, float]:
        return dict(zip(STATISTICS, rng.random(len(STATISTICS)).tolist(), strict=True))

    timepoints = {str(t): one() for t in range(frames)}
    return {"dataset_statistics": one(), "fov_statistics": one(), "timepoint_statistics": timepoints}


@pytest.fixture
def contents() -> list[dict[str, Any]]:
    """Return for each FOV {channel: levels} of its experiment's channels."""
    return [
        {
            channel: levels(10 * fov + place, FRAMES[fov])
            for place, channel in enumerate(CHANNELS[0 if fov < 2 else 1])
        }
        for fov in range(3)
    ]


def plates(tmp_path: Path) -> list[Path]:
    return [tmp_path / "one.zarr", tmp_path / "two.zarr"]


def entry(tmp_path: Path, fov: int, attributes: dict[str, Any]) -> FovEntry:
    experiment = 0 if fov < 2 else 1
    plate = plates(tmp_path)[experiment]
    path = plate / NAMES[fov]
    shape = (FRAMES[fov], 2, 1, 8, 8)
    return FovEntry(
        experiment,
        "u",
        FovLayout(NAMES[fov], plate, path, path / "0", "zarr", shape, "uint8", (1.0,) * 5, attributes),
    )


def beside(tmp_path: Path, fov: int, content: Any) -> None:
    path = fov_statistics(plates(tmp_path)[0 if fov < 2 else 1], NAMES[fov])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema": 2, "origin": {}, "normalization": content}))


def table_of(tmp_path: Path, own: list[Any]) -> NormTable:
    entries = [
        entry(tmp_path, k, {} if item is None else {"normalization": item}) for k, item in enumerate(own)
    ]
    return NormTable(entries, ["one", "two"], plates(tmp_path), CHANNELS)


@pytest.mark.parametrize("place", ["plate", "sidecar"])
def test_every_sample_gets_the_numbers_of_its_own_store_fov_frame_and_channel(
    tmp_path: Path, contents: list[dict[str, Any]], place: str
) -> None:
    if place == "sidecar":
        for fov, content in enumerate(contents):
            beside(tmp_path, fov, content)
    table = table_of(tmp_path, contents if place == "plate" else [None] * 3)
    assert table.missing == []
    fov = np.array([2, 0, 1, 1, 2, 0])
    t = np.array([3, 2, 0, 1, 0, 0])
    meta = table.lookup(fov, t)
    assert meta is not None
    for sample in range(fov.size):
        names = CHANNELS[0 if fov[sample] < 2 else 1]
        for c, channel in enumerate(names):
            stored = contents[fov[sample]][channel]
            for level in STATISTICS_LEVELS:
                wanted = stored[level] if level != "timepoint_statistics" else stored[level][str(t[sample])]
                for name in STATISTICS:
                    assert float(meta[level][name][sample, c]) == np.float32(wanted[name])


def test_what_the_plate_says_goes_before_the_sidecar(tmp_path: Path, contents: list[dict[str, Any]]) -> None:
    beside(tmp_path, 0, contents[0])
    own = {"Phase": {"fov_statistics": {"mean": -3.0}}}
    kept = stored_statistics(plates(tmp_path)[0], entry(tmp_path, 0, {"normalization": own}))
    stored, source = kept.statistics, kept.source
    assert stored is not None
    assert stored["Phase"]["fov_statistics"] == {**contents[0]["Phase"]["fov_statistics"], "mean": -3.0}
    assert stored["Phase"]["dataset_statistics"] == contents[0]["Phase"]["dataset_statistics"]
    assert stored["GFP"] == contents[0]["GFP"]
    assert "attributes" in source
    assert str(sidecar_path(plates(tmp_path)[0])) in source


def test_fovs_without_statistics_are_nan_among_others_and_none_alone(
    tmp_path: Path, contents: list[dict[str, Any]]
) -> None:
    table = table_of(tmp_path, [contents[0], None, None])
    assert table.missing == ["one/A/1/1", "two/A/1/0"]
    assert table.available("fov_statistics", "mean").tolist() == [True, False, False]
    assert table.available("timepoint_statistics", "p99").tolist() == [True, False, False]
    meta = table.lookup(np.array([0, 2]), np.array([0, 0]))
    assert meta is not None
    assert meta["fov_statistics"]["mean"].isnan().all(dim=1).tolist() == [False, True]
    nothing = table_of(tmp_path, [None] * 3)
    assert nothing.lookup(np.array([0]), np.array([0])) is None
    assert len(nothing.missing) == 3


def test_a_frame_a_level_or_a_statistic_that_is_not_there(
    tmp_path: Path, contents: list[dict[str, Any]]
) -> None:
    del contents[0]["GFP"]["timepoint_statistics"]["2"]
    del contents[1]["Phase"]["fov_statistics"]
    del contents[2]["BF"]["dataset_statistics"]["iqr"]
    table = table_of(tmp_path, contents)
    assert table.available("timepoint_statistics", "mean").tolist() == [False, True, True]
    assert table.available("fov_statistics", "mean").tolist() == [True, False, True]
    assert table.available("dataset_statistics", "iqr").tolist() == [True, True, False]
    assert table.available("dataset_statistics", "std").tolist() == [True, True, True]


def test_a_channel_that_was_not_computed_yet_is_lacking_and_a_renamed_one_is_an_error(
    tmp_path: Path, contents: list[dict[str, Any]]
) -> None:
    for fov, content in enumerate(contents):
        beside(tmp_path, fov, content)
    beside(tmp_path, 1, {"GFP": contents[1]["GFP"]})
    table = table_of(tmp_path, [None] * 3)
    assert table.available("fov_statistics", "mean").tolist() == [True, False, True]
    renamed = {"Phase": contents[0]["Phase"], "GFP_old": contents[0]["GFP"]}
    with pytest.raises(
        DataError, match=r"experiment one, file .*A/1/0, field GFP: channel has no statistics"
    ):
        NormTable(
            [entry(tmp_path / "elsewhere", 0, {"normalization": renamed})],
            ["one", "two"],
            plates(tmp_path / "elsewhere"),
            CHANNELS,
        )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "5", True, [1]])
def test_values_that_are_no_numbers_are_named_all_at_once(
    tmp_path: Path, contents: list[dict[str, Any]], value: Any
) -> None:
    contents[0]["GFP"]["fov_statistics"]["mean"] = value
    contents[2]["BF"]["timepoint_statistics"]["3"]["p5"] = value
    with pytest.raises(
        DataError,
        match=r"2 problems[\s\S]*GFP\.fov_statistics\.mean[\s\S]*two[\s\S]*BF\.timepoint_statistics\.3\.p5",
    ):
        table_of(tmp_path, contents)


def test_a_deviation_of_zero_is_a_statistic(tmp_path: Path, contents: list[dict[str, Any]]) -> None:
    contents[0]["GFP"]["fov_statistics"]["std"] = 0.0
    table = table_of(tmp_path, contents)
    assert table.available("fov_statistics", "std").all()
