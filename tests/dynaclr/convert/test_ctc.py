from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.cli.verbs import main
from dynaclr.convert import CtcOptions, convert_ctc
from dynaclr.experiment import ExperimentRegistry, read_experiments
from dynaclr.images.stores import make_context, open_array
from dynaclr.index import MultiExperimentIndex

OPTIONS = CtcOptions("movie", 10.0, 0.5)
LBEP = "1 0 2 0\n2 3 5 1\n3 3 5 1\n4 0 1 0\n5 4 5 4\n"  # 1 divides; 4 re-appears as 5


def sequence(folder: Path, lbep: str = LBEP, depth: int = 0, frames: int = 6) -> Path:
    images, masks = folder / "01", folder / "01_RES"
    images.mkdir(parents=True)
    masks.mkdir()
    spans = [tuple(map(int, line.split())) for line in LBEP.splitlines()]
    shape = (depth, 30, 40) if depth else (30, 40)
    for t in range(frames):
        mask = np.zeros(shape, dtype=np.uint16)
        for label, begin, end, _ in spans:
            if begin <= t <= end:
                mask[..., 5 * label : 5 * label + 3, 4 + t : 7 + t] = label
        tifffile.imwrite(masks / f"mask{t:03d}.tif", mask, photometric="minisblack")
        tifffile.imwrite(
            images / f"t{t:03d}.tif", (mask * 10 + t).astype(np.uint16), photometric="minisblack"
        )
    (masks / "res_track.txt").write_text(lbep)
    return images


@pytest.mark.parametrize("depth", [0, 5])
def test_a_sequence_becomes_an_experiment(tmp_path: Path, depth: int) -> None:
    source = sequence(tmp_path / "in", depth=depth)
    report = convert_ctc([source], tmp_path / "out", OPTIONS)
    (fov,) = report.fovs
    assert (fov.frames, fov.tracks, fov.divisions, fov.labels.reappearances) == (6, 4, 1, 1)
    assert fov.observations == 3 + 3 + 3 + 2 + 2
    table = pd.read_csv(tmp_path / "out" / "movie.tracks" / "A" / "1" / "0" / "tracks.csv")
    cell = table[table.track_id == 4]
    assert cell.t.tolist() == [0, 1, 4, 5]
    assert set(table.parent_track_id[table.track_id == 2]) == {1}
    assert ("z" in table) == (depth > 0)
    row = table[(table.track_id == 1) & (table.t == 2)].iloc[0]
    assert (row.y, row.x) == (6.0, 7.0)
    registry = ExperimentRegistry.from_yaml(report.experiments_yaml)
    index = MultiExperimentIndex(registry, (0, max(depth, 1)), (8, 8), (0.16, 0.5))
    assert index.report.experiments[0].gaps == 1
    array = open_array(registry.plates["movie"].fovs["A/1/0"], make_context(0), zeros_for_missing=False)
    for t in (0, 5):
        image = tifffile.imread(source / f"t{t:03d}.tif")
        assert np.array_equal(np.asarray(array[t, 0].read().result()).squeeze(), image.squeeze())


def test_several_sequences_and_conditions(tmp_path: Path) -> None:
    sources = [sequence(tmp_path / name) for name in ("a", "b", "c")]
    options = CtcOptions("movie", 10.0, conditions=("x", "y", "x"))
    report = convert_ctc(sources, tmp_path / "out", options)
    assert [fov.fov for fov in report.fovs] == ["A/1/0", "B/1/0", "A/1/1"]
    config = ExperimentRegistry.from_yaml(report.experiments_yaml).experiments[0]
    assert config.condition_wells == {"x": ["A/1"], "y": ["B/1"]}


def test_a_second_experiment_is_added_and_the_first_stays_to_the_byte(tmp_path: Path) -> None:
    source = sequence(tmp_path / "in")
    convert_ctc([source], tmp_path / "out", OPTIONS)
    path = tmp_path / "out" / "experiments.yaml"
    path.write_text("# mine\n" + path.read_text())
    before = path.read_text()
    convert_ctc([source], tmp_path / "out", CtcOptions("other", 10.0))
    assert path.read_text().startswith(before)
    assert ExperimentRegistry.from_yaml(path).names == ("movie", "other")
    with pytest.raises(DataError, match="target exists"):
        convert_ctc([source], tmp_path / "out", OPTIONS)


