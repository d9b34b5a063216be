from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dynaclr.base.errors import ConfigError, DataError, PixelReadError
from dynaclr.convert import ArrayOptions, convert_arrays, label_rows
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.experiment import ExperimentRegistry
from dynaclr.images import make_context, open_array
from dynaclr.index import MultiExperimentIndex
from dynaclr.options.presets import Preset, preset_spec
from dynaclr.options.reader import read_config
from dynaclr.pipeline import Pipeline
from dynaclr.pipeline.preprocess import PreprocessReport, preprocess_plate

OPTIONS = ArrayOptions("movie", 15.0, pixel_size_um=0.5, z_step_um=2.0, condition="infected", well="B/2")
T, Z, Y, X = 8, 3, 40, 50


def coded(channel: int, depth: int | None = Z, dtype: Any = np.uint16) -> np.ndarray:
    """Pixels that say where they are."""
    shape = (T, Y, X) if depth is None else (T, depth, Y, X)
    return (np.arange(np.prod(shape)).reshape(shape) % 60_000 + channel).astype(dtype)


def family(z: float | None = None) -> tuple[np.ndarray, dict[int, list[int]]]:
    """Track 7 divides after frame 3 into 8 and 9; 20 stays alone."""
    rows = []
    for track, frames in ((20, range(T)), (8, range(4, T)), (7, range(4)), (9, range(4, T))):
        for t in frames:
            place = (10 + track, 12.0 + 3 * t)
            rows.append((track, t, *place) if z is None else (track, t, z, *place))
    return np.array(rows, dtype=float), {8: [7], 9: [7]}


class Lazy:
    """An array of which only single frames can be read; remembers which."""

    def __init__(self, values: np.ndarray) -> None:
        self._values, self.shape, self.dtype = values, values.shape, values.dtype
        self.read: list[int] = []

    def __getitem__(self, t: int) -> np.ndarray:
        self.read.append(t)
        return np.asarray(self._values[t])

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise AssertionError("the whole was read")


def _dask(values: np.ndarray, folder: Path) -> Any:
    da = pytest.importorskip("dask.array")
    return da.from_array(values, chunks=(1, *values.shape[1:]))


def _zarr(values: np.ndarray, folder: Path) -> Any:
    import zarr

    array = zarr.open_array(str(folder / "source.zarr"), mode="w", shape=values.shape, dtype=values.dtype)
    array[:] = values
    return array


def _tensorstore(values: np.ndarray, folder: Path) -> Any:
    import tensorstore as ts

    return ts.array(values)


def _as_is(values: np.ndarray, folder: Path) -> Any:
    return values


def opened(yaml: Path, depth: int) -> MultiExperimentIndex:
    return MultiExperimentIndex(ExperimentRegistry.from_yaml(yaml), (0, depth), (8, 8), (0.25, 1.0))


