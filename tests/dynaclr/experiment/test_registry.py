from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.base.yaml_reader import load_yaml
from dynaclr.experiment import ExperimentConfig, ExperimentRegistry


def edited(path: Path, change: Callable[[list[dict[str, Any]]], None]) -> Path:
    content = yaml.safe_load(path.read_text())
    change(content["experiments"])
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def test_channels_are_aligned_by_position(coded_source: Path) -> None:
    registry = ExperimentRegistry.from_yaml(coded_source)
    assert registry.num_source_channels == 2
    assert registry.channel_maps == {"coded0": {0: 0, 1: 1}, "coded1": {0: 2, 1: 0}}
    assert registry.get_experiment("coded1").interval_minutes == 15.0
    with pytest.raises(KeyError, match=r"no experiment 'codded1'; there are coded0, coded1"):
        registry.get_experiment("codded1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda e: e[0].update(source_channel=["Phase", "GPF"]),
            r"experiment coded0.*'GPF'.*Did you mean 'GFP'",
        ),
        (
            lambda e: e[0].update(source_channel=["Phase"]),
            r"experiment coded1.*different numbers of source channels",
        ),
        (
            lambda e: e[0].update(channel_names=["Phase", "GFP", "Other"]),
            r"channel_names differ.*Extra.*Other",
        ),
        (lambda e: e[0].update(source_channel=["Phase", "Phase"]), "duplicate channel"),
        (lambda e: e[0].update(interval_minutes=0), r"interval_minutes.*> 0 minutes.*found 0"),
        (lambda e: e[0].update(interval_minutes=float("nan")), r"interval_minutes.*finite number"),
        (lambda e: e[0].update(interval_minutes="soon"), r"interval_minutes.*'soon'"),
        (lambda e: e[0].update(condition_wells={}), "no condition"),
        (
            lambda e: e[0].update(condition_wells={"u": ["A/1"], "i": ["A/1"]}),
            "a well is in two conditions.*A/1",
        ),
        (
            lambda e: e[0].update(condition_wells={"u": ["C/7"], "i": ["C/8"]}),
            r"no well of the conditions is on the plate.*some of A/1, B/1.*C/7 \('u'\), C/8 \('i'\)",
        ),
        (lambda e: e[0].update(name="coded1"), "duplicate experiment name"),
        (lambda e: e[0].update(name="Coded1"), "duplicate experiment name"),
        (lambda e: e[0].update(name="../evil"), "name cannot be used"),
        (lambda e: e[0].update(intervall_minutes=3), "unknown field.*Did you mean 'interval_minutes'"),
        (lambda e: e[0].pop("tracks_path"), r"line 2.*missing field|missing field"),
        (lambda e: e[0].update(organelle=False), "not text"),
    ],
)
def test_wrong_fields_are_named(coded: Path, change: Callable[[Any], None], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ExperimentRegistry.from_yaml(edited(coded, change))


def test_all_problems_of_a_file_are_told_together(coded: Path) -> None:
    def change(entries: list[dict[str, Any]]) -> None:
        entries[0].update(interval_minutes=-1)
        entries[1].update(moi="high")

    with pytest.raises(ConfigError, match=r"2 problems[\s\S]*interval_minutes[\s\S]*moi"):
        ExperimentRegistry.from_yaml(edited(coded, change))


def test_plates_that_are_none(coded: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="data_path does not exist"):
        ExperimentRegistry.from_yaml(edited(coded, lambda e: e[0].update(data_path="nowhere.zarr")))
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(DataError, match=r"not an OME-Zarr plate or image.*found no metadata"):
        ExperimentRegistry.from_yaml(
            edited(coded, lambda e: e[0].update(data_path=str(tmp_path / "empty.zarr")))
        )
    with pytest.raises(DataError, match="a well of a plate"):
        ExperimentRegistry.from_yaml(edited(coded, lambda e: e[0].update(data_path="coded0.zarr/A/1")))


def test_one_experiment_twice(coded_source: Path) -> None:
    config = ExperimentRegistry.from_yaml(coded_source).experiments[0]
    with pytest.raises(ConfigError, match="duplicate experiment name"):
        ExperimentRegistry([config, config])


def test_no_experiments() -> None:
    with pytest.raises(ConfigError, match="no experiments"):
        ExperimentRegistry([])


def test_tau_in_frames(coded_source: Path) -> None:
    registry = ExperimentRegistry.from_yaml(coded_source)
    assert registry.tau_range_frames("coded0", (0.5, 2.0)) == (1, 4)
    assert registry.tau_range_frames("coded1", (0.5, 2.0)) == (2, 8)
    with pytest.warns(UserWarning, match="single frame count"):
        assert registry.tau_range_frames("coded0", (0.25, 0.25)) == (1, 1)
    with pytest.raises(ConfigError, match=r"shorter than one frame.*0-0 frames at 30 min"):
        registry.tau_range_frames("coded0", (0.0, 0.1))
    with pytest.raises(ConfigError, match="tau range cannot be used"):
        registry.tau_range_frames("coded0", (2.0, 1.0))


def test_subset_keeps_order(coded_source: Path) -> None:
    registry = ExperimentRegistry.from_yaml(coded_source)
    assert registry.subset(["coded1"]).names == ("coded1",)
    with pytest.raises(KeyError):
        registry.subset(["coded7"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "an empty file"),
        (b"- a\n- b\n", "the top must be a mapping.*list"),
        (b"experiments:\n\t- name: a\n", "line 2"),
        (b"experiments: []\nexperiments: []\n", "'experiments' is duplicated, on lines 1 and 2"),
        (b"experiments:\n  - name: \xff\n", "line 2 is not UTF-8.*0xff"),
        (b"a: !!python/object/apply:os.system ['true']\n", "not valid YAML at line 1"),
        (b"a: [1, 2\n", "not valid YAML"),
    ],
)
def test_broken_yaml_names_the_line(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "experiments.yaml"
    path.write_bytes(text)
    with pytest.raises(ConfigError, match=message):
        load_yaml(path)


@pytest.mark.timeout(30)
def test_an_alias_bomb_is_refused_quickly(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 10)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="aliases expand"):
        load_yaml(path)


