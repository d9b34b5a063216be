"""Tracks after curation, written and read back by their own libraries and by this project's readers."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.cli.verbs import main
from dynaclr.curation import CURATION_FILE, Mark, MarkKind, Verdict, write_marks
from dynaclr.experiment import ExperimentRegistry
from dynaclr.export import ExportOptions, export_tracks
from dynaclr.images import PlateWriter
from dynaclr.index import MultiExperimentIndex
from dynaclr.index.options import IndexOptions
from dynaclr.tracks.sources import SourceOptions, read_source, tracks_of

FOV = Path("e/A/1/0")
# track 1 divides into 2 and 3 after frame 2; 4 has a gap; 5 has the single daughter 6
SPANS = {1: range(3), 2: range(3, 8), 3: range(3, 8), 4: (0, 1, 4, 5), 5: range(2), 6: range(2, 5)}
PARENTS = {2: 1, 3: 1, 6: 5}


def rows() -> pd.DataFrame:
    items = [
        (track, t, PARENTS.get(track, -1), 10.0 * track + 0.25 * t, 8.0 * track + 0.5, 0.5 * t)
        for track, span in SPANS.items()
        for t in span
    ]
    return pd.DataFrame(items, columns=["track_id", "t", "parent_track_id", "y", "x", "size"])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """experiments.yaml of one plate with one FOV."""
    with PlateWriter(tmp_path / "p.zarr", ["a"], scale=(1800, 1, 1, 0.5, 0.5)) as writer:
        writer.create_fov("A/1/0", (8, 1, 1, 80, 64), np.dtype(np.uint16))
        for t in range(8):
            writer.write_frame("A/1/0", t, np.full((1, 1, 80, 64), 7, np.uint16))
    folder = tmp_path / "p.tracks" / "A" / "1" / "0"
    folder.mkdir(parents=True)
    rows().to_csv(folder / "tracks.csv", index=False)
    entry: dict[str, Any] = {"name": "e", "data_path": "p.zarr", "tracks_path": "p.tracks"}
    entry |= {"channel_names": ["a"], "source_channel": ["a"], "condition_wells": {"all": ["A/1"]}}
    path = tmp_path / "experiments.yaml"
    path.write_text(yaml.safe_dump({"experiments": [{**entry, "interval_minutes": 30}]}))
    return path


def mark(kind: str, verdict: str = "exclude", day: int = 1, **ids: Any) -> Mark:
    time = datetime(2026, 1, day, tzinfo=UTC)
    return Mark(MarkKind(kind), Verdict(verdict), "e", "A/1/0", "anna", time, reason="why, so", **ids)


def marked(source: Path, *marks: Mark) -> Path:
    path = source.parent / CURATION_FILE
    write_marks(path, marks)
    return path


def links(table: pd.DataFrame) -> set[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Linked observations by frame and place, told by tracks and parents alone."""
    found = set()
    parts = {track: part.sort_values("t") for track, part in table.groupby("track_id")}
    places = {track: part[["t", "y", "x"]].to_numpy() for track, part in parts.items()}
    for track, part in parts.items():
        own = [tuple(row) for row in places[track].tolist()]
        found |= set(pairwise(own))
        parent = int(part.parent_track_id.iloc[0])
        if parent >= 0:
            before = [tuple(row) for row in places[parent].tolist() if row[0] < own[0][0]]
            found.add((before[-1], own[0]))
    return found


def read_back(path: Path) -> pd.DataFrame:
    options = SourceOptions()
    return pd.DataFrame(tracks_of(read_source(path, options), options, path))


def test_csv_without_marks_is_what_was_read(source: Path, tmp_path: Path) -> None:
    report = export_tracks(source, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / FOV / "tracks.csv")
    pd.testing.assert_frame_equal(table[list(rows())], rows())
    assert list(table)[:5] == ["track_id", "t", "id", "parent_track_id", "parent_id"]
    assert (report.observations, report.tracks, report.excluded) == (22, 6, 0)
    assert report.files == [tmp_path / "out" / FOV / "tracks.csv"]


@pytest.mark.parametrize("kind", ["csv", "geff", "ctc"])
def test_each_format_gives_the_same_graph_back(source: Path, tmp_path: Path, kind: Any) -> None:
    report = export_tracks(source, tmp_path / "out", ExportOptions(kind))
    back = read_back(report.files[0])
    if kind == "ctc":  # centers of discs are whole pixels, and a single daughter goes on as its parent
        back = back.assign(y=back.y.round(), x=back.x.round())
        want = rows().assign(y=np.floor(rows().y + 0.5), x=np.floor(rows().x + 0.5))
        assert "1 gaps" in report.text()
        assert "1 single daughters" in report.text()
        assert "22 of 22 observations have no label image: discs of 5 px" in report.text()
        assert set(back.track_id) == {1, 2, 3, 4, 6}
    else:
        want = rows()
    assert links(back) == links(want)