@pytest.mark.parametrize("depth", [None, Z])
@pytest.mark.parametrize("kind", [_as_is, _dask, _zarr, _tensorstore])
def test_pixels_and_families_are_read_back(
    tmp_path: Path, kind: Callable[[np.ndarray, Path], Any], depth: int | None
) -> None:
    values = {"phase": coded(0, depth), "GFP": coded(1, depth)}
    rows, graph = family()
    channels = {name: kind(array, tmp_path / name) for name, array in values.items()}
    report = convert_arrays(channels, rows, graph, tmp_path / "out", OPTIONS)
    index = opened(report.experiments_yaml, depth or 1)
    config = index.registry.experiments[0]
    assert config.condition_wells == {"infected": ["B/2"]}
    assert (config.interval_minutes, tuple(config.source_channel)) == (15.0, ("phase", "GFP"))
    layout = index.fovs[0].layout
    assert layout.scale == (900.0, 1.0, 2.0, 0.5, 0.5)
    assert (layout.name, layout.shape) == ("B/2/0", (T, 2, depth or 1, Y, X))
    dataset = MultiExperimentTripletDataset(index)
    batch = dataset.__getitems__(list(range(len(dataset))))
    assert len(dataset) > 10
    for part in ("anchor", "positive"):
        meta = batch[f"{part}_meta"]
        for place, pixels in enumerate(batch[part].numpy()):
            t, y, x = (int(meta[name][place]) for name in ("t", "patch_y", "patch_x"))
            for channel, array in enumerate(values.values()):
                wanted = array.reshape(T, -1, Y, X)[t, :, y : y + 8, x : x + 8]
                assert np.array_equal(pixels[channel], wanted)
    found = {(int(r[0]), int(r[1])): tuple(r[-2:]) for r in rows}
    table = index.tracks
    assert len(table) == len(rows)
    for row in table.itertuples():
        assert found[row.track_id, row.t] == (row.y, row.x)
    assert table[table.track_id.isin((7, 8, 9))].lineage_id.nunique() == 1
    assert table.lineage_id.nunique() == 2
    assert index.report.experiments[0].divisions == 1
    (counts,) = report.fovs
    assert (counts.observations, counts.tracks, counts.divisions, counts.frames) == (len(rows), 4, 1, T)


def test_a_frame_is_read_once_and_never_the_whole(tmp_path: Path) -> None:
    sources = {"a": Lazy(coded(0)), "b": Lazy(coded(1))}
    steps: list[tuple[int, int]] = []
    convert_arrays(
        sources, *family(1.0), tmp_path, OPTIONS, progress=lambda done, all_: steps.append((done, all_))
    )
    assert all(source.read == list(range(T)) for source in sources.values())
    assert steps == [(t + 1, T) for t in range(T)]


def test_channels_of_different_types_keep_their_values(tmp_path: Path) -> None:
    values = {
        "a": coded(0, dtype=np.uint16),
        "b": (coded(0) % 7 / 4).astype(np.float32),
        "c": coded(0) % 2 == 0,
    }
    report = convert_arrays(values, *family(1.0), tmp_path, OPTIONS)
    dataset = MultiExperimentTripletDataset(opened(report.experiments_yaml, Z))
    batch = dataset.__getitems__([0])
    t, y, x = (int(batch["anchor_meta"][name][0]) for name in ("t", "patch_y", "patch_x"))
    for channel, array in enumerate(values.values()):
        assert np.array_equal(batch["anchor"][0, channel].numpy(), array[t, :, y : y + 8, x : x + 8])


def test_z_of_tracks_is_kept_where_there_are_slices(tmp_path: Path) -> None:
    for name, depth, kept in (("deep", Z, True), ("flat", None, False)):
        options = ArrayOptions(name, 15.0)
        report = convert_arrays({"a": coded(0, depth)}, *family(0.25), tmp_path, options)
        table = pd.read_csv(report.tracks / "A" / "1" / "0" / "tracks.csv")
        assert ("z" in table) == kept
    assert ExperimentRegistry.from_yaml(tmp_path / "experiments.yaml").names == ("deep", "flat")


def test_experiments_of_one_folder_have_as_many_channels(tmp_path: Path) -> None:
    convert_arrays({"a": coded(0)}, *family(), tmp_path, OPTIONS)
    other = ArrayOptions("other", 15.0)
    two = {"a": coded(0), "b": coded(1)}
    with pytest.raises(DataError, match="same number of source channels; expected 1; found 2 in 'other'"):
        convert_arrays(two, *family(), tmp_path, other)
    assert not (tmp_path / "other.zarr").exists()
    convert_arrays(two, *family(), tmp_path, OPTIONS, overwrite=True)
    convert_arrays(two, *family(), tmp_path, other)