FIRST = """\
# experiments of µ-lab
experiments:
  # made by hand
  - name: hand      # keep
    data_path: hand.zarr
    tracks_path: hand.tracks
    channel_names: [a,   b]
    source_channel: ["a"]
    condition_wells: {all: ["A/1"]}

  # the movie
  -   name: movie
      data_path:   old.zarr
      tracks_path: old.tracks
      channel_names:
        - old
      source_channel: [old]
      condition_wells:
        old: [ "B/2" ]
      organelle: nucleus
      interval_minutes: 99   # measured

  # after it
  - {name: flow, data_path: f.zarr, tracks_path: f.tracks, channel_names: [a], source_channel: [a],
     condition_wells: {all: ["A/1"]}}
# the end
"""
OLD_MOVIE = FIRST[FIRST.index("name: movie") : FIRST.index("   # measured")]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("tail", ["", "\n"])
def test_overwriting_replaces_the_one_entry_and_no_other_byte(
    tmp_path: Path, newline: str, bom: bytes, tail: str
) -> None:
    source, out = sequence(tmp_path / "in"), tmp_path / "out"
    out.mkdir()
    path = out / "experiments.yaml"
    text = (FIRST.removesuffix("\n") + tail).replace("\n", newline)
    path.write_bytes(bom + text.encode())
    convert_ctc([source], out, OPTIONS, overwrite=True)
    before, after = text.split(OLD_MOVIE.replace("\n", newline))
    written = path.read_bytes()
    assert written.startswith(bom + before.encode())
    assert written.endswith(after.encode())
    middle = written[len(bom + before.encode()) : len(written) - len(after.encode())].decode()
    assert middle.count("\n") == middle.count(newline) == len(middle.split(newline)) - 1
    configs = {config.name: config for config in read_experiments(path)}
    assert list(configs) == ["hand", "movie", "flow"]
    movie = configs["movie"]
    assert (movie.plate_path.name, movie.interval_minutes) == ("movie.zarr", 10.0)
    assert movie.condition_wells == {"control": ["A/1"]}
    assert movie.organelle == "nucleus"  # what a conversion does not know stays
    assert ExperimentRegistry([movie]).names == ("movie",)


def test_overwriting_twice_changes_nothing_more(tmp_path: Path) -> None:
    source, out = sequence(tmp_path / "in"), tmp_path / "out"
    convert_ctc([source], out, CtcOptions("other", 10.0))
    convert_ctc([source], out, OPTIONS)
    before = (out / "experiments.yaml").read_bytes()
    convert_ctc([source], out, OPTIONS, overwrite=True)
    assert (out / "experiments.yaml").read_bytes() == before
    convert_ctc([source], out, CtcOptions("other", 20.0), overwrite=True)
    assert [config.interval_minutes for config in read_experiments(out / "experiments.yaml")] == [20.0, 10.0]


@pytest.mark.parametrize("end", ["", "\r\n", "\r\n# the end\r\n"])
def test_line_ends_of_a_file_that_grows_stay(tmp_path: Path, end: str) -> None:
    source, out = sequence(tmp_path / "in"), tmp_path / "out"
    out.mkdir()
    path = out / "experiments.yaml"
    hand = FIRST[: FIRST.index("\n\n  # the movie")].replace("\n", "\r\n") + end
    path.write_bytes(hand.encode())
    convert_ctc([source], out, OPTIONS)
    written = path.read_bytes()
    assert written.startswith(hand.encode())
    assert written.count(b"\n") == written.count(b"\r\n")
    assert [config.name for config in read_experiments(path)] == ["hand", "movie"]


FLOW = (
    "experiments: [{name: hand, data_path: h.zarr, tracks_path: h, channel_names: [a], source_channel: [a],"
)
FLOW += "\n  condition_wells: {all: [A/1]}}, ]  # mine\n"


def test_a_list_in_brackets_grows_and_changes_too(tmp_path: Path) -> None:
    source, out = sequence(tmp_path / "in"), tmp_path / "out"
    out.mkdir()
    path = out / "experiments.yaml"
    path.write_text(FLOW)
    convert_ctc([source], out, OPTIONS)
    convert_ctc([source], out, CtcOptions("movie", 20.0), overwrite=True)
    head, tail = FLOW.split(", ]")
    assert path.read_text().startswith(head)
    assert path.read_text().endswith(", ]" + tail)
    configs = read_experiments(path)
    assert [(config.name, config.interval_minutes) for config in configs] == [("hand", 30.0), ("movie", 20.0)]


