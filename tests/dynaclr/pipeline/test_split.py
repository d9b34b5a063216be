"""What trains and what validates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dynaclr.base.errors import ConfigError
from dynaclr.experiment import ExperimentRegistry
from dynaclr.experiment.fovs import known_names, select_fovs
from dynaclr.images.plate_writer import write_plate
from dynaclr.pipeline.config import DataConfig, SplitConfig
from dynaclr.pipeline.split import Part, split_fovs

CONDITIONS = {"mock": ["A/1"], "virus": ["B/1"], "single": ["C/1"]}
COUNTS = {"A/1": 8, "B/1": 4, "C/1": 1}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> ExperimentRegistry:
    """Two experiments of 8, 4 and 1 fields of view in three conditions."""
    folder = tmp_path_factory.mktemp("split")
    names = [f"{well}/{k}" for well, count in COUNTS.items() for k in range(count)]
    entries = []
    for name in ("one", "two"):
        pixels = dict.fromkeys(names, np.ones((1, 1, 1, 8, 8), dtype=np.uint8))
        write_plate(folder / f"{name}.zarr", pixels, ["a"])
        entry = {"name": name, "data_path": f"{name}.zarr", "tracks_path": "t", "channel_names": ["a"]}
        entries.append({**entry, "source_channel": ["a"], "condition_wells": CONDITIONS})
    (folder / "experiments.yaml").write_text(yaml.safe_dump({"experiments": entries}))
    return ExperimentRegistry.from_yaml(folder / "experiments.yaml")


def data(**options: Any) -> DataConfig:
    return DataConfig(Path("unused"), (0, 1), (8, 8), **options)


def fovs_of(part: Part, config: DataConfig) -> set[str]:
    """Return the FOVs that an index of this part would use."""
    registry, excluded = part
    entries, _ = select_fovs(
        registry, known_names(registry, config.include_wells), known_names(registry, excluded)
    )
    return {f"{registry.names[entry.experiment]}/{entry.layout.name}" for entry in entries}


def parts(registry: ExperimentRegistry, config: DataConfig, split: SplitConfig, seed: int = 0) -> Any:
    train, val = split_fovs(registry, config, split, seed)
    return fovs_of(train, config), None if val is None else fovs_of(val, config)


def by_group(names: set[str]) -> dict[str, int]:
    groups: dict[str, int] = {}
    for name in names:
        group = name.rpartition("/")[0]
        groups[group] = groups.get(group, 0) + 1
    return groups


@pytest.mark.parametrize(
    ("fraction", "held"),
    [(0.25, {"A/1": 2, "B/1": 1}), (0.01, {"A/1": 1, "B/1": 1}), (0.99, {"A/1": 7, "B/1": 3})],
)
def test_every_condition_gives_its_share_and_keeps_some(
    registry: ExperimentRegistry, fraction: float, held: dict[str, int]
) -> None:
    train, val = parts(registry, data(), SplitConfig((), fraction))
    assert not train & val
    assert len(train | val) == 26
    wanted = {f"{name}/{well}": count for name in ("one", "two") for well, count in held.items()}
    assert by_group(val) == wanted  # a condition of one FOV trains


def test_the_draw_is_that_of_the_seed(registry: ExperimentRegistry) -> None:
    draws = [parts(registry, data(), SplitConfig((), 0.5), seed)[1] for seed in (0, 0, 1, 2)]
    assert draws[0] == draws[1]
    assert len({frozenset(draw) for draw in draws}) == 3
    seen = [parts(registry, data(), SplitConfig((), 0.25), seed)[1] for seed in range(40)]
    assert set().union(*seen) == {
        f"{name}/{well}/{k}"
        for name in ("one", "two")
        for well in ("A/1", "B/1")
        for k in range(COUNTS[well])
    }


def test_whole_experiments_and_a_fraction_of_the_rest(registry: ExperimentRegistry) -> None:
    train, val = parts(registry, data(), SplitConfig(("two",), 0.25))
    assert {name.split("/")[0] for name in train} == {"one"}
    assert {name for name in val if name.startswith("two/")} == {
        f"two/{well}/{k}" for well, count in COUNTS.items() for k in range(count)
    }
    assert by_group({name for name in val if name.startswith("one/")}) == {"one/A/1": 2, "one/B/1": 1}
    assert not train & val


def test_only_experiments(registry: ExperimentRegistry) -> None:
    train, val = parts(registry, data(), SplitConfig(("two", "two")))
    assert {name.split("/")[0] for name in train} == {"one"}
    assert {name.split("/")[0] for name in val} == {"two"}
    assert parts(registry, data(), SplitConfig(no_validation=True))[1] is None


def test_selection_holds_in_both_parts(registry: ExperimentRegistry) -> None:
    config = data(include_wells=["A/1"], exclude_fovs=["one/A/1/0", "A/1/5"])
    train, val = parts(registry, config, SplitConfig((), 0.5))
    assert len(train | val) == 6 + 7
    assert not {"one/A/1/0", "one/A/1/5", "two/A/1/5"} & (train | val)
    assert all("/A/1/" in name for name in train | val)


def test_a_condition_of_one_fov_cannot_be_split(registry: ExperimentRegistry) -> None:
    with pytest.raises(ConfigError, match=r"experiment one.*val_fov_fraction: no condition has two FOVs"):
        split_fovs(registry, data(include_wells=["C/1"]), SplitConfig((), 0.5), 0)


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_fractions_that_cannot_be(fraction: float) -> None:
    with pytest.raises(ConfigError, match="val_fov_fraction: value out of range; expected >= 0 and < 1"):
        SplitConfig((), fraction)