@pytest.mark.filterwarnings("ignore:Array is unsupported by ZarrsCodecPipeline")  # texts, read by zarr itself
def test_geff_is_valid_by_its_library_and_keeps_what_else_there_is(source: Path, tmp_path: Path) -> None:
    import geff
    from geff.core_io import read_to_memory

    marks = marked(source, mark("track", "accept", track_id=2))
    path = export_tracks(source, tmp_path / "out", ExportOptions("geff"), curation=marks).files[0]
    geff.validate_structure(path)
    graph = read_to_memory(path)
    axes = [(axis.name, axis.unit, axis.scale, axis.scaled_unit) for axis in graph["metadata"].axes]
    assert axes == [
        ("t", "frame", 30.0, "minute"),
        ("y", "pixel", 0.5, "micrometer"),
        ("x", "pixel", 0.5, "micrometer"),
    ]
    props = {name: np.asarray(item["values"]) for name, item in graph["node_props"].items()}
    assert props["size"].tolist() == rows()["size"].tolist()
    assert [str(item) for item in props["verdict"]] == ["accept" if t == 2 else "" for t in rows().track_id]
    assert set(graph["metadata"].track_node_props) == {"lineage"}  # 5 and 6 are one tracklet by GEFF
    assert len(np.unique(props["lineage"])) == 3


def test_what_marks_exclude_is_left_out_and_links_are_cut(source: Path, tmp_path: Path) -> None:
    marks = marked(
        source,
        mark("track", track_id=1),
        mark("link", track_id=2, t=5),
        mark("frame", track_id=4, t=4),
        mark("frame", "unsure", track_id=3, t=6),
        mark("track", "accept", track_id=3, day=2),
        mark("track", track_id=99),
    )
    report = export_tracks(source, tmp_path / "out", curation=marks)
    table = pd.read_csv(tmp_path / "out" / FOV / "tracks.csv", keep_default_na=False)
    frames = {track: part.t.tolist() for track, part in table.groupby("track_id")}
    assert frames == {2: [3, 4], 3: [3, 4, 5, 6, 7], 4: [0, 1, 5], 5: [0, 1], 6: [2, 3, 4], 7: [5, 6, 7]}
    assert table.groupby("track_id").parent_track_id.first().to_dict() == {
        2: -1,
        3: -1,
        4: -1,
        5: -1,
        6: 5,
        7: -1,
    }
    assert report.excluded == 4
    text = report.text()
    assert "2 tracks lost their parent" in text
    assert "1 tracks are later parts of tracks that were cut" in text
    assert "mark not found: track e/A/1/0 track 99" in text
    third = table[table.track_id == 3]
    assert third.verdict.tolist() == ["accept"] * 5  # the latest counts
    assert table[table.marked == "link"][["track_id", "t", "verdict"]].to_numpy().tolist() == [
        [7, 5, "exclude"]
    ]
    assert set(third.reason) == {"why, so"}

    registry = ExperimentRegistry.from_yaml(source)
    index = MultiExperimentIndex(registry, (0, 1), (8, 8), (0.5, 1.0), options=IndexOptions(curation=marks))
    assert len(table) == index.table.t.size - report.excluded

    every = export_tracks(source, tmp_path / "every", ExportOptions(keep_excluded=True), curation=marks)
    table = pd.read_csv(every.files[0], keep_default_na=False)
    assert len(table) == len(rows())
    assert table[(table.verdict == "exclude") & (table.marked != "link")].t.tolist() == [0, 1, 2, 4]


def labels(source: Path, name: str = "cells") -> np.ndarray:
    """Label images beside the pixels: squares of another value for each track; 4 has none at frame 5."""
    import zarr

    images = np.zeros((8, 1, 1, 80, 64), dtype=np.uint16)
    for track, t, _, y, x, _ in rows().itertuples(index=False):
        if (track, t) != (4, 5):
            row, column = int(y + 0.5), int(x + 0.5)
            images[t, 0, 0, row - 2 : row + 2, column - 1 : column + 2] = 100 + track
    folder = source.parent / "p.zarr" / "A" / "1" / "0" / "labels"
    group = zarr.open_group(folder, mode="a", **({"zarr_format": 2} if zarr.__version__ > "3" else {}))
    group.attrs["labels"] = [*group.attrs.get("labels", []), name]
    image = group.create_group(name)
    axes = [{"name": axis, "type": {"t": "time", "c": "channel"}.get(axis, "space")} for axis in "tczyx"]
    steps = [{"type": "scale", "scale": [1, 1, 1, 0.5, 0.5]}]
    levels = [{"path": "0", "coordinateTransformations": steps}]
    image.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": levels}]
    array = (
        image.create_array("0", shape=images.shape, chunks=(1, 1, 1, 80, 64), dtype="u2")
        if hasattr(image, "create_array")
        else image.create_dataset("0", shape=images.shape, chunks=(1, 1, 1, 80, 64), dtype="u2")
    )
    array[:] = images
    return images