def test_an_entry_that_others_refer_to_is_left_to_the_user(tmp_path: Path) -> None:
    source, out = sequence(tmp_path / "in"), tmp_path / "out"
    convert_ctc([source], out, OPTIONS)
    path = out / "experiments.yaml"
    text = path.read_text().replace("condition_wells:", "condition_wells: &wells")
    other = "- {name: other, data_path: o, tracks_path: o, channel_names: [a], source_channel: [a],"
    path.write_text(f"{text}{other} condition_wells: *wells}}\n")
    before = path.read_bytes()
    plate = (out / "movie.zarr" / ".zattrs").stat().st_mtime_ns
    with pytest.raises(
        DataError, match=r"cannot be changed without touching others[\s\S]*by hand[\s\S]*name: movie"
    ):
        convert_ctc([source], out, CtcOptions("movie", 20.0, 0.5), overwrite=True)
    assert path.read_bytes() == before
    assert (out / "movie.zarr" / ".zattrs").stat().st_mtime_ns == plate  # refused before anything is written
    path.write_text(path.read_text().replace("interval_minutes: 10.0", "interval_minutes: 20.0"))
    convert_ctc([source], out, CtcOptions("movie", 20.0, 0.5), overwrite=True)
    assert "&wells" in path.read_text()


def test_a_name_that_differs_only_in_case_is_refused(tmp_path: Path) -> None:
    source, out = sequence(tmp_path / "in"), tmp_path / "out"
    out.mkdir()
    (out / "experiments.yaml").write_text(FIRST)
    with pytest.raises(DataError, match="'Movie' is listed already.*found movie"):
        convert_ctc([source], out, CtcOptions("Movie", 10.0), overwrite=True)


def test_masks_and_table_that_disagree_are_listed(tmp_path: Path) -> None:
    lbep = "1 0 2 0\n2 3 5 1\n3 3 5 1\n4 0 3 0\n"
    report = convert_ctc([sequence(tmp_path / "in", lbep)], tmp_path / "out", OPTIONS)
    (fov,) = report.fovs
    assert fov.labels.missing_labels == [(2, 4), (3, 4)]
    assert fov.labels.extra_labels == [(4, 5), (5, 5)]
    assert "2 labels in the table but not in the masks" in report.text()