def test_a_preset_trains_on_it_and_computes_the_statistics(tmp_path: Path) -> None:
    channels = {name: np.tile(coded(place), (1, 1, 2, 2)) for place, name in enumerate("ab")}
    report = convert_arrays(channels, *family(), tmp_path, replace(OPTIONS, pixel_size_um=1.0))
    spec = preset_spec(Preset.QUICK, report.experiments_yaml).changed({"data.batch_size": 4})
    spec.write(tmp_path / "train.yaml")
    pipeline = Pipeline(read_config(tmp_path / "train.yaml"))
    assert pipeline.setup().experiments[0].anchors > 10
    assert preprocess_plate(pipeline.registry.plates["movie"]) == PreprocessReport((), ("B/2/0",))


class _Stop(Exception):
    pass


@pytest.mark.parametrize("there", [False, True])
def test_a_cancelled_conversion_leaves_nothing(tmp_path: Path, there: bool) -> None:
    output = tmp_path / "new" / "folder"
    if there:
        output.mkdir(parents=True)
        (output / "mine.txt").write_text("mine")

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise _Stop

    with pytest.raises(_Stop):
        convert_arrays({"a": coded(0)}, *family(), output, OPTIONS, progress=stop)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))
    assert left == (["new", "new/folder", "new/folder/mine.txt"] if there else [])


def test_an_experiment_is_replaced_only_when_that_is_allowed(tmp_path: Path) -> None:
    convert_arrays({"a": coded(0)}, *family(), tmp_path, OPTIONS)
    (tmp_path / "movie.zarr" / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="target exists.*another name"):
        convert_arrays({"a": coded(5)}, *family(), tmp_path, OPTIONS)
    assert (tmp_path / "movie.zarr" / "mine.txt").exists()

    def stop(done: int, total: int) -> None:
        raise _Stop

    with pytest.raises(_Stop):
        convert_arrays({"a": coded(5)}, *family(), tmp_path, OPTIONS, overwrite=True, progress=stop)
    assert (tmp_path / "movie.zarr" / "mine.txt").exists()
    convert_arrays({"a": coded(5)}, *family(), tmp_path, OPTIONS, overwrite=True)
    assert not (tmp_path / "movie.zarr" / "mine.txt").exists()
    assert ExperimentRegistry.from_yaml(tmp_path / "experiments.yaml").names == ("movie",)


def _with(rows: np.ndarray, place: tuple[int, int], value: float) -> np.ndarray:
    changed = rows.copy()
    changed[place] = value
    return changed


ROWS, GRAPH = family()
DEEP, _ = family(1.0)


