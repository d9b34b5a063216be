"""What a source leaves open is asked or refused, and what is shown is what is written."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.cli.verbs import main
from dynaclr.convert import ImageSize, TracksPreview, answered, convert_tracks, preview_tracks
from dynaclr.images import PlateWriter
from dynaclr.tracks.sources import SourceOptions, table_names

IMAGE = ImageSize((9, 1, 1, 200, 300), 0.25, "image")


def table(folder: Path, first: int = 1, scale: float = 0.25, head: str = "Track;Frame;Pos X;Pos Y") -> Path:
    """Semicolons and decimal commas: two cells to the ends of the image."""
    path = folder / "cells.csv"
    rows = [(k, first + t, scale * (40 * k + t), scale * (30 * k + t)) for k in (1, 4) for t in range(8)]
    lines = [";".join(str(value) for value in row).replace(".", ",") for row in rows]
    path.write_text("\n".join([head, *lines]))
    return path


def questions(found: TracksPreview) -> dict[str, list[str]]:
    return {item.field: list(item.choices) for item in found.questions}


def test_a_table_without_units_and_with_frames_from_1_leaves_two_questions_open(tmp_path: Path) -> None:
    source = table(tmp_path)
    found = preview_tracks(source, SourceOptions(), IMAGE)
    assert questions(found) == {"columns": ["yes"], "first_frame": ["0", "1"], "unit": ["pixel", "um"]}
    assert found.names == {"track_id": "Track", "t": "Frame", "x": "Pos X", "y": "Pos Y"}
    assert (
        found.questions[0].text == "columns by their names: track_id = Track, t = Frame, y = Pos Y, x = Pos X"
    )
    with pytest.raises(DataError, match=r"first frame in the file is 1\. Give --first-frame 0 .* or .* 1 "):
        found.check()
    options = found.options
    for question, answer in zip(found.questions, ("yes", "1", "um"), strict=True):
        options = answered(options, question, answer)
    told = preview_tracks(source, options, IMAGE)
    assert questions(told) == {"columns": ["yes"]}  # not open: it only is shown
    told.check()
    assert told.columns["t"].tolist() == [*range(8)] * 2
    assert told.columns["x"].tolist() == [40.0 * k + t for k in (1, 4) for t in range(8)]
    assert "pixel size: 0.25 um, of the image" in told.lines()
    with pytest.raises(ConfigError, match="no such answer; expected 0, 1; found 2"):
        answered(options, found.questions[1], "2")


@pytest.mark.parametrize(
    ("first", "scale", "frames", "open_"),
    [
        (0, 1.0, 9, []),
        (2, 1.0, 10, []),
        (2, 1.0, 9, ["first_frame"]),
        (1, 1.0, 8, ["first_frame"]),
        (0, 0.25, 9, ["unit"]),  # any pixel smaller than a micrometer leaves room for both
        (0, 0.3, 9, []),
    ],
)
def test_what_is_clear_is_not_asked(
    tmp_path: Path, first: int, scale: float, frames: int, open_: list[str]
) -> None:
    image = ImageSize((frames, 1, 1, 130, 170), 0.25)
    found = preview_tracks(table(tmp_path, first, scale), SourceOptions(), image)
    assert [item.field for item in found.questions if item.open] == open_
    if frames in (first + 7, 8):
        assert found.questions[-1].choices == {"1": "frames count from 1"}


def test_several_columns_of_one_meaning(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("track,time,frame,y,x\n1,0,5,5,6\n1,1,6,5,6\n")
    found = preview_tracks(path, SourceOptions())
    assert questions(found)["t"] == ["frame", "time"]
    with pytest.raises(DataError, match=r"2 columns can be t: frame, time. Give --column t=frame or"):
        convert_tracks([path], tmp_path / "out", ["A/1/0"])
    told = preview_tracks(path, answered(SourceOptions(), found.questions[0], "time"))
    assert told.columns["t"].tolist() == [0, 1]
    assert table_names(path) == ("track", "time", "frame", "y", "x")


def test_a_fault_is_told_with_what_would_be_written(tmp_path: Path) -> None:
    image = ImageSize((9, 1, 1, 200, 300), 1.0)
    source = table(tmp_path, 4, 1.0)
    found = preview_tracks(source, SourceOptions(), image)
    assert "frames beyond" in found.fault
    assert found.columns["t"].size == 16
    with pytest.raises(DataError, match="frames beyond"):
        found.check()


def test_a_pixel_size_that_nobody_says_is_advised_where_the_images_are_alike(shared_data: Path) -> None:
    """The recording of 256 px has no unit, TrackMate saw 2048 px of 0.068 um."""
    source = shared_data / "fucci" / "source" / "trackmate.xml.gz"
    image = ImageSize((121, 3, 1, 256, 256), 0.0, "layer")
    with pytest.raises(DataError, match=r"layer are of different images.*0\.5442 if both show the same"):
        preview_tracks(source, SourceOptions(), image)
    found = preview_tracks(source, SourceOptions(pixel_size_um=0.544), image)
    assert found.fault == ""
    known = preview_tracks(source, SourceOptions(), ImageSize(image.shape, 0.544, "layer"))
    assert "of the same extent; the layer's pixels were used" in "\n".join(known.lines())
    assert known.options.pixel_size_um == 0.544
    assert np.array_equal(known.columns["x"], found.columns["x"])


def plate(folder: Path) -> Path:
    with PlateWriter(folder / "p.zarr", ["a"], scale=(1800, 1, 1, 0.25, 0.25)) as writer:
        writer.create_fov("A/1/0", (9, 1, 1, 200, 300), np.dtype(np.uint16))
        for t in range(9):
            writer.write_frame("A/1/0", t, np.full((1, 1, 200, 300), 7, np.uint16))
    return folder / "p.zarr"


def command(folder: Path, *more: str) -> list[str]:
    told = ["convert", "tracks", str(folder / "cells.csv"), "--output", str(folder / "out")]
    store = folder / "p.zarr"
    return [*told, "--plate", str(store if store.exists() else plate(folder)), *more]


def written(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "out" / "A" / "1" / "0" / "tracks.csv")


def test_options_answer_where_nobody_can_be_asked(tmp_path: Path, capsys: Any) -> None:
    source = table(tmp_path)
    told = command(tmp_path)
    assert main(told) == 2
    assert f"file {source}, field first_frame: the first frame in the file is 1." in capsys.readouterr().err
    assert main([*told, "--first-frame", "1"]) == 2
    assert "Give --unit pixel (they are pixels) or --unit um" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*told, "--first-frame", "1", "--unit", "um"]) == 0
    assert "columns: track_id = Track, t = Frame, y = Pos Y, x = Pos X" in capsys.readouterr().out
    assert (written(tmp_path).t.max(), written(tmp_path).x.max()) == (7, 167)
    assert main([*told, "--overwrite", "--first-frame", "0", "--unit", "furlong"]) == 2
    assert "unknown unit of coordinates; expected pixel, nm, um" in capsys.readouterr().err


def asked(told: list[str], answers: str) -> tuple[int, str]:
    """Run a command on a terminal of its own and type answers."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "dynaclr", *told],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        os.close(theirs)
        os.write(ours, answers.encode())
        text = process.communicate()[0].decode()
    os.close(ours)
    return process.returncode, text