@pytest.mark.parametrize(
    ("lbep", "message"),
    [
        ("1 0 2\n", r"row 1: not a track.*4 whole numbers"),
        ("1 0 2 0\n1 3 4 0\n", "duplicate label; found 1"),
        ("1 5 2 0\n", "track ends before it begins"),
        ("1 0 2 9\n", "parent is not in the table; found 9"),
        ("", "no tracks"),
    ],
)
def test_tables_that_are_wrong(tmp_path: Path, lbep: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        convert_ctc([sequence(tmp_path / "in", lbep)], tmp_path / "out", OPTIONS)
    assert not (tmp_path / "out").exists()


def test_files_that_are_missing(tmp_path: Path) -> None:
    source = sequence(tmp_path / "in")
    (source / "t003.tif").unlink()
    with pytest.raises(DataError, match="have different frames.*frames in one only: 3"):
        convert_ctc([source], tmp_path / "out", OPTIONS)
    (tmp_path / "in" / "01_RES" / "mask003.tif").unlink()
    with pytest.raises(DataError, match="no frame 3"):
        convert_ctc([source], tmp_path / "out", OPTIONS)
    with pytest.raises(DataError, match="not a folder"):
        convert_ctc([tmp_path / "nowhere"], tmp_path / "out", OPTIONS)
    with pytest.raises(ConfigError, match="no sequence"):
        convert_ctc([], tmp_path / "out", OPTIONS)


def test_sizes_that_differ(tmp_path: Path) -> None:
    source = sequence(tmp_path / "in")
    tifffile.imwrite(source / "t004.tif", np.zeros((31, 40), dtype=np.uint16))
    with pytest.raises(DataError, match=r"t004\.tif: image sizes differ"):
        convert_ctc([source], tmp_path / "out", OPTIONS)
    assert not (tmp_path / "out").exists()


def test_real_recordings_have_the_counts_of_their_notes(shared_data: Path, tmp_path: Path) -> None:
    hela = [shared_data / "hela" / name for name in ("01", "02")]
    report = convert_ctc(hela, tmp_path, CtcOptions("hela", 30.0, 0.645))
    found = [(fov.tracks, fov.divisions, fov.observations) for fov in report.fovs]
    assert found == [(149, 5, 1734), (129, 14, 1682)]


def table_of(tmp_path: Path) -> pd.DataFrame:
    return pd.read_csv(tmp_path / "out" / "movie.tracks" / "A" / "1" / "0" / "tracks.csv")


def test_a_child_beside_its_living_parent_is_a_daughter(tmp_path: Path) -> None:
    source = sequence(tmp_path / "in", LBEP.replace("2 3 5 1", "2 3 5 0").replace("3 3 5 1", "3 3 5 2"))
    report = convert_ctc([source], tmp_path / "out", OPTIONS)
    (fov,) = report.fovs
    assert (fov.tracks, fov.divisions, fov.labels.reappearances, fov.labels.beside_parent) == (4, 0, 1, 1)
    assert "1 daughters begin while their parent goes on" in report.text()
    table = table_of(tmp_path)
    assert not table.duplicated(["track_id", "t"]).any()
    assert set(table.parent_track_id[table.track_id == 3]) == {2}
    registry = ExperimentRegistry.from_yaml(report.experiments_yaml)
    with pytest.warns(UserWarning, match="1 parents continue after their daughter starts"):
        index = MultiExperimentIndex(registry, (0, 1), (8, 8), (0.16, 0.5))
    assert index.report.experiments[0].tracks == 4


def test_an_end_frame_beyond_the_recording_is_told_and_counts_nothing_up(tmp_path: Path) -> None:
    source = sequence(tmp_path / "in", LBEP.replace("2 3 5 1", "2 3 2000000000 1"))
    report = convert_ctc([source], tmp_path / "out", OPTIONS)
    assert report.fovs[0].labels.cut_off == [2]
    assert report.fovs[0].labels.missing_labels == []
    assert "1 tracks end after the last frame by the table: labels 2" in report.text()


@pytest.mark.parametrize("number", ["99999999999999999999", "\u00b2"])
def test_numbers_that_are_none_name_the_row(tmp_path: Path, number: str) -> None:
    source = sequence(tmp_path / "in", LBEP.replace("2 3 5 1", f"{number} 3 5 1"))
    with pytest.raises(DataError, match=r"res_track\.txt, row 2: not a track"):
        convert_ctc([source], tmp_path / "out", OPTIONS)


@pytest.mark.parametrize("cut", [4, 20, 100, 300])
def test_a_damaged_image_names_its_file(tmp_path: Path, cut: int) -> None:
    source = sequence(tmp_path / "in")
    data = (source / "t002.tif").read_bytes()
    (source / "t002.tif").write_bytes(data[:cut])
    with pytest.raises(DataError, match=r"t002\.tif: image cannot be read"):
        convert_ctc([source], tmp_path / "out", OPTIONS)


def test_large_labels_have_ids_of_their_own(tmp_path: Path) -> None:
    source = sequence(tmp_path / "in", "1 0 0 0\n1000001 0 0 0\n", frames=2)
    mask = np.zeros((30, 40), dtype=np.uint32)
    mask[2:4, 2:4], mask[8:9, 8:9] = 1, 1_000_001
    for t in range(2):
        tifffile.imwrite(source.with_name("01_RES") / f"mask{t:03d}.tif", np.roll(mask, t))
    source.with_name("01_RES").joinpath("res_track.txt").write_text("1 0 1 0\n1000001 0 1 0\n")
    convert_ctc([source], tmp_path / "out", OPTIONS)
    assert table_of(tmp_path).id.is_unique


def test_further_channels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = [sequence(tmp_path / name) for name in ("a", "b")]
    for source in sources:
        for place, name in enumerate(("GFP", "RFP"), start=1):
            (source.parent / name).mkdir()
            for path in source.iterdir():
                image = tifffile.imread(path) + 1000 * place
                tifffile.imwrite(source.parent / name / path.name, image, photometric="minisblack")
    given = ["convert", "ctc", *map(str, sources), "--output", str(tmp_path / "out"), "--name", "movie"]
    given += ["--interval-minutes", "10", "--channel-name", "BF"]
    given += ["--channel", f"GFP={tmp_path / 'a/GFP'},{tmp_path / 'b/GFP'}"]
    red = [f"RFP={tmp_path / name / 'RFP'}" for name in ("a", "b")]
    assert main([*given, "--channel", red[0], "--channel", red[1]]) == 0
    registry = ExperimentRegistry.from_yaml(tmp_path / "out" / "experiments.yaml")
    assert registry.experiments[0].source_channel == ["BF", "GFP", "RFP"]
    for place, source in enumerate(sources):
        layout = registry.plates["movie"].fovs[f"A/1/{place}"]
        array = open_array(layout, make_context(0), zeros_for_missing=False).read().result()
        image = np.stack([tifffile.imread(path) for path in sorted(source.iterdir())])
        assert np.array_equal(array[:, :, 0], np.stack([image, image + 1000, image + 2000], axis=1))
    assert main([*given, "--channel", red[0], "--overwrite"]) == 2
    assert "channel RFP needs a folder for each sequence; expected 2" in capsys.readouterr().err
    (tmp_path / "b" / "RFP" / "t003.tif").unlink()
    assert main([*given, "--channel", red[0], "--channel", red[1], "--overwrite"]) == 2
    assert "b/RFP: channels have different frames" in capsys.readouterr().err
    assert main([*given, "--channel", "RFP"]) == 2
    assert "not a channel; expected NAME=FOLDER" in capsys.readouterr().err
