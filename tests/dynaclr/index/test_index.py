"""The index of coded experiments against pandas and against loops over its rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.experiment import ExperimentRegistry
from dynaclr.images.plate_writer import write_plate
from dynaclr.index import MultiExperimentIndex
from dynaclr.index.options import IndexOptions
from dynaclr.tracks import TrackPolicy

FOVS = ("A/1/0", "A/1/1", "B/1/0")


def make_index(path: Path, patch: tuple[int, int] = (16, 16), **options: Any) -> MultiExperimentIndex:
    registry = ExperimentRegistry.from_yaml(path)
    return MultiExperimentIndex(registry, (0, 1), patch, (0.5, 1.0), options=IndexOptions(**options))


def track_file(path: Path, experiment: str = "coded0", fov: str = "A/1/0") -> Path:
    return path.parent / f"{experiment}.tracks" / fov / "tracks.csv"


def edited(file: Path, change: Callable[[pd.DataFrame], Any]) -> None:
    table = pd.read_csv(file)
    changed = change(table)
    (table if changed is None else changed).to_csv(file, index=False)


def test_hours_groups_and_codes(coded_source: Path) -> None:
    index = make_index(coded_source)
    frame = index.valid_anchors
    interval = np.where(frame.experiment == "coded0", 0.5, 0.25)
    start = np.where(frame.experiment == "coded0", 0.0, 3.0)
    assert frame.hours_post_infection.to_numpy() == pytest.approx(start + frame.t * interval)
    for groups, column in ((index.experiment_groups, "experiment"), (index.condition_groups, "condition")):
        for label, rows in groups.items():
            assert set(index.tracks.loc[rows, column]) == {label}
        assert sorted(np.concatenate(list(groups.values()))) == index.tracks.index.tolist()
    for column in ("experiment", "condition", "well", "fov_name"):
        codes, labels = index.codes(column, index.anchor_rows)
        assert len(labels) == len(set(labels))
        wells = frame.experiment.astype(str) + "/" + frame.well_name.astype(str)
        fovs = frame.experiment.astype(str) + "/" + frame.fov_name.astype(str)
        texts = {"well": wells, "fov_name": fovs}.get(column, frame.get(column))
        assert [labels[code] for code in codes] == texts.astype(str).tolist()
    with pytest.raises(
        KeyError, match="no text column 'wells'; there are experiment, condition, well, fov_name"
    ):
        index.codes("wells", slice(None))


def test_text_columns_are_categories_and_ids_are_whole(coded_source: Path) -> None:
    frame = make_index(coded_source).tracks
    for name in ("experiment", "condition", "well_name", "fov_name", "global_track_id", "lineage_id"):
        assert isinstance(frame[name].dtype, pd.CategoricalDtype)
    labels = (
        frame.experiment.astype(str) + "_" + frame.fov_name.astype(str) + "_" + frame.track_id.astype(str)
    )
    assert (frame.global_track_id.astype(str) == labels).all()
    assert set(frame.fluorescence_channel) == {"GFP", "mCherry"}
    assert frame.parent_track_id.dtype.kind == "i"


def test_lineages_of_two_wells_with_the_same_numbers_are_not_fused(coded_source: Path) -> None:
    index = make_index(coded_source, relation="lineage")
    frame = index.tracks
    assert (
        frame.groupby(["experiment", "fov_name", "track_id"], observed=True).ngroups
        == frame.global_track_id.nunique()
    )
    homes = frame.groupby("lineage_id", observed=True)[["experiment", "well_name", "fov_name"]].nunique()
    assert (homes == 1).all(axis=None)
    family = frame[frame.track_id.isin([1, 2, 3])].groupby("lineage_id", observed=True).size()
    assert len(family) == 6  # one in each FOV of each experiment, though all have the ids 1, 2 and 3
    dataset = MultiExperimentTripletDataset(index)
    draw = dataset.draw(list(range(len(dataset))))
    assert np.array_equal(index.table.fov_of(draw.anchor), index.table.fov_of(draw.positive))


def test_a_parent_of_another_fov_is_a_root_and_counted(coded: Path) -> None:
    before = make_index(coded)

    def foreign(table: pd.DataFrame) -> None:
        table.loc[table.track_id == 2, "track_id"] = (
            20  # its parent 1 is of FOV A/1/1 only, once 1 is gone here
        )
        table.loc[table.track_id == 1, "track_id"] = 10

    edited(track_file(coded), foreign)
    index = make_index(coded)
    assert index.report.experiments[0].notes["parents missing"] == 3 + 2
    assert before.report.experiments[0].notes["parents missing"] == 3
    assert "parents missing 5" in index.report.text()
    frame = index.tracks[(index.tracks.experiment == "coded0") & (index.tracks.fov_name == "A/1/0")]
    assert set(frame.lineage_id[frame.track_id == 20]) == {"coded0_A/1/0_20"}
    assert set(frame.parent_track_id[frame.track_id == 20]) == {-1}


def test_a_file_that_names_the_fov_of_its_parents_is_refused(coded: Path) -> None:
    edited(track_file(coded), lambda table: table.assign(fov_name="A/1/0"))
    make_index(coded)
    both = pd.concat(
        [
            pd.read_csv(track_file(coded)),
            pd.read_csv(track_file(coded, fov="A/1/1")).assign(
                fov_name="A/1/1", track_id=lambda t: t.track_id + 100
            ),
        ]
    )
    both.to_csv(track_file(coded), index=False)
    with pytest.raises(
        DataError, match=r"experiment coded0, file .*A/1/0/tracks\.csv.*expected A/1/0; found A/1/1"
    ):
        make_index(coded)


def test_track_files_and_fovs_that_do_not_match_are_listed_both_ways(coded: Path) -> None:
    folder = coded.parent / "coded1.tracks"
    (folder / "C" / "3").mkdir(parents=True)
    (folder / "B" / "1" / "0").rename(folder / "C" / "3" / "7")
    lacks, strange = r"1 FOVs without a track file; found B/1/0", r"1 track files match no FOV; found C/3/7"
    with pytest.raises(DataError, match=rf"2 problems[\s\S]*coded1.*{lacks}[\s\S]*coded1.*{strange}"):
        make_index(coded, tracks=TrackPolicy(missing_file="error"))
    with pytest.warns(UserWarning, match=lacks), pytest.warns(UserWarning, match=strange):
        index = make_index(coded)
    text = index.report.text()
    assert "skipped       B/1/0: no track file" in text
    assert "C/3/7" in text


def test_problems_of_several_files_are_told_together(coded: Path) -> None:
    track_file(coded).write_text("track_id,t,y\n1,0,1\n")
    track_file(coded, "coded1", "B/1/0").write_bytes(b"")
    with pytest.raises(DataError, match=r"2 problems[\s\S]*coded0.*field x.*missing[\s\S]*coded1.*no rows"):
        make_index(coded)


def test_cells_seen_once_gaps_and_three_daughters(coded: Path) -> None:
    def family(table: pd.DataFrame) -> pd.DataFrame:
        third = table[table.track_id == 3].assign(track_id=7, id=lambda t: t.id + 5000)
        return pd.concat([table, third, pd.DataFrame([{"track_id": 8, "t": 0, "y": 20.0, "x": 20.0}])])

    edited(track_file(coded), family)
    edited(track_file(coded, fov="A/1/1"), lambda table: table[table.track_id == 5])
    index = make_index(coded)
    report = index.report.experiments[0]
    assert report.notes["divisions into more than two"] == 1
    assert report.divisions == 2
    alone = index.tracks[(index.tracks.fov_name == "A/1/1") & (index.tracks.experiment == "coded0")]
    assert set(alone.track_id) == {5}
    assert report.fovs_used == 3
    lost = report.lost
    assert lost["short track"] >= 1
    assert sum(lost.values()) + report.anchors == report.observations


def test_coordinates_at_and_beyond_the_edge(coded: Path) -> None:
    places = [(-0.5, 0.0), (47.5, 63.5), (-0.51, 5.0), (5.0, 63.6), (47.49, -0.4)]

    def edge(table: pd.DataFrame) -> pd.DataFrame:
        new = [
            {"track_id": 50 + k, "t": t, "y": y, "x": x} for k, (y, x) in enumerate(places) for t in range(3)
        ]
        return pd.concat([table, pd.DataFrame(new)])

    edited(track_file(coded), edge)
    with pytest.warns(UserWarning, match="6 of .* centroids lie outside the image"):
        index = make_index(coded)
    assert index.report.experiments[0].left_out["outside the image"] == 6
    frame = index.tracks[index.tracks.track_id >= 50].drop_duplicates("track_id").set_index("track_id")
    assert frame.index.tolist() == [50, 51, 54]
    assert frame.y_clamp.tolist() == [8, 40, 40]
    assert frame.x_clamp.tolist() == [8, 56, 8]


def test_two_experiments_on_one_plate_are_allowed_and_told(coded: Path) -> None:
    content = yaml.safe_load(coded.read_text())
    first = content["experiments"][0]
    parts = [{"uninfected": ["A/1"]}, {"infected": ["B/1"]}]
    content["experiments"] = [{**first, "name": f"part{k}", "condition_wells": parts[k]} for k in (0, 1)]
    coded.write_text(yaml.safe_dump(content))
    registry = ExperimentRegistry.from_yaml(coded)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        index = MultiExperimentIndex(registry, (0, 1), (16, 16), (0.5, 1.0))
        apart = MultiExperimentIndex(registry, (0, 1), (16, 16), (0.5, 1.0), ["part0/A/1", "part1/B/1"])
    text = "experiments 'part0' and 'part1' share pixels: 3 FOVs (A/1/0, A/1/1, B/1/0)"
    assert text in index.report.warnings
    assert not any("share pixels" in line for line in apart.report.warnings)


def test_fovs_of_many_sizes_in_one_experiment(coded: Path) -> None:
    rng = np.random.default_rng(0)
    shapes = {"A/1/0": (8, 3, 3, 48, 64), "A/1/1": (9, 3, 5, 60, 70), "B/1/0": (8, 3, 2, 48, 65)}
    fovs = {name: rng.integers(1, 900, shape).astype(np.uint16) for name, shape in shapes.items()}
    write_plate(
        coded.parent / "coded0.zarr",
        fovs,
        ["Phase", "GFP", "Extra"],
        overwrite=True,
        chunks=(1, 1, 2, 20, 33),
    )
    dataset = MultiExperimentTripletDataset(make_index(coded), fit=False)
    images = dataset.__getitems__(range(len(dataset)))["anchor"].numpy()
    table, index = dataset.index.table, dataset.index
    y, x = index.corners(dataset.rows)
    for place, row in enumerate(dataset.rows.tolist()):
        entry = index.fovs[int(table.fov_of(np.array([row]))[0])]
        if entry.experiment == 0:
            pixels = fovs[entry.layout.name][
                table.t[row], :2, :1, y[place] : y[place] + 16, x[place] : x[place] + 16
            ]
            assert np.array_equal(images[place], pixels)


def test_the_relation_self_needs_no_other_frame(coded_source: Path) -> None:
    index = make_index(coded_source, relation="self")
    assert index.anchor_rows.size == len(index.table)
    assert not index.tau_frames.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"relation": "descendent"},
            r"relation: unknown choice.*'descendent'\. Did you mean 'descendant'\?",
        ),
        ({"missing_chunks": "ignore"}, r"missing_chunks: unknown choice.*exclude, error, zeros.*'ignore'"),
    ],
)
def test_unknown_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        IndexOptions(**options)


@pytest.mark.parametrize("text", ["my folder µ/experiments.yaml", "link/experiments.yaml"])
def test_folders_with_any_name_and_links(coded: Path, tmp_path: Path, text: str) -> None:
    place = (tmp_path / text).parent
    if place.name == "link":
        place.symlink_to(coded.parent, target_is_directory=True)
    else:
        coded.parent.rename(place)
    assert len(make_index(tmp_path / text).table) == 174


def test_a_home_folder_in_a_path(coded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(coded.parent))
    monkeypatch.setenv("USERPROFILE", str(coded.parent))
    content = yaml.safe_load(coded.read_text())
    for entry in content["experiments"]:
        entry.update(data_path=f" ~/{entry['data_path']} ", tracks_path=f"~/{entry['tracks_path']}")
    elsewhere = tmp_path / "experiments.yaml"
    elsewhere.write_text(yaml.safe_dump(content))
    assert len(make_index(elsewhere).table) == 174
