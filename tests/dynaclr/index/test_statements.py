"""Two statements of one fact that differ are told with both values; those that agree are not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests.support.foreign import axis, coded, foreign_experiment, image, transforms

from dynaclr.base.errors import ConfigError
from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex


def scaled(t: float, z: float, yx: float, unit: str = "second") -> dict[str, Any]:
    entries = [axis("t", unit=unit), *"czyx"]
    return image(entries, coordinateTransformations=transforms([t, 1, z, yx, yx]))


def indexed(path: Path, *told: str, z_range: tuple[int, int] = (0, 3)) -> MultiExperimentIndex:
    """Return an index; exactly these warnings are given, and stand in its report."""
    registry = ExperimentRegistry.from_yaml(path)
    if told:
        with pytest.warns(UserWarning) as given:
            index = MultiExperimentIndex(registry, z_range, (8, 16), (0.5, 1.0))
        assert [str(warning.message) for warning in given] == index.report.warnings
    else:
        index = MultiExperimentIndex(registry, z_range, (8, 16), (0.5, 1.0))
    assert len(index.report.warnings) == len(told)
    for message, text in zip(told, index.report.warnings, strict=True):
        assert re.search(message, text), text
    assert all(f"warning: {text}" in index.report.text() for text in index.report.warnings)
    return index


@pytest.mark.parametrize(
    ("step", "unit"), [(1800, "second"), (30.1, "minute"), (0.5, "hour"), (1, "second"), (7, "px")]
)
def test_a_time_axis_that_agrees_or_says_nothing(tmp_path: Path, step: float, unit: str) -> None:
    indexed(foreign_experiment(tmp_path, {"A/1/0": (coded(), scaled(step, 2, 0.5, unit))}))


def test_a_time_axis_that_differs(tmp_path: Path) -> None:
    fovs = {
        "A/1/0": (coded(), scaled(1800, 2, 0.5)),
        "A/1/1": (coded(), scaled(10, 2, 0.5, "minute")),
        "B/1/0": (coded(), scaled(600, 2, 0.5)),
    }
    indexed(
        foreign_experiment(tmp_path, fovs),
        r"experiment e, field interval_minutes: interval_minutes differs from the time axis of 2 FOVs; "
        r"expected 10 min as in the plate \(A/1/1, B/1/0\); found 30 min\.",
    )


def test_pixel_sizes_of_one_training(tmp_path: Path) -> None:
    fovs = {"A/1/0": (coded(), scaled(1, 2, 0.65)), "A/1/1": (coded(), scaled(1, 2, 0.1))}
    index = indexed(
        foreign_experiment(tmp_path, fovs),
        r"pixel sizes differ; .*found 0\.65 um in 1 FOVs of 'e', 0\.1 um in 1 FOVs of 'e': 16 px are 1\.6 to "
        r"10\.4 um",
    )
    line = "patch 8 x 16 px = 5.2 x 10.4 um (1 FOVs), = 0.8 x 1.6 um (1 FOVs) lies within every image"
    assert line in index.report.experiments[0].checks


def test_depths_of_experiments_matter_where_more_than_one_slice_is_read(tmp_path: Path) -> None:
    entries = []
    for name, step in (("one", 2.0), ("two", 0.5)):
        (tmp_path / name).mkdir()
        path = foreign_experiment(tmp_path / name, {"A/1/0": (coded(), scaled(1, step, 0.65))}, name=name)
        entry = yaml.safe_load(path.read_text())["experiments"][0]
        entries.append({**entry, **{key: f"{name}/{entry[key]}" for key in ("data_path", "tracks_path")}})
    path = tmp_path / "experiments.yaml"
    path.write_text(yaml.safe_dump({"experiments": entries}))
    indexed(
        path,
        r"distances of slices differ; .*found 2 um in 1 FOVs of 'one', 0\.5 um in 1 FOVs of 'two': 3 slices "
        r"are 1\.5 to 6 um",
    )
    indexed(path, z_range=(1, 2))


def test_pixel_sizes_that_agree_in_other_units(tmp_path: Path) -> None:
    nanometers = [*"tc", *(axis(letter, unit="nanometer") for letter in "zyx")]
    other = image(nanometers, coordinateTransformations=transforms([1, 1, 2000, 652, 652]))
    indexed(foreign_experiment(tmp_path, {"A/1/0": (coded(), scaled(1, 2, 0.65)), "A/1/1": (coded(), other)}))


@pytest.mark.parametrize("z", [[0, 1, 2, 1.4, 0.6, -0.4, 2.4, float("nan")], [1] * 8])
def test_cells_in_the_slices_that_are_read(tmp_path: Path, z: list[float]) -> None:
    indexed(foreign_experiment(tmp_path, {"A/1/0": (coded(), image())}, tracks={"z": z}))


def test_cells_in_other_slices(tmp_path: Path) -> None:
    tracks = {"z": [0, 1, 2, 2.6, 1, 7, 1, -1]}
    path = foreign_experiment(tmp_path, {"A/1/0": (coded(), image())}, tracks=tracks)
    text = (
        r"experiment e, field z_range: {} of 8 observations lie outside the slices that are read; expected "
    )
    text += r"z -1 to 7 as in the tracks; found slices {}"
    indexed(path, text.format(3, "0 to 2"))
    indexed(path, text.format(5, "1 to 1"), z_range=(1, 2))


def test_channels_that_have_no_names(tmp_path: Path) -> None:
    fovs = {"A/1/0": (coded(), image(channels=None)), "A/1/1": (coded(), image())}
    indexed(
        foreign_experiment(tmp_path, fovs),
        r"experiment e, field channel_names: channels of 1 FOVs have no names in the plate; found A/1/0\. "
        r"They are taken by place: a, b\.",
    )


def test_what_is_not_used_is_not_compared(tmp_path: Path) -> None:
    odd = scaled(600, 9, 0.1)
    fovs = {"A/1/0": (coded(), scaled(1800, 2, 0.5)), "A/1/1": (coded(), odd)}
    registry = ExperimentRegistry.from_yaml(foreign_experiment(tmp_path, fovs))
    index = MultiExperimentIndex(registry, (0, 3), (8, 8), (0.5, 1.0), exclude_fovs=["A/1/1"])
    assert index.report.warnings == []


HEAD = "track_id,t,y,x\n"


def table_of(folder: Path, texts: dict[str, str], z_um: float = 2.0, yx_um: float = 0.65) -> Path:
    """Write an experiment with the track tables that are given."""
    path = foreign_experiment(folder, {name: (coded(), scaled(1, z_um, yx_um)) for name in texts})
    (root,) = folder.glob("*.tracks")
    for name, text in texts.items():
        for file in (root / name).glob("*.csv"):
            file.write_text(text)
    return path


def cells(rng: np.random.Generator, count: int, *, scale: float = 1.0, reach: float = 1.0) -> str:
    """Return tracks of cells anywhere in a part of the image, their places multiplied by a scale."""
    height, width = coded().shape[-2:]
    rows = []
    for track in range(count):
        y, x = rng.uniform(0, (height * reach, width * reach))
        rows += [f"{track},{t},{y * scale},{x * scale}\n" for t in range(3)]
    return HEAD + "".join(rows)


def test_micrometers_are_told_of_an_experiment_as_a_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    texts = {f"A/1/{number}": cells(rng, 30, scale=0.65) for number in range(3)}
    indexed(
        table_of(tmp_path, texts),
        r"field y, x: centroids of all FOVs cover only a corner of the images; found at most 6\d % of the "
        r"image at 0\.65 um per pixel\. They look like micrometers: divide y and x by 0\.65 .*"
        r"--pixel-size-um 0\.65",
    )


def test_few_cells_in_a_corner_are_no_micrometers(tmp_path: Path) -> None:
    """One small FOV whose cells happen to lie in a corner proves nothing, and many small ones have others."""
    rng = np.random.default_rng(2)
    for number, texts in enumerate(
        (
            {"A/1/0": cells(rng, 8, reach=0.65)},
            {"A/1/0": cells(rng, 60, reach=0.3)},  # a colony
            {f"A/1/{fov}": cells(rng, 30, reach=0.65 if fov else 1.0) for fov in range(3)},
        )
    ):
        (tmp_path / str(number)).mkdir()
        indexed(table_of(tmp_path / str(number), texts))


def test_500_small_fields_of_few_cells_are_never_called_micrometers() -> None:
    """Cells anywhere in the image, 3 to 12 of them: as 500 experiments and as one."""
    from dynaclr.index.statements import corner_digits

    rng = np.random.default_rng(3)
    every = []
    for _ in range(500):
        places = rng.uniform(0, 1, (2, int(rng.integers(3, 13))))
        every.append((places.min(axis=1), places.max(axis=1), places.shape[1]))
    for lowest, highest, lineages in every:
        assert corner_digits([(lowest / 0.65, highest / 0.65, lineages, (0.65, 0.65))]) == 0.0
    together = [(low / 0.65, high / 0.65, count, (0.65, 0.65)) for low, high, count in every]
    assert corner_digits(together) == 0.0


def test_spots_that_nobody_linked(tmp_path: Path) -> None:
    rows = "".join(f"{number},{number % 3},{number % 20},{number % 15}\n" for number in range(40))
    registry = ExperimentRegistry.from_yaml(table_of(tmp_path, {"A/1/0": HEAD + rows}))
    expected = (
        r"field track_id: 40 of 40 tracks have one observation; expected one id for a cell in all frames; "
        r"found spots that are not linked\. .*--column track_id=NAME"
    )
    with pytest.warns(UserWarning, match=expected):
        index = MultiExperimentIndex(registry, (0, 3), (8, 16), (0.5, 1.0))
    assert "link spots to tracks" in index.report.warnings[-1]
    with pytest.raises(ConfigError, match=r"no observation has a positive[\s\S]*link spots to tracks\.$"):
        index.require_anchors()


def test_frames_that_jump(tmp_path: Path) -> None:
    rows = "".join(f"{track},{t},{track % 20},{track}\n" for track in range(25) for t in (0, 2))
    indexed(
        table_of(tmp_path, {"A/1/0": HEAD + rows}),
        r"field t: no track is seen in two frames in a row: all steps are multiples of 2 frames; expected "
        r"steps of one frame\. .*divide it by 2 .*--time-step 2",
    )


@pytest.mark.parametrize(
    ("z", "advice"),
    [
        ((1, 2, 3), r"Slices look 1-based: subtract 1 from z\."),
        ((0, 2, 4), r"z looks like micrometers: divide it by 2 .*--z-step-um 2"),
        ((0, 50, 90), r"z lies outside the stack"),
    ],
)
def test_z_outside_the_stack_has_advice(tmp_path: Path, z: tuple[int, ...], advice: str) -> None:
    rows = "".join(f"{track},{t},{track},{track},{z[track]}\n" for track in range(3) for t in range(3))
    text = "track_id,t,y,x,z\n" + rows
    indexed(table_of(tmp_path, {"A/1/0": text}), rf"field z_range: .* of 3\. {advice}")