def test_a_config_made_in_code_is_checked_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a list of names"):
        ExperimentConfig("a", tmp_path, tmp_path, "Phase", ["Phase"], {"u": ["A/1"]})


def test_a_well_that_the_plate_lacks_is_told_and_the_others_are_used(coded: Path) -> None:
    path = edited(coded, lambda e: e[0].update(condition_wells={"u": ["A/1", "C/7"], "i": ["B/1"]}))
    with pytest.warns(UserWarning, match=r"experiment coded0.*not on the plate.*found C/7 \('u'\)"):
        registry = ExperimentRegistry.from_yaml(path)
    assert registry.get_experiment("coded0").condition_of("A/1") == "u"


def test_a_config_gives_back_what_it_was_given(coded_source: Path, tmp_path: Path) -> None:
    given = {
        "name": "a",
        "data_path": str(coded_source.parent / "coded0.zarr"),
        "tracks_path": f"{coded_source.parent}/coded0.tracks/",
        "channel_names": ["Phase", "GFP", "Extra"],
        "source_channel": ["Phase", "GFP"],
        "condition_wells": {"u": ["A/1"]},
        "interval_minutes": 30.0,
        "start_hpi": 0.0,
        "organelle": "",
        "date": "2024-01-31",
        "moi": 0.5,
    }
    config = ExperimentConfig(**given)
    assert {name: getattr(config, name) for name in given} == asdict(config) == given
    path = tmp_path / "experiments.yaml"
    path.write_text(yaml.safe_dump({"experiments": [asdict(config)]}), encoding="utf-8")
    registry = ExperimentRegistry.from_yaml(path)
    assert registry.experiments == (config,)
    assert registry.experiments[0].line_in_file == 2
    assert replace(registry.experiments[0], name="b") == ExperimentConfig(**given | {"name": "b"})


def test_relative_paths_are_relative_to_the_file(coded_source: Path) -> None:
    config = ExperimentRegistry.from_yaml(coded_source).experiments[0]
    assert config.data_path == str(coded_source.parent / "coded0.zarr")
    assert config.plate_path == coded_source.parent / "coded0.zarr"
    assert config.tracks_root == coded_source.parent / "coded0.tracks"
