"""Selection of fields of view, and whether patch and Z range fit them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests.support.foreign import axis, foreign_experiment, image
from tests.support.foreign import coded as coded_pixels

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.experiment import ExperimentRegistry
from dynaclr.experiment.fovs import check_geometry, known_names, select_fovs
from dynaclr.images.plate_writer import write_plate
from dynaclr.index import IndexOptions, MultiExperimentIndex

ALL = [f"{e}/{fov}" for e in ("coded0", "coded1") for fov in ("A/1/0", "A/1/1", "B/1/0")]


def selected(registry: ExperimentRegistry, include: Any = None, exclude: Any = None) -> list[str]:
    entries, skipped = select_fovs(registry, include, exclude)
    used = [f"{registry.names[entry.experiment]}/{entry.layout.name}" for entry in entries]
    left = [f"{name}/{fov}" for name, fovs in skipped.items() for fov in fovs]
    assert sorted(used + left) == ALL
    return used


@pytest.fixture
def registry(coded_source: Path) -> ExperimentRegistry:
    return ExperimentRegistry.from_yaml(coded_source)


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (None, None, ALL),
        (["A/1"], None, [name for name in ALL if "/A/" in name]),
        (["/A/1/"], ["A/1/0"], ["coded0/A/1/1", "coded1/A/1/1"]),
        (["coded1/B/1"], [], ["coded1/B/1/0"]),
        (["B/1", "coded0/A/1"], ["coded0/A/1/0"], ["coded0/A/1/1", "coded0/B/1/0", "coded1/B/1/0"]),
        (None, ["A/1/0", "A/1/1"], ["coded0/B/1/0", "coded1/B/1/0"]),
    ],
)
def test_wells_and_fovs_are_chosen_by_name(
    registry: ExperimentRegistry, include: Any, exclude: Any, expected: list[str]
) -> None:
    assert selected(registry, include, exclude) == expected


@pytest.mark.parametrize(
    ("include", "exclude", "message"),
    [
        (["A/2"], None, r"include_wells: no experiment has this well; found A/2\. Did you mean 'A/1'\?"),
        (["coded7/A/1"], None, "no experiment has this well; found coded7/A/1"),
        (None, ["A/1/9"], "exclude_fovs: no experiment has this FOV; found A/1/9"),
        (["A/7"], ["B/9/9"], r"2 problems[\s\S]*A/7[\s\S]*B/9/9"),
        ([], None, "include_wells: empty list. Leave it out to use all wells"),
        ("A/1", None, r"not a list of names.*found 'A/1'"),
        ([1], None, "not a list of names"),
        (["B/1"], ["B/1/0"], "no fields of view are left"),
    ],
)
def test_selections_that_cannot_be(
    registry: ExperimentRegistry, include: Any, exclude: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        select_fovs(registry, include, exclude)


def test_reasons_and_conditions(registry: ExperimentRegistry) -> None:
    entries, skipped = select_fovs(registry, ["A/1"], ["coded0/A/1/1"])
    assert skipped["coded0"] == {"A/1/1": "in exclude_fovs", "B/1/0": "well not in include_wells"}
    assert {entry.condition for entry in entries} == {"uninfected"}


def test_a_well_without_a_condition_is_used_and_told(coded: Path) -> None:
    content = yaml.safe_load(coded.read_text())
    content["experiments"][1]["condition_wells"] = {"infected": ["B/1"]}
    coded.write_text(yaml.safe_dump(content))
    registry = ExperimentRegistry.from_yaml(coded)
    with pytest.warns(
        UserWarning, match=r"experiment coded1.*2 FOVs are in wells without a condition.*A/1/0"
    ):
        entries, _ = select_fovs(registry, None, None)
    conditions = [entry.condition for entry in entries if entry.experiment == 1]
    assert conditions == ["unknown", "unknown", "infected"]


def test_names_that_a_part_of_a_registry_has(registry: ExperimentRegistry) -> None:
    part = registry.subset(["coded1"])
    assert known_names(part, None) is None
    assert known_names(part, ["coded0/A/1", "coded1/A/1", "/B/1/", "A/1/0", "C/3"]) == [
        "coded1/A/1",
        "/B/1/",
        "A/1/0",
    ]


def mixed(source: Path, shapes: dict[str, tuple[tuple[int, ...], str]]) -> ExperimentRegistry:
    """Replace the first plate by one whose FOVs have other shapes and data types."""
    fovs = {name: np.ones(shape, dtype=dtype) for name, (shape, dtype) in shapes.items()}
    write_plate(source.parent / "coded0.zarr", fovs, ["Phase", "GFP", "Extra"], overwrite=True)
    return ExperimentRegistry.from_yaml(source).subset(["coded0"])


def test_fovs_that_differ_are_checked_one_by_one(coded: Path) -> None:
    shapes = {
        "A/1/0": ((3, 3, 4, 30, 40), "uint16"),
        "A/1/1": ((5, 3, 2, 20, 60), "uint16"),
        "B/1/0": ((4, 3, 3, 40, 16), "uint16"),
    }
    registry = mixed(coded, shapes)
    entries, _ = select_fovs(registry, None, None)
    check_geometry(entries, registry.names, (0, 2), (20, 16))
    with pytest.raises(
        ConfigError, match=r"2 problems[\s\S]*A/1/1.*0\.\.2 \(depth 2\)[\s\S]*B/1/0.*40 x 16 px"
    ):
        check_geometry(entries, registry.names, (1, 3), (20, 17))
    for wrong in ((-1, 1), (2, 1), (1, 1)):
        with pytest.raises(ConfigError, match=r"empty Z range.*0 <= start < stop"):
            check_geometry(entries, registry.names, wrong, (8, 8))
    with pytest.raises(ConfigError, match=r"empty patch.*found \[0, 8\]"):
        check_geometry(entries, registry.names, (0, 1), (0, 8))
    with pytest.raises(ConfigError, match=r"A/1/1.*at most 20 x 60 px; found 21 x 8 px"):
        check_geometry(entries, registry.names, (0, 1), (21, 8))


def test_data_types_that_differ_are_told_with_the_two_fovs(coded: Path) -> None:
    shape = (3, 3, 3, 30, 40)
    shapes = {"A/1/0": (shape, "uint16"), "A/1/1": (shape, "uint16"), "B/1/0": (shape, "float32")}
    registry = mixed(coded, shapes)
    entries, _ = select_fovs(registry, None, None)
    with pytest.warns(
        UserWarning,
        match=r"experiment coded0: FOVs have different data types.*A/1/0 is uint16, B/1/0 is float32",
    ):
        check_geometry(entries, registry.names, (0, 1), (8, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_geometry(entries[:2], registry.names, (0, 1), (8, 8))


ODD = image([*"tc", axis("z", name="angle"), *"yx"])
SOME_ODD = {
    "A/1/0": (coded_pixels(), image()),
    "A/1/1": (coded_pixels(), ODD),
    "A/1/2": (coded_pixels(), image(channels=("a", "other"))),
    "B/2/0": (coded_pixels(), ODD),
    "B/2/1": (coded_pixels(), image(channels=None)),
}


@pytest.fixture
def some_odd(tmp_path: Path) -> ExperimentRegistry:
    """A plate of which two fields of view have an axis that nobody knows, and one has other channels."""
    return ExperimentRegistry.from_yaml(foreign_experiment(tmp_path, SOME_ODD))


def test_fovs_that_cannot_be_read_are_left_out_and_told(some_odd: ExperimentRegistry) -> None:
    left_out = (
        r"experiment e, file .*e\.zarr: 3 FOVs are left out; found A/1/1 \(axis 'angle' is none.*A/1/2 \(its"
    )
    with pytest.warns(UserWarning, match=left_out):
        entries, skipped = select_fovs(some_odd, None, None)
    assert [entry.layout.name for entry in entries] == ["A/1/0", "B/2/1"]
    assert skipped["e"] == some_odd.plates["e"].left_out
    with pytest.warns(UserWarning, match="are left out"), pytest.warns(UserWarning, match="have no names"):
        report = MultiExperimentIndex(some_odd, (0, 1), (8, 8)).report
    assert (report.experiments[0].fovs_found, report.experiments[0].fovs_used) == (5, 2)
    assert "skipped       A/1/2: its channels are a, other, not a, b" in report.text()
    with pytest.raises(
        DataError, match=r"experiment e, file .*3 FOVs cannot be read; found A/1/1 .*exclude_fovs"
    ):
        MultiExperimentIndex(some_odd, (0, 1), (8, 8), options=IndexOptions(unreadable_fovs="error"))


@pytest.mark.parametrize(
    ("include", "exclude", "used"),
    [
        (["A/1"], ["A/1/1", "A/1/2"], ["A/1/0"]),
        (None, ["A/1/1", "A/1/2", "e/B/2/0", "B/2/1"], ["A/1/0"]),
    ],
)
def test_what_is_not_asked_for_is_not_told(
    some_odd: ExperimentRegistry, include: Any, exclude: Any, used: list[str]
) -> None:
    entries, skipped = select_fovs(some_odd, include, exclude)
    assert [entry.layout.name for entry in entries] == used
    assert set(skipped["e"].values()) <= {"well not in include_wells", "in exclude_fovs"}
    assert select_fovs(some_odd, include, exclude, "error") == (entries, skipped)
    assert known_names(some_odd, ["B/2/0", "A/1/1", "B/2"]) == ["B/2/0", "A/1/1", "B/2"]
