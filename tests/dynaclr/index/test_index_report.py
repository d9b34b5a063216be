"""Numbers of the set-up report against pandas."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex
from dynaclr.index.anchors import Exclusion

FOVS = ("A/1/0", "A/1/1", "B/1/0")


@pytest.fixture(scope="module")
def index(coded_source: Path) -> MultiExperimentIndex:
    return MultiExperimentIndex(ExperimentRegistry.from_yaml(coded_source), (0, 2), (16, 16), (0.5, 1.0))


@pytest.mark.parametrize("number", [0, 1])
def test_counts_are_those_of_the_files(index: MultiExperimentIndex, coded_source: Path, number: int) -> None:
    report = index.report.experiments[number]
    files = [coded_source.parent / f"coded{number}.tracks" / fov / "tracks.csv" for fov in FOVS]
    tables = [pd.read_csv(file) for file in files]
    assert report.observations == sum(map(len, tables))
    assert report.tracks == sum(table.track_id.nunique() for table in tables)
    first = [table.drop_duplicates("track_id") for table in tables]
    rooted = [~table.parent_track_id.isin(table.track_id) for table in first]
    assert report.lineages == sum(int(roots.sum()) for roots in rooted)
    mothers = [
        table.parent_track_id[~roots].value_counts() for table, roots in zip(first, rooted, strict=True)
    ]
    assert report.divisions == sum(int((count >= 2).sum()) for count in mothers)
    steps = [table.sort_values("t").groupby("track_id").t.diff() for table in tables]
    assert report.gaps == sum(int((step > 1).sum()) for step in steps)
    absent = [(table.parent_track_id >= 0) & roots for table, roots in zip(first, rooted, strict=True)]
    assert report.notes["parents missing"] == sum(int(mask.sum()) for mask in absent)
    assert report.conditions == {"infected": len(tables[2]), "uninfected": len(tables[0]) + len(tables[1])}
    assert (report.fovs_found, report.fovs_used, report.skipped) == (3, 3, {})


@pytest.mark.parametrize("number", [0, 1])
def test_anchors_and_exclusions_add_up(index: MultiExperimentIndex, number: int) -> None:
    report = index.report.experiments[number]
    mine = index.fov_experiment[index.table.fov_of()] == number
    assert report.anchors == np.count_nonzero(mine & (index.exclusion == Exclusion.NONE))
    assert report.lost == {
        cause.name.lower().replace("_", " "): np.count_nonzero(mine & (index.exclusion == cause))
        for cause in Exclusion
        if cause is not Exclusion.NONE
    }
    assert report.anchors + sum(report.lost.values()) == report.observations
    assert report.notes["patches moved at the border"] == np.count_nonzero(
        index.near_border(slice(None)) & mine
    )
    assert report.tau_frames == index.registry.tau_range_frames(report.name, (0.5, 1.0))
    assert report.checks == [
        "Z 0..2 lies within depth [3]",
        "patch 16 x 16 px = 8 x 8 um lies within every image",
    ]


def test_selection_is_told(coded_source: Path) -> None:
    registry = ExperimentRegistry.from_yaml(coded_source)
    some = MultiExperimentIndex(
        registry, (0, 1), (16, 16), (0.5, 1.0), ["coded0/A/1", "coded1/B/1"], ["A/1/1"]
    )
    first, second = some.report.experiments
    assert first.skipped == {"A/1/1": "in exclude_fovs", "B/1/0": "well not in include_wells"}
    assert (first.fovs_found, first.fovs_used) == (3, 1)
    assert second.skipped == dict.fromkeys(("A/1/0", "A/1/1"), "well not in include_wells")
    confounded = "condition '{}' occurs in experiment '{}' only: it is confounded with that experiment"
    assert confounded.format("uninfected", "coded0") in some.report.warnings
    assert confounded.format("infected", "coded1") in some.report.warnings


def test_an_experiment_without_anchors_is_told(coded: Path) -> None:
    content = yaml.safe_load(coded.read_text())
    content["experiments"][1]["interval_minutes"] = 1.0
    coded.write_text(yaml.safe_dump(content))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        index = MultiExperimentIndex(ExperimentRegistry.from_yaml(coded), (0, 1), (16, 16), (0.5, 1.0))
    report = index.report.experiments[1]
    assert report.anchors == 0
    assert report.lost["last frames"] == report.observations
    (text,) = [text for text in index.report.warnings if "'coded1' has no anchors" in text]
    count = report.observations
    assert f"{count} of {count} observations are excluded (last frames). The recordings end before" in text


def test_a_field_of_view_whose_cells_are_all_outside(coded: Path) -> None:
    file = coded.parent / "coded0.tracks" / "A" / "1" / "1" / "tracks.csv"
    pd.read_csv(file).assign(x=900.0).to_csv(file, index=False)
    with pytest.warns(UserWarning, match="lie outside the image"):
        index = MultiExperimentIndex(ExperimentRegistry.from_yaml(coded), (0, 1), (16, 16), (0.5, 1.0))
    report = index.report.experiments[0]
    assert report.skipped == {"A/1/1": "no usable observation"}
    assert report.fovs_used == 2
    assert report.left_out["outside the image"] == len(pd.read_csv(file))
    assert any("lie outside the image" in text for text in index.report.warnings)