@pytest.mark.parametrize(
    ("rows", "graph", "message"),
    [
        (np.empty((0, 4)), {}, "no tracks"),
        (ROWS[:, :3], {}, r"wrong shape.*found \(\d+, 3\)"),
        (
            _with(ROWS, (2, 1), 2.5),
            GRAPH,
            r"field t: 1 rows hold fractional numbers.*row 2 \(track 20\): 2.5",
        ),
        (
            _with(ROWS, (2, 0), 20.5),
            GRAPH,
            "field track_id: 1 rows hold fractional numbers",
        ),
        (_with(ROWS, (2, 2), np.nan), GRAPH, "1 rows hold a non-finite value; found row 2"),
        (_with(ROWS, (0, 0), -3), GRAPH, "track ids out of range"),
        (_with(ROWS, (7, 1), T), GRAPH, rf"field t: 1 of 20 observations lie outside.*0 to {T - 1}"),
        (_with(ROWS, (2, 2), Y), GRAPH, rf"field y: 1 of 20.*0 to {Y - 1}; found row 2 \(track 20\): {Y}"),
        (_with(ROWS, (2, 3), -0.6), GRAPH, "field x: 1 of 20"),
        (_with(DEEP, (2, 2), Z), GRAPH, f"field z: 1 of 20.*0 to {Z - 1}"),
        (_with(ROWS, (2, 1), 3), GRAPH, "1 duplicate observations; found track 20 at frame 3"),
        (ROWS, {8: [7], 9: [99]}, "contains 1 tracks without observations; found 99"),
        (ROWS, {99: [7]}, "contains 1 tracks without observations; found 99"),
        (ROWS, {8: [7, 20]}, "1 tracks have more than one parent.*track 8: 7, 20"),
        (ROWS, {7: [8]}, "track 7 starts at 0, its parent 8 at 4"),
        (ROWS, {7: [7]}, "track 7 starts at 0, its parent 7 at 0"),
        (_with(ROWS, (2, 2), Y), {7: [8]}, "tracks: 2 problems"),
    ],
)
def test_tracks_that_are_wrong(
    tmp_path: Path, rows: np.ndarray, graph: Mapping[int, list[int]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        convert_arrays({"a": coded(0)}, rows, graph, tmp_path / "out", OPTIONS)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ({}, "no channel"),
        ({"a": coded(0), "b": coded(0)[:-1]}, r"channels have different shapes; found a \(8, .*b \(7,"),
        ({"a": coded(0)[0, 0]}, "wrong axes"),
        ({"a": coded(0).astype(complex)}, "pixel type is not numeric; found a complex128"),
    ],
)
def test_channels_that_are_wrong(tmp_path: Path, channels: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(DataError, match=message):
        convert_arrays(channels, *family(), tmp_path / "out", OPTIONS)
    assert not (tmp_path / "out").exists()


def test_a_frame_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    class Broken(Lazy):
        def __getitem__(self, t: int) -> np.ndarray:
            if t == 5:
                raise OSError("the disk is gone")
            return super().__getitem__(t)

    with pytest.raises(PixelReadError, match="row frame 5, field a: cannot be read: the disk is gone"):
        convert_arrays({"a": Broken(coded(0))}, *family(), tmp_path / "out", OPTIONS)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"interval_minutes": 0.0}, "the frame interval is missing"),
        ({"interval_minutes": float("nan")}, "the frame interval is missing"),
        ({"pixel_size_um": -1.0}, "field pixel_size_um: not a pixel size"),
        ({"condition": " "}, "condition has no name"),
        ({"name": "a b"}, "name cannot be used"),
    ],
)
def test_options_that_are_wrong(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {"name": "movie", "interval_minutes": 5.0} | changes
    with pytest.raises(ConfigError, match=message):
        convert_arrays({"a": coded(0)}, *family(), tmp_path / "out", ArrayOptions(**values))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("shape", [(4, 20, 30), (4, 3, 20, 30)])
def test_label_rows_are_the_centroids_of_regionprops(shape: tuple[int, ...]) -> None:
    regionprops = pytest.importorskip("skimage.measure").regionprops

    labels = np.random.default_rng(3).integers(0, 4, shape).astype(np.int32) * 11
    labels[2] = 0
    wanted = [(p.label, t, *p.centroid) for t in range(4) for p in regionprops(labels[t])]
    found = label_rows(Lazy(labels))
    assert found.shape == (len(wanted), len(shape) + 1)
    assert np.allclose(found, wanted)


def test_several_fields_of_view(tmp_path: Path) -> None:
    fovs = {"A/1/0": coded(0), "A/1/1": coded(3)[:5], "B/2/x": coded(7)}
    rows, graph = family(1.0)
    short = rows[rows[:, 1] < 5]
    options = replace(OPTIONS, condition={"control": ["A/1"], "drug": ["B/2"]})
    steps: list[tuple[int, int]] = []
    report = convert_arrays(
        {fov: {"GFP": array} for fov, array in fovs.items()},
        {"A/1/0": rows, "A/1/1": short},
        {"A/1/0": graph, "A/1/1": graph},
        str(tmp_path / "out"),
        options,
        progress=lambda *step: steps.append(step),
    )
    assert steps[-1] == (21, 21)
    assert [(fov.fov, fov.frames, fov.observations) for fov in report.fovs] == [
        ("A/1/0", 8, 20),
        ("A/1/1", 5, len(short)),
        ("B/2/x", 8, 0),
    ]
    registry = ExperimentRegistry.from_yaml(report.experiments_yaml)
    assert registry.experiments[0].condition_wells == {"control": ["A/1"], "drug": ["B/2"]}
    context = make_context(0)
    for fov, array in fovs.items():
        layout = registry.plates["movie"].fovs[fov]
        found = open_array(layout, context, zeros_for_missing=False).read().result()
        assert np.array_equal(found[:, 0], array)


@pytest.mark.parametrize("form", [pd.DataFrame, dict])
def test_tables_by_the_names_of_their_columns(tmp_path: Path, form: Callable[[Any], Any]) -> None:
    rows, graph = family()
    parents = [graph.get(int(track), [-1])[0] for track in rows[:, 0]]
    table = {
        "x": rows[:, 3],
        "area": 3 * rows[:, 0],
        "y": rows[:, 2],
        "t": rows[:, 1],
        "track_id": rows[:, 0],
    }
    by_name = form({**table, "parent_track_id": parents})
    wanted = convert_arrays({"a": coded(0)}, rows, graph, tmp_path / "rows", OPTIONS).tracks
    for name, found in (
        ("column", convert_arrays({"a": coded(0)}, by_name, None, tmp_path / "1", OPTIONS).tracks),
        ("ints", convert_arrays({"a": coded(0)}, form(table), {8: 7, 9: 7}, tmp_path / "2", OPTIONS).tracks),
    ):
        one, other = (pd.read_csv(folder / "B" / "2" / "0" / "tracks.csv") for folder in (wanted, found))
        pd.testing.assert_frame_equal(one, other, obj=name)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"track": [1], "t": [0], "y": [1], "x": [1]},
            "field track_id: a column is missing.*Did you mean 'track'",
        ),
        ({"track_id": ["a"], "t": [0], "y": [1], "x": [1]}, "columns are no numbers of one length"),
        ({"track_id": [1, 2], "t": [0], "y": [1], "x": [1]}, "columns are no numbers of one length"),
        (
            {
                "track_id": [1, 2, 3, 3],
                "t": [0, 0, 1, 2],
                "y": [1] * 4,
                "x": [1] * 4,
                "parent_track_id": [-1, -1, 1, 2],
            },
            "1 tracks have more than one parent.*track 3: 1, 2",
        ),
    ],
)
def test_tables_that_are_wrong(tmp_path: Path, table: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        convert_arrays({"a": coded(0)}, table, None, tmp_path / "out", OPTIONS)


@pytest.mark.parametrize(
    ("channels", "tracks", "condition", "message"),
    [
        ({"A/1/0": {"a": coded(0)}, "b": coded(0)}, {}, "x", "each needs {channel: array}.*found b"),
        ({"A/1": {"a": coded(0)}}, {}, "x", "each needs {channel: array}.*found A/1"),
        ({"A/1/0": {"a": coded(0)}, "A/1/1": {"b": coded(0)}}, {}, "x", "row A/1/1: channels differ"),
        ({"A/1/0": {"a": coded(0)}}, {"A/1/1": ROWS}, "x", "do not fit.*expected by field of view: A/1/0"),
        ({"A/1/0": {"a": coded(0)}}, ROWS, "x", "do not fit.*found ndarray"),
        ({"A/1/0": {"a": coded(0)}}, {}, {"x": ["A/2"]}, "wells without a condition: A/1"),
        (
            {"A/1/0": {"a": coded(0)}, "A/1/1": {"a": coded(0)}},
            {"A/1/1": ROWS[:, :3]},
            "x",
            "A/1/1: tracks have the wrong",
        ),
    ],
)
def test_fields_of_view_that_do_not_fit(
    tmp_path: Path, channels: Any, tracks: Any, condition: Any, message: str
) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        convert_arrays(channels, tracks, {}, tmp_path / "out", replace(OPTIONS, condition=condition))
    assert not (tmp_path / "out").exists()
