"""Tracks beside a plate that is there, and beside images that become one, are read back as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.convert import (
    ArrayOptions,
    TracksPreview,
    preview_tracks,
    rows_and_graph,
    tracks_onto_arrays,
    tracks_onto_plate,
)
from dynaclr.experiment import ExperimentRegistry, PlateLayout, read_plate
from dynaclr.images import PlateWriter
from dynaclr.index import MultiExperimentIndex
from dynaclr.tracks.sources import SourceOptions

FILES = Path(__file__).parents[1] / "tracks" / "sources" / "files"
OPTIONS = ArrayOptions("mine", 30.0, condition="mock")


@pytest.fixture
def plate(tmp_path: Path) -> PlateLayout:
    with PlateWriter(tmp_path / "p.zarr", ["a", "b"], scale=(1800, 1, 1, 0.5, 0.5)) as writer:
        for fov in ("A/1/0", "A/2/0"):
            writer.create_fov(fov, (8, 2, 1, 64, 64), np.dtype(np.uint16))
            for t in range(8):
                writer.write_frame(fov, t, np.full((2, 1, 64, 64), 7, np.uint16))
    return read_plate(tmp_path / "p.zarr")


@pytest.fixture
def found() -> TracksPreview:
    return preview_tracks(FILES / "ultrack.xml", SourceOptions())


def index(path: Path) -> MultiExperimentIndex:
    return MultiExperimentIndex(ExperimentRegistry.from_yaml(path), (0, 1), (8, 8), (0.5, 1.0))


def test_two_fields_of_a_plate_become_one_experiment(
    tmp_path: Path, plate: PlateLayout, found: TracksPreview
) -> None:
    out = tmp_path / "project"
    report = tracks_onto_plate(found, plate, "A/1/0", out, OPTIONS)
    assert report.experiments_yaml == out / "experiments.yaml"
    assert (report.fovs[0].observations, report.fovs[0].tracks, report.fovs[0].divisions) == (20, 4, 1)
    with pytest.raises(DataError, match="A/1/0 has a track file already"):
        tracks_onto_plate(found, plate, "A/1/0", out, OPTIONS)
    tracks_onto_plate(found, plate, "A/1/0", out, OPTIONS, overwrite=True)
    tracks_onto_plate(found, plate, "A/2/0", out, ArrayOptions("mine", 30.0, condition="virus"))
    entry = yaml.safe_load((out / "experiments.yaml").read_text())["experiments"]
    assert [item["condition_wells"] for item in entry] == [{"mock": ["A/1"], "virus": ["A/2"]}]
    assert entry[0]["data_path"] == str(plate.path)
    read = index(out / "experiments.yaml")
    assert (len(read.table), read.report.experiments[0].divisions) == (40, 2)
    assert read.registry.experiments[0].source_channel == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ArrayOptions("mine", 15.0, condition="mock"), "another interval; expected 30.0; found 15.0"),
        (ArrayOptions("mine", 30.0, condition="virus"), "well A/1 has another condition; expected mock"),
        (ArrayOptions("m i", 30.0), "name cannot be used"),
    ],
)
def test_what_an_entry_says_otherwise_is_refused(
    tmp_path: Path, plate: PlateLayout, found: TracksPreview, options: ArrayOptions, message: str
) -> None:
    tracks_onto_plate(found, plate, "A/1/0", tmp_path, OPTIONS)
    before = (tmp_path / "experiments.yaml").read_bytes()
    with pytest.raises(ConfigError, match=message):
        tracks_onto_plate(found, plate, "A/1/0", tmp_path, options, overwrite=True)
    assert (tmp_path / "experiments.yaml").read_bytes() == before
    assert b"data_path: p.zarr" in before  # relative inside the folder


def test_images_and_tracks_become_an_experiment(tmp_path: Path, found: TracksPreview) -> None:
    pixels = {"a": np.random.default_rng(0).integers(1, 99, (8, 64, 64)).astype(np.uint16)}
    report = tracks_onto_arrays(found, pixels, tmp_path, OPTIONS)
    read = index(report.experiments_yaml)
    assert (len(read.table), read.report.experiments[0].divisions) == (20, 1)


def test_what_lies_outside_the_image_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("track_id,t,y,x,parent_track_id\n1,0,5,70,\n2,1,5,5,1\n2,2,6,5,1\n3,1,-0.5,5,2\n")
    found = preview_tracks(path, SourceOptions())
    rows, graph = rows_and_graph(found, (64, 64), deep=False)
    assert rows.tolist() == [[2, 1, 5, 5], [2, 2, 6, 5], [3, 1, -0.5, 5]]
    assert graph == {3: [2]}