def test_a_person_at_a_terminal_is_asked(tmp_path: Path) -> None:
    table(tmp_path)
    code, text = asked(command(tmp_path), "\nmaybe\n1\num\n")
    assert code == 0, text
    assert "Columns by their names: track_id = Track, t = Frame, y = Pos Y, x = Pos X." in text
    assert text.count("Which one (0/1)?") == 2
    assert "Which one (pixel/um)?" in text
    assert (written(tmp_path).t.max(), written(tmp_path).x.max()) == (7, 167)


def test_a_person_corrects_the_columns_and_ends_the_questions(tmp_path: Path) -> None:
    table(tmp_path, 0, 1.0)
    code, text = asked(command(tmp_path), "y=Pos X,x=Pos Y\n\n")
    assert code == 0, text
    assert written(tmp_path).y.max() == 167
    table(tmp_path, 1, 1.0)
    code, text = asked([*command(tmp_path), "--overwrite"], "\n\x04")
    assert code == 2
    assert "Give --first-frame 0" in text
    assert written(tmp_path).y.max() == 167


def test_a_table_whose_names_are_not_ours_may_be_in_micrometers(tmp_path: Path) -> None:
    """It has x and y, but no column says that it was written for this project."""
    source = tmp_path / "spots.csv"
    source.write_text("frame;track;x;y\n0;1;4,5;6,25\n1;1;5,5;6,5\n")
    image = ImageSize((2, 1, 1, 40, 40), 0.5)
    found = preview_tracks(source, SourceOptions(), image)
    found.check()
    assert "both as pixels and as micrometers; taken as pixels. Give --unit" in found.counts.notes[-1]
    source.write_text("frame;track;px;py\n0;1;4,5;6,25\n1;1;5,5;6,5\n")
    found = preview_tracks(source, SourceOptions(columns={"x": "px", "y": "py"}), image)
    with pytest.raises(DataError, match="both as pixels and as micrometers.*--unit"):
        found.check()
    source.write_text("track_id;t;x;y\n1;0;4,5;6,25\n1;1;5,5;6,5\n")
    preview_tracks(source, SourceOptions(), image).check()