def test_ctc_takes_the_outlines_of_label_images(source: Path, tmp_path: Path) -> None:
    images = labels(source)
    marks = marked(source, mark("frame", "unsure", track_id=3, t=6))
    report = export_tracks(source, tmp_path / "out", ExportOptions("ctc", radius_px=0), curation=marks)
    folder = report.files[0]
    assert folder == tmp_path / "out" / FOV / "01_RES"
    lbep = [list(map(int, line.split())) for line in (folder / "res_track.txt").read_text().splitlines()]
    assert lbep == [
        [1, 0, 2, 0],
        [2, 3, 7, 1],
        [3, 3, 7, 1],
        [4, 0, 1, 0],
        [5, 4, 5, 4],
        [6, 0, 1, 0],
        [7, 2, 4, 6],
    ]
    mask = tifffile.imread(folder / "mask003.tif")
    assert mask.dtype == np.uint16
    for label, track in ((2, 2), (3, 3), (7, 6)):
        assert np.array_equal(mask == label, images[3, 0, 0] == 100 + track)
    assert np.count_nonzero(tifffile.imread(folder / "mask005.tif") == 5) == 1  # a disc of one pixel
    assert "1 of 22 observations have no label of its own at the centroid" in report.text()
    table = pd.read_csv(folder / "annotations.csv")
    assert table[["track_id", "t", "verdict"]].to_numpy().tolist() == [[3, 6, "unsure"]]
    assert len(list(folder.glob("mask*.tif"))) == 8
    labels(source, "nuclei")
    with pytest.raises(ConfigError, match=r"several label images; expected cells, nuclei.*--labels"):
        export_tracks(source, tmp_path / "two", ExportOptions("ctc"))
    with pytest.raises(ConfigError, match=r"no such label images.*Did you mean 'cells'"):
        export_tracks(source, tmp_path / "two", ExportOptions("ctc", labels="cell"))
    assert not (tmp_path / "two").exists()
    assert export_tracks(source, tmp_path / "two", ExportOptions("ctc", labels="nuclei")).files


def state(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("kind", ["csv", "geff", "ctc"])
def test_nothing_is_overwritten_without_being_asked(
    source: Path, tmp_path: Path, capsys: Any, kind: str
) -> None:
    out = tmp_path / "out"
    told = ["export", "tracks", str(source), "--to", str(out), "--format", kind]
    assert main(told) == 0
    assert "1 fields of view: 22 observations, 6 tracks, 0 excluded" in capsys.readouterr().out
    before = state(out)
    marked(source, mark("track", track_id=4))  # curation.csv beside the experiments counts by itself
    assert main(told) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert state(out) == before
    assert main([*told, "--overwrite"]) == 0
    assert "18 observations, 5 tracks, 4 excluded" in capsys.readouterr().out
    assert state(out) != before
    assert [path.name for path in out.iterdir()] == ["e"]
    assert main([*told, "--overwrite", "--curation", "none"]) == 0
    assert "22 observations" in capsys.readouterr().out


def test_the_folder_that_tracks_are_read_from_is_never_the_target(source: Path, tmp_path: Path) -> None:
    (tmp_path / "p.tracks").rename(tmp_path / "e")
    source.write_text(source.read_text().replace("p.tracks", "e"))
    with pytest.raises(DataError, match="the tracks are read from there"):
        export_tracks(source, tmp_path, overwrite=True)


def test_ended_in_the_middle_nothing_is_there(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "p.zarr" / "A" / "1"
    shutil.copytree(folder / "0", folder / "1")
    metadata = folder / ".zattrs"
    content = json.loads(metadata.read_text())
    content["well"]["images"].append({"path": "1"})
    metadata.write_text(json.dumps(content))
    shutil.copytree(tmp_path / "p.tracks/A/1/0", tmp_path / "p.tracks/A/1/1")

    def stop(done: int, _all: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_tracks(source, tmp_path / "out", progress=stop)
    assert not (tmp_path / "out").exists()
    assert len(export_tracks(source, tmp_path / "out").files) == 2
