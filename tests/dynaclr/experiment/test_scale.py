"""How many stored pixels one of a patch covers, and the grid that patches are cut from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.support.scenes import write_scenes

from dynaclr.base.errors import ConfigError
from dynaclr.experiment import (
    ExperimentConfig,
    ExperimentRegistry,
    from_grid,
    grid_sizes,
    patch_steps,
    to_grid,
)
from dynaclr.experiment.fovs import FovEntry, select_fovs

PIXELS = {"fine": (0.25, 0.25), "coarse": (0.5, 0.5), "flat": (0.5, 0.25)}


def steps_of(path: Path, um: tuple[float, float] | None, size: tuple[int, int] = (16, 16)) -> dict[str, Any]:
    registry = ExperimentRegistry.from_yaml(path)
    entries: list[FovEntry] = select_fovs(registry, None, None)[0]
    found = patch_steps(registry, entries, size, um)
    return {
        registry.names[entry.experiment]: step.tolist() for entry, step in zip(entries, found, strict=True)
    }


def changed(path: Path, name: str, **fields: Any) -> Path:
    content = yaml.safe_load(path.read_text())
    next(entry for entry in content["experiments"] if entry["name"] == name).update(fields)
    path.write_text(yaml.safe_dump(content))
    return path


def test_steps(tmp_path: Path) -> None:
    path = write_scenes(tmp_path, PIXELS)
    assert steps_of(path, None) == {name: [1, 1] for name in PIXELS}
    assert steps_of(path, (8, 8)) == {"fine": [2, 2], "coarse": [1, 1], "flat": [1, 2]}
    assert steps_of(path, (8, 4), (16, 32)) == {"fine": [2, 0.5], "coarse": [1, 0.25], "flat": [1, 0.5]}
    assert steps_of(path, (8.0002, 8.0), (16, 16))["coarse"] == [1, 1]  # no calibration is that good
    assert steps_of(path, (8.1, 8.0), (16, 16))["coarse"] == [pytest.approx(1.0125), 1]


def test_an_experiment_without_a_pixel_size_is_refused_by_name_or_says_it_itself(tmp_path: Path) -> None:
    path = write_scenes(tmp_path, PIXELS, fovs=("A/1/0", "A/1/1"))
    file = tmp_path / "coarse.zarr/A/1/1/.zattrs"
    content = json.loads(file.read_text())
    for axis in content["multiscales"][0]["axes"]:
        axis.pop("unit", None)
    file.write_text(json.dumps(content))
    message = (
        r"experiment coarse.*coarse\.zarr.*pixel_size_um.*no.* pixel size.*none in 1 FOVs \(A/1/1\).*State"
    )
    with pytest.raises(ConfigError, match=message):
        steps_of(path, (8, 8))
    assert steps_of(path, None)["coarse"] == [1, 1]  # who does not ask for micrometers needs none
    assert steps_of(changed(path, "coarse", pixel_size_um=0.4), (8, 8))["coarse"] == [1.25, 1.25]
    assert steps_of(changed(path, "coarse", pixel_size_um=[0.4, 0.5]), (8, 8))["coarse"] == [1.25, 1]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("pixel_size_um", value)
            for value in (0, -1, "0.5", [0.5], [0.5, 0], [1, 2, 3], float("nan"), True)
        ),
        *(("z_range", value) for value in (3, [3], [2, 2], [-1, 2], [0, 1.5], "01", [0, True])),
    ],
)
def test_fields_that_cannot_be(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"experiment e, field {field}"):
        ExperimentConfig("e", "p", "t", ["a"], ["a"], {"c": ["A/1"]}, **{field: value})


@given(st.floats(0.05, 20), st.integers(1, 3000))
def test_the_grid_lies_in_the_image_and_lacks_less_than_a_pixel_of_it(step: float, length: int) -> None:
    steps = np.array([[step, step]])
    size = int(grid_sizes(np.array([[length, length]]), steps)[0, 0])
    assert size * step <= length + 1e-5 * step
    assert (size + 1) * step > length
    if size:
        centers = from_grid(np.arange(size), np.array([step]))
        assert centers[0] == pytest.approx(step / 2 - 0.5)
        assert np.array_equal(to_grid(centers, np.array([step])), np.arange(size))


def test_a_grid_does_not_lose_a_pixel_to_rounding() -> None:
    steps = np.array([[0.1 * 3, 1 / 3], [1.1 / 0.55, 0.645 / 0.645]])
    assert grid_sizes(np.array([[3, 100], [100, 77]]), steps).tolist() == [[10, 300], [50, 77]]


@given(st.floats(-0.5, 500))
def test_at_a_step_of_one_places_are_rounded_as_ever(place: float) -> None:
    one = np.ones(1)
    assert to_grid(np.array([place]), one)[0] == np.floor(place + 0.5)
    assert from_grid(np.array([7]), one)[0] == 7


@pytest.mark.parametrize("size", [1e300, 1e-300, 1e9])
def test_a_pixel_size_that_no_image_has_is_refused_in_words(tmp_path: Path, size: float) -> None:
    path = changed(write_scenes(tmp_path, PIXELS), "coarse", pixel_size_um=size)
    message = r"experiment coarse.*A/1/0.*pixel_size_um.*stored pixels.*found 1e"
    with pytest.raises(ConfigError, match=message) as told:
        steps_of(path, (8, 8))
    assert "fine" not in str(told.value)
