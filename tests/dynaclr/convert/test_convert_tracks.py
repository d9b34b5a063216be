"""From tracks of another tool and a plate to an index, by the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.cli.verbs import main
from dynaclr.convert import CtcOptions, convert_ctc, convert_tracks
from dynaclr.experiment import ExperimentRegistry
from dynaclr.images import PlateWriter
from dynaclr.index import MultiExperimentIndex
from dynaclr.tracks.sources import SourceOptions

FILES = Path(__file__).parents[1] / "tracks" / "sources" / "files"
FOVS = ("A/1/0", "A/1/1")
YAML = """\
experiments:
  - {name: e, data_path: p.zarr, tracks_path: p.tracks, channel_names: [a], source_channel: [a],
     condition_wells: {all: ["A/1"]}, interval_minutes: 30}
"""


def plate(
    folder: Path, fovs: tuple[str, ...] = FOVS[:1], frames: int = 8, size: int = 64, um: float = 0.5
) -> Path:
    with PlateWriter(folder / "p.zarr", ["a"], scale=(1800, 1, 1, um, um)) as writer:
        for fov in fovs:
            writer.create_fov(fov, (frames, 1, 1, size, size), np.dtype(np.uint16))
            for t in range(frames):
                writer.write_frame(fov, t, np.full((1, 1, size, size), 7, np.uint16))
    (folder / "experiments.yaml").write_text(YAML)
    return folder / "p.zarr"


def index(folder: Path) -> MultiExperimentIndex:
    registry = ExperimentRegistry.from_yaml(folder / "experiments.yaml")
    return MultiExperimentIndex(registry, (0, 1), (8, 8), (0.5, 1.0))


def test_from_ultrack_to_an_index(tmp_path: Path, capsys: Any) -> None:
    store = plate(tmp_path)
    source = FILES / "ultrack.xml"
    told = ["convert", "tracks", str(source), "--output", str(tmp_path / "p.tracks"), "--plate", str(store)]
    assert main(told) == 0
    text = capsys.readouterr().out
    assert f"{source} (TrackMate XML) -> A/1/0: 20 observations, 4 tracks, 1 divisions" in text
    assert index(tmp_path).report.experiments[0].divisions == 1
    assert main(told) == 2
    assert "A/1/0 has a track file already. Give --overwrite." in capsys.readouterr().err
    assert main([*told, "--overwrite"]) == 0


def test_several_sources_and_nothing_if_one_is_refused(tmp_path: Path) -> None:
    store = plate(tmp_path, FOVS)
    good, bad = FILES / "ultrack.csv", tmp_path / "bad.csv"
    bad.write_text("track_id,t,y,x\n1,0,1,1\n1,8,1,1\n")
    with pytest.raises(
        DataError, match=r"bad\.csv, row 3, field t: 1 rows have frames beyond.*expected 0\.\.7"
    ):
        convert_tracks([good, bad], tmp_path / "out", FOVS, plate=store)
    assert not (tmp_path / "out").exists()
    report = convert_tracks([good, FILES / "ultrack.parquet"], tmp_path / "out", FOVS, plate=store)
    one, other = (pd.read_csv(tmp_path / "out" / fov / "tracks.csv") for fov in FOVS)
    pd.testing.assert_frame_equal(one, other)
    assert [fov for fov, _ in report.sources] == list(FOVS)


def test_frames_that_count_from_1(tmp_path: Path) -> None:
    store = plate(tmp_path)
    source = tmp_path / "one.csv"
    source.write_text("track_id,t,y,x\n" + "".join(f"1,{t},5,5\n" for t in range(1, 9)))
    with pytest.raises(DataError, match="--first-frame 1"):
        convert_tracks([source], tmp_path / "out", plate=store)
    convert_tracks([source], tmp_path / "out", options=SourceOptions(first_frame=1), plate=store)
    assert pd.read_csv(tmp_path / "out" / "A/1/0" / "tracks.csv").t.tolist() == list(range(8))


def lengths(folder: Path, size: int, pixel: float) -> Path:
    """One spot at (y, x) = (20, 40) pixels of an image of the source."""
    rows = "".join(
        f'<Spot ID="{t}" FRAME="{t}" POSITION_X="{40 * pixel}" POSITION_Y="{20 * pixel}" POSITION_Z="0" />'
        for t in range(2)
    )
    path = folder / "m.xml"
    path.write_text(
        f'<TrackMate version="7"><Model spatialunits="micron"><AllSpots>{rows}</AllSpots><AllTracks>'
        '<Track TRACK_ID="0"><Edge SPOT_SOURCE_ID="0" SPOT_TARGET_ID="1" /></Track></AllTracks>'
        '<FilteredTracks><TrackID TRACK_ID="0" /></FilteredTracks></Model><Settings>'
        f'<ImageData width="{size}" height="{size}" nframes="8" pixelwidth="{pixel}" pixelheight="{pixel}" />'
        "</Settings></TrackMate>"
    )
    return path


@pytest.mark.parametrize(
    ("size", "pixel", "place", "note"),
    [
        (64, 0.5, (20, 40), ""),
        (64, 1.0, (20, 40), "1 um by the source, 0.5 um on the plate; that of the source was used"),
        (
            128,
            0.25,
            (9.75, 19.75),
            "128 x 128 px of 0.25 um by the source, 64 x 64 px of 0.5 um on the plate",
        ),
    ],
)
def test_calibrations_of_source_and_plate_are_compared(
    tmp_path: Path, size: int, pixel: float, place: tuple[float, float], note: str
) -> None:
    store = plate(tmp_path)
    report = convert_tracks([lengths(tmp_path, size, pixel)], tmp_path / "out", plate=store)
    row = pd.read_csv(tmp_path / "out" / "A/1/0" / "tracks.csv").iloc[0]
    assert (row.y, row.x) == place
    assert note in report.text()
    assert ("by the source" in report.text()) == bool(note)


def test_images_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    store = plate(tmp_path)
    with pytest.raises(
        DataError, match="different images; found image: 100 x 100 px of 0.5 um.*--pixel-size-um"
    ):
        convert_tracks([lengths(tmp_path, 100, 0.5)], tmp_path / "out", plate=store)


@pytest.mark.parametrize(
    ("fovs", "message"),
    [
        (None, "one field of view per source; expected 1; found 0"),
        (["A/1/0", "A/1/1"], "expected 1; found 2"),
        (["../x/0"], "no field of view; expected A/1/0"),
        (["A/1/9"], "the plate has no such field of view; expected A/1/0, A/1/1; found A/1/9"),
    ],
)
def test_fields_of_view_that_cannot_be(tmp_path: Path, fovs: list[str] | None, message: str) -> None:
    store = plate(tmp_path, FOVS)
    with pytest.raises(ConfigError, match=message):
        convert_tracks([FILES / "ultrack.csv"], tmp_path / "out", fovs, plate=store)


def test_a_folder_without_track_files_names_the_command_that_works(tmp_path: Path, capsys: Any) -> None:
    plate(tmp_path)
    (tmp_path / "p.tracks").mkdir()
    with pytest.raises(
        DataError,
        match=r"no FOV has a track file.*A/1/0/tracks\.csv; found nothing\..*convert tracks SOURCE --plate",
    ):
        index(tmp_path)
    (tmp_path / "p.tracks" / "my tracks.xml").write_bytes((FILES / "ultrack.xml").read_bytes())
    with pytest.raises(
        DataError, match=r"found my tracks\.xml\. my tracks\.xml holds tracks \(TrackMate"
    ) as error:
        index(tmp_path)
    command = str(error.value).rpartition("dynaclr convert tracks ")[2]
    import shlex

    assert main(["convert", "tracks", *shlex.split(command)]) == 0
    assert index(tmp_path).report.experiments[0].tracks == 4


def test_a_path_to_a_file_and_a_file_of_another_form_in_place(tmp_path: Path) -> None:
    plate(tmp_path)
    (tmp_path / "p.tracks").write_bytes((FILES / "ultrack.xml").read_bytes())
    with pytest.raises(
        DataError, match=r"not a folder.*found a file\. p\.tracks holds tracks.*convert tracks"
    ):
        index(tmp_path)
    (tmp_path / "p.tracks").unlink()
    place = tmp_path / "p.tracks" / "A" / "1" / "0"
    place.mkdir(parents=True)
    (place / "a.csv").write_text("id,parent_id,time,y,x\n1,,0,5,5\n2,1,1,5,5\n")
    with pytest.raises(DataError, match=r"field t: column is missing(.|\n)*a\.csv holds tracks \(table\)"):
        index(tmp_path)


def test_parquet_in_the_folder_is_read_as_it_is(tmp_path: Path) -> None:
    plate(tmp_path)
    place = tmp_path / "p.tracks" / "A" / "1" / "0"
    place.mkdir(parents=True)
    (place / "t.parquet").write_bytes((FILES / "ultrack.parquet").read_bytes())
    assert index(tmp_path).report.experiments[0].divisions == 1


def test_masks_of_the_cell_tracking_challenge_give_what_their_sequence_gives(
    tmp_path: Path, shared_data: Path
) -> None:
    options = CtcOptions("e", 30.0, 0.645)
    convert_ctc([shared_data / "hela" / "01"], tmp_path, options)
    source = shared_data / "hela" / "01_RES"
    report = convert_tracks([source], tmp_path / "out", plate=tmp_path / "e.zarr")
    one, other = (
        pd.read_csv(folder / "A" / "1" / "0" / "tracks.csv")
        for folder in (tmp_path / "e.tracks", tmp_path / "out")
    )
    pd.testing.assert_frame_equal(one[list(other)], other)
    assert "1734 observations, 149 tracks, 5 divisions" in report.text()


def test_masks_among_images_and_a_frame_far_away(tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    mask = np.zeros((20, 30), dtype=np.uint16)
    mask[3:6, 4:7] = 9
    for t in (0, 1, 1_500_000_000):
        tifffile.imwrite(folder / f"mask{t:03d}.tif", mask)
        tifffile.imwrite(folder / f"t{t:03d}.tif", mask + 1)
    (folder / "res_track.txt").write_text("9 0 2000000000 0\n")
    report = convert_tracks([folder], tmp_path / "out", ["A/1/0"])
    table = pd.read_csv(tmp_path / "out" / "A/1/0" / "tracks.csv")
    assert table[["track_id", "t", "y", "x"]].to_numpy().tolist() == [
        [9, t, 4, 5] for t in (0, 1, 1_500_000_000)
    ]
    assert "1 tracks end after the last frame by the table: labels 9" in report.text()
    (folder / "res_track.txt").write_text("9 0 1 9\n")
    with pytest.raises(DataError, match=r"masks: tracks are their own ancestors \(cycle\); found 9"):
        convert_tracks([folder], tmp_path / "out", ["A/1/1"])
