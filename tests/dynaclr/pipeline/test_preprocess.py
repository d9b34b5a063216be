from __future__ import annotations

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dynaclr.base.errors import DataError
from dynaclr.base.keys import STATISTICS
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.experiment import ExperimentRegistry, FovEntry
from dynaclr.experiment.plates import read_plate
from dynaclr.images.plate_writer import write_plate
from dynaclr.images.statistics import fov_statistics, stored_statistics
from dynaclr.index import MultiExperimentIndex
from dynaclr.pipeline.preprocess import preprocess_missing, preprocess_plate


def expected(values: np.ndarray) -> dict[str, float]:
    values = values.astype(np.float64).ravel()
    p1, p5, p25, p50, p75, p95, p99 = np.percentile(values, [1, 5, 25, 50, 75, 95, 99])
    numbers = (values.mean(), values.std(), p50, p75 - p25, p1, p5, p95, p99, values.min(), values.max())
    return dict(zip(STATISTICS, map(float, numbers), strict=True))


@pytest.fixture
def movie() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {fov: rng.integers(0, 4000, (3, 2, 2, 20, 24), dtype=np.uint16) for fov in ("A/1/0", "A/1/1")}


def statistics_of(plate: Path, fov: str) -> dict[str, Any]:
    return json.loads(fov_statistics(plate, fov).read_text())["normalization"]


def test_values_are_those_of_numpy(tmp_path: Path, movie: dict[str, np.ndarray]) -> None:
    plate = write_plate(tmp_path / "p.zarr", movie, ["a", "b"])
    told: list[tuple[int, int]] = []
    report = preprocess_plate(read_plate(plate), progress=lambda *done: told.append(done))
    assert report.computed == ("A/1/0", "A/1/1")
    assert told == [(3, 6), (6, 6)]
    for fov, pixels in movie.items():
        for c, name in enumerate("ab"):
            found = statistics_of(plate, fov)[name]
            whole = np.stack([item[:, c] for item in movie.values()])
            assert found["dataset_statistics"] == pytest.approx(expected(whole))
            assert found["fov_statistics"] == pytest.approx(expected(pixels[:, c]))
            for t in range(3):
                assert found["timepoint_statistics"][str(t)] == pytest.approx(expected(pixels[t, c]))


def test_a_second_run_keeps_what_is_there(
    tmp_path: Path, movie: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    plate = write_plate(tmp_path / "p.zarr", movie, ["a", "b"])
    preprocess_plate(read_plate(plate))
    monkeypatch.delattr("dynaclr.pipeline.preprocess.open_array")  # no pixel is read
    report = preprocess_plate(read_plate(plate))
    assert (report.computed, report.kept) == ((), ("A/1/0", "A/1/1"))


def test_an_interrupted_run_goes_on(tmp_path: Path, movie: dict[str, np.ndarray]) -> None:
    plate = write_plate(tmp_path / "p.zarr", movie, ["a", "b"])

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preprocess_plate(read_plate(plate), progress=interrupt)
    assert list((tmp_path / "p.zarr.statistics").rglob("*.partial.json"))
    preprocess_plate(read_plate(plate))
    whole = np.stack([item[:, 0] for item in movie.values()])
    assert statistics_of(plate, "A/1/1")["a"]["dataset_statistics"] == pytest.approx(expected(whole))
    assert not list((tmp_path / "p.zarr.statistics").rglob("*.partial.json"))


@pytest.mark.parametrize("into_plate", [False, True])
def test_fovs_added_later_share_the_statistics_of_the_data_set(
    tmp_path: Path, movie: dict[str, np.ndarray], into_plate: bool
) -> None:
    path = write_plate(tmp_path / "p.zarr", movie, ["a", "b"])
    plate = read_plate(path)
    preprocess_plate(replace(plate, fovs={"A/1/0": plate.fovs["A/1/0"]}), into_plate=into_plate)
    report = preprocess_plate(read_plate(path), into_plate=into_plate)
    assert (report.computed, report.kept) == (("A/1/1",), ("A/1/0",))
    for c, name in enumerate("ab"):
        whole = np.stack([item[:, c] for item in movie.values()])
        for fov, layout in read_plate(path).fovs.items():
            own = layout.attributes["normalization"] if into_plate else statistics_of(path, fov)
            assert own[name]["dataset_statistics"] == pytest.approx(expected(whole))
            assert own[name]["fov_statistics"] == pytest.approx(expected(movie[fov][:, c]))


def test_fovs_added_to_a_plate_with_statistics_of_its_own_follow_those(
    tmp_path: Path, movie: dict[str, np.ndarray]
) -> None:
    path = write_plate(tmp_path / "p.zarr", movie, ["a", "b"])
    plate = read_plate(path)
    preprocess_plate(replace(plate, fovs={"A/1/0": plate.fovs["A/1/0"]}), into_plate=True)
    before = (path / "A/1/0/.zattrs").read_bytes()
    preprocess_plate(read_plate(path))
    assert (path / "A/1/0/.zattrs").read_bytes() == before
    assert not fov_statistics(path, "A/1/0").exists()
    found = statistics_of(path, "A/1/1")["b"]
    assert found["dataset_statistics"] == pytest.approx(expected(movie["A/1/0"][:, 1]))
    assert found["fov_statistics"] == pytest.approx(expected(movie["A/1/1"][:, 1]))


def test_a_second_process_waits_and_finds_everything_done(
    tmp_path: Path, movie: dict[str, np.ndarray]
) -> None:
    plate = read_plate(write_plate(tmp_path / "p.zarr", movie, ["a", "b"]))
    first_waits, second_waits = threading.Event(), threading.Event()

    def slow(done: int, total: int) -> None:
        first_waits.set()
        assert second_waits.wait(60)

    def told(done: int, total: int) -> None:
        assert (done, total) == (0, 0)
        second_waits.set()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(preprocess_plate, plate, progress=slow)
        assert first_waits.wait(60)
        second = pool.submit(preprocess_plate, plate, progress=told)
        assert (first.result().computed, second.result().kept) == (("A/1/0", "A/1/1"),) * 2
    assert second.result().computed == ()
    assert sorted(item.name for item in tmp_path.iterdir()) == ["p.zarr", "p.zarr.statistics"]


def test_into_the_plate_leaves_other_attributes(tmp_path: Path, movie: dict[str, np.ndarray]) -> None:
    plate = write_plate(tmp_path / "p.zarr", movie, ["a", "b"])
    file = plate / "A/1/0" / ".zattrs"
    before = json.loads(file.read_text())
    preprocess_plate(read_plate(plate), into_plate=True)
    after = json.loads(file.read_text())
    assert after.pop("normalization")["a"]["fov_statistics"]["max"] == movie["A/1/0"][:, 0].max()
    assert set(after.pop("dynaclr_normalization_origin")) == {"a", "b"}
    assert after == before
    assert not (tmp_path / "p.zarr.statistics").exists()


def test_a_second_channel_leaves_the_first(tmp_path: Path, movie: dict[str, np.ndarray]) -> None:
    plate = write_plate(tmp_path / "p.zarr", movie, ["a", "b"])
    for channel in ("a", "b"):
        assert preprocess_plate(read_plate(plate), [channel]).computed == ("A/1/0", "A/1/1")
    for fov, pixels in movie.items():
        found = statistics_of(plate, fov)
        for c, name in enumerate("ab"):
            assert found[name]["fov_statistics"] == pytest.approx(expected(pixels[:, c]))
    for channel in ("a", "b"):
        assert preprocess_plate(read_plate(plate), [channel]).computed == ()


def test_computing_a_channel_again_leaves_the_others(tmp_path: Path, movie: dict[str, np.ndarray]) -> None:
    plate = write_plate(tmp_path / "p.zarr", movie, ["a", "b"])
    preprocess_plate(read_plate(plate))
    file = fov_statistics(plate, "A/1/0")
    content = json.loads(file.read_text())
    content["normalization"]["a"]["fov_statistics"]["mean"] = -5.0
    content["normalization"]["b"]["fov_statistics"]["mean"] = -7.0
    file.write_text(json.dumps(content))
    preprocess_plate(read_plate(plate), ["a"], overwrite=True)
    found = statistics_of(plate, "A/1/0")
    assert found["a"]["fov_statistics"]["mean"] == pytest.approx(movie["A/1/0"][:, 0].mean())
    assert found["b"]["fov_statistics"]["mean"] == -7.0


@pytest.mark.parametrize("damage", [b"", b'{"schema": 1, "normal', b"[1, 2]", b'{"normalization": 3}'])
def test_a_damaged_sidecar_is_named_and_can_be_computed_again(
    tmp_path: Path, movie: dict[str, np.ndarray], damage: bytes
) -> None:
    plate = write_plate(tmp_path / "p.zarr", movie, ["a", "b"])
    preprocess_plate(read_plate(plate))
    file = fov_statistics(plate, "A/1/0")
    file.write_bytes(damage)
    with pytest.raises(DataError, match=r"0\.json, row A/1/0: statistics cannot be read"):
        preprocess_plate(read_plate(plate))
    assert file.read_bytes() == damage
    preprocess_plate(read_plate(plate), overwrite=True)
    assert set(statistics_of(plate, "A/1/0")) == {"a", "b"}


def test_two_experiments_on_one_plate_keep_each_others_statistics(coded: Path) -> None:
    content = yaml.safe_load(coded.read_text())
    first = content["experiments"][0]
    content["experiments"] = [
        {**first, "name": "one", "source_channel": ["Phase"], "condition_wells": {"uninfected": ["A/1"]}},
        {**first, "name": "two", "source_channel": ["GFP"], "condition_wells": {"infected": ["B/1"]}},
    ]
    coded.write_text(yaml.safe_dump(content))
    with pytest.warns(UserWarning, match="wells without a condition"):
        index = MultiExperimentIndex(ExperimentRegistry.from_yaml(coded), (0, 1), (16, 16), (0.5, 1.0))
    preprocess_missing(index)
    norms = MultiExperimentTripletDataset(index).norms
    assert norms.missing == []
    assert norms.available("dataset_statistics", "median").all()
    assert norms.available("timepoint_statistics", "std").all()


def test_changed_pixels_are_noticed(tmp_path: Path, movie: dict[str, np.ndarray]) -> None:
    path = write_plate(tmp_path / "p.zarr", movie, ["a", "b"])
    preprocess_plate(read_plate(path))
    shutil.rmtree(path)
    write_plate(path, {fov: pixels + 500 * (fov == "A/1/0") for fov, pixels in movie.items()}, ["a", "b"])
    stored = stored_statistics(path, FovEntry(0, "", read_plate(path).fovs["A/1/0"]))
    assert set(stored.outdated.values()) == {"the pixels have changed since they were computed"}
    assert stored.statistics == {}
    assert "A/1/0" in preprocess_plate(read_plate(path)).computed
    found = statistics_of(path, "A/1/0")["a"]
    assert found["fov_statistics"] == pytest.approx(expected(movie["A/1/0"][:, 0] + 500))
    whole = np.concatenate([movie["A/1/0"][:, 0] + 500, movie["A/1/1"][:, 0]])
    assert found["dataset_statistics"] == pytest.approx(expected(whole))


def test_statistics_of_an_earlier_version_are_computed_again(
    tmp_path: Path, movie: dict[str, np.ndarray]
) -> None:
    path = write_plate(tmp_path / "p.zarr", movie, ["a", "b"])
    preprocess_plate(read_plate(path))
    file = fov_statistics(path, "A/1/0")
    content = json.loads(file.read_text())
    file.write_text(json.dumps({"schema": 1, "normalization": content["normalization"]}))
    assert preprocess_plate(read_plate(path)).computed == ("A/1/0",)
    assert preprocess_plate(read_plate(path)).computed == ()


def own_statistics(path: Path, names: str) -> None:
    """Give a plate statistics of its own, as another tool writes them: no percentiles."""
    values = {"mean": 1.0, "std": 2.0, "median": 3.0, "iqr": 4.0}
    frames = {str(t): values for t in range(3)}
    levels = {"dataset_statistics": values, "fov_statistics": values, "timepoint_statistics": frames}
    for file in path.glob("*/*/*/.zattrs"):
        content = json.loads(file.read_text())
        file.write_text(json.dumps({**content, "normalization": dict.fromkeys(names, levels)}))


def used(path: Path, fov: str) -> dict[str, Any]:
    statistics = stored_statistics(path, FovEntry(0, "", read_plate(path).fovs[fov])).statistics
    assert statistics is not None
    return statistics


def test_a_statistic_that_the_plate_lacks_is_computed_alone(
    tmp_path: Path, movie: dict[str, np.ndarray]
) -> None:
    path = write_plate(tmp_path / "p.zarr", movie, ["a", "b"])
    own_statistics(path, "ab")
    assert preprocess_plate(read_plate(path)).computed == ("A/1/0", "A/1/1")
    right = expected(movie["A/1/0"][:, 1])
    kept = {"mean": 1.0, "std": 2.0, "median": 3.0, "iqr": 4.0}
    assert used(path, "A/1/0")["b"]["fov_statistics"] == pytest.approx({**right, **kept})
    frame = expected(movie["A/1/0"][2, 1])
    assert used(path, "A/1/0")["b"]["timepoint_statistics"]["2"] == pytest.approx({**frame, **kept})
    assert preprocess_plate(read_plate(path)).computed == ()


def test_overwriting_changes_what_training_uses(tmp_path: Path, movie: dict[str, np.ndarray]) -> None:
    path = write_plate(tmp_path / "p.zarr", movie, ["a", "b"])
    own_statistics(path, "ab")
    report = preprocess_plate(read_plate(path), ["a"], overwrite=True)
    assert report.replaced == ("A/1/0", "A/1/1")
    assert (
        "2 FOVs hold statistics of their own in the plate; training uses those computed now" in report.text()
    )
    assert used(path, "A/1/1")["a"]["fov_statistics"] == pytest.approx(expected(movie["A/1/1"][:, 0]))
    assert used(path, "A/1/1")["b"]["fov_statistics"]["mean"] == 1.0


@pytest.mark.parametrize("stored", [True, False])
def test_frames_without_data_do_not_count(tmp_path: Path, stored: bool) -> None:
    """Frames of zeros and frames that were never stored are one thing: nothing was recorded."""
    rng = np.random.default_rng(0)
    pixels = rng.normal(1000, 50, (6, 1, 2, 20, 24)).astype(np.float32)
    pixels[2:5] = 0
    path = write_plate(tmp_path / "p.zarr", {"A/1/0": pixels}, ["a"], store_zero_chunks=stored)
    report = preprocess_plate(read_plate(path))
    assert report.no_data == {"A/1/0": {"a": [2, 3, 4]}}
    assert "A/1/0 a: 3 frames are blank" in report.text()
    recorded = expected(pixels[[0, 1, 5]])
    found = statistics_of(path, "A/1/0")["a"]
    assert found["fov_statistics"] == pytest.approx(recorded, rel=1e-5)
    assert found["dataset_statistics"] == pytest.approx(recorded, rel=1e-5)


def test_chunks_that_are_not_stored_do_not_count(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(100, 200, (2, 1, 2, 20, 24), dtype=np.uint16)
    pixels[1, :, :, :10, :12] = 0
    path = write_plate(
        tmp_path / "p.zarr", {"A/1/0": pixels}, ["a"], chunks=(1, 1, 1, 10, 12), store_zero_chunks=False
    )
    report = preprocess_plate(read_plate(path))
    assert report.no_data == {"A/1/0": {"a": [1]}}
    found = statistics_of(path, "A/1/0")["a"]["timepoint_statistics"]["1"]
    assert found == pytest.approx(expected(pixels[1][pixels[1] > 0]))


def attributes(path: Path) -> Path:
    return path.parent / "coded0.zarr" / "A/1/0" / ".zattrs"


def dataset_of(path: Path) -> MultiExperimentTripletDataset:
    registry = ExperimentRegistry.from_yaml(path).subset(["coded0"])
    return MultiExperimentTripletDataset(MultiExperimentIndex(registry, (0, 1), (16, 16), (0.5, 1.0)))


def test_each_sample_gets_the_statistics_of_its_own_fov_and_frame(coded: Path) -> None:
    registry = ExperimentRegistry.from_yaml(coded)
    for name in registry.names:
        preprocess_plate(registry.plates[name], list(registry.get_experiment(name).source_channel))
    dataset = MultiExperimentTripletDataset(MultiExperimentIndex(registry, (0, 1), (16, 16), (0.5, 1.0)))
    batch = dataset.__getitems__(list(range(len(dataset))))
    meta, norms = batch["anchor_meta"], batch["anchor_norm_meta"]
    for sample in range(0, len(dataset), 7):
        experiment = registry.experiments[int(meta["experiment"][sample])]
        fov = dataset.index.fovs[int(meta["fov"][sample])].layout.name
        stored = statistics_of(registry.plates[experiment.name].path, fov)
        for c, channel in enumerate(experiment.source_channel):
            frame = stored[channel]["timepoint_statistics"][str(meta["t"][sample])]
            assert float(norms["timepoint_statistics"]["mean"][sample, c]) == pytest.approx(frame["mean"])
            assert float(norms["fov_statistics"]["std"][sample, c]) == pytest.approx(
                stored[channel]["fov_statistics"]["std"]
            )


def test_statistics_of_the_plate_are_used_as_they_are(coded: Path) -> None:
    file = attributes(coded)
    content = json.loads(file.read_text())
    levels = {"fov_statistics": {"mean": 42.0, "std": 2.0}}
    content["normalization"] = {"Phase": levels, "GFP": levels}
    file.write_text(json.dumps(content))
    dataset = dataset_of(coded)
    assert dataset.norms.available("fov_statistics", "mean").tolist() == [True, False, False]
    assert len(dataset.norms.missing) == 2
    assert float(dataset.__getitems__([0])["anchor_norm_meta"]["fov_statistics"]["mean"][0, 0]) == 42.0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"Phase": {}}, r"A/1/0, field GFP: channel has no statistics"),
        ({"Phase": {}, "GPF": {}}, "Did you mean 'GPF'"),
        ({"Phase": {"fov_statistics": {"mean": "a"}}, "GFP": {}}, r"Phase\.fov_statistics\.mean.*'?a"),
        ({"Phase": {"fov_statistics": {"std": -1}}, "GFP": {}}, r"Phase\.fov_statistics\.std.*-1"),
    ],
)
def test_wrong_statistics_are_named(coded: Path, value: dict[str, Any], message: str) -> None:
    file = attributes(coded)
    file.write_text(json.dumps({**json.loads(file.read_text()), "normalization": value}))
    with pytest.raises(DataError, match=message):
        dataset_of(coded)


def test_padded_borders_are_not_counted(tmp_path: Path) -> None:
    """As registration leaves them: frame by frame elsewhere."""
    inside = np.random.default_rng(0).integers(500, 4000, (4, 1, 2, 40, 48), dtype=np.uint16)
    pixels = inside.copy()
    pixels[1, ..., :10, :] = 0
    pixels[3, ..., 30:] = 0
    pixels[3, ..., :4, :] = 0
    path = write_plate(tmp_path / "p.zarr", {"A/1/0": pixels}, ["a"])
    report = preprocess_plate(read_plate(path))
    assert report.padded == ("A/1/0 a: frames 1, 3",)
    assert "A/1/0 a: frames 1, 3 are padded at their borders, which are not counted" in report.text()
    found = statistics_of(path, "A/1/0")["a"]
    boxes = {frame: values.pop("data_yx", None) for frame, values in found["timepoint_statistics"].items()}
    assert boxes == {"0": None, "1": [10, 40, 0, 48], "2": None, "3": [4, 40, 0, 30]}
    assert found["fov_statistics"] == pytest.approx(expected(pixels[pixels > 0]), rel=1e-5)


def test_padding_of_whole_chunks_that_are_not_stored(tmp_path: Path) -> None:
    """What lies in the other chunks is padding too."""
    pixels = np.random.default_rng(0).integers(500, 4000, (1, 1, 2, 40, 48), dtype=np.uint16)
    pixels[..., :25, :] = 0
    path = write_plate(tmp_path / "p.zarr", {"A/1/0": pixels}, ["a"], chunks=(1, 1, 2, 20, 24))
    array = read_plate(path).fovs["A/1/0"].array_path
    lost = [array.joinpath(*name.split("/")) for name in ("0/0/0/0/0", "0/0/0/0/1")]
    for file in lost:
        file.unlink(missing_ok=True)
    preprocess_plate(read_plate(path))
    found = statistics_of(path, "A/1/0")["a"]
    assert found["timepoint_statistics"]["0"]["data_yx"] == [25, 40, 0, 48]
    assert found["fov_statistics"] == pytest.approx(expected(pixels[pixels > 0]), rel=1e-5)


def test_pixels_that_are_not_finite_are_told(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).normal(1000, 50, (4, 1, 2, 20, 24)).astype(np.float32)
    pixels[1, 0, :, :5] = np.nan
    pixels[3, 0, 0, 0, 0] = -np.inf
    path = write_plate(tmp_path / "p.zarr", {"A/1/0": pixels, "A/1/1": pixels[:1]}, ["a"])
    report = preprocess_plate(read_plate(path))
    assert report.not_finite == ("A/1/0 a: frames 1 (25 %), 3 (0.1 %)",)
    assert "A/1/0 a: frames 1 (25 %), 3 (0.1 %) are NaN or Inf" in report.text()
    found = statistics_of(path, "A/1/0")["a"]["fov_statistics"]
    assert found.pop("not_finite") == pytest.approx(241 / pixels.size)
    assert found == pytest.approx(expected(pixels[np.isfinite(pixels)]), rel=1e-5)


@pytest.mark.parametrize("names", [None, ["a", "b"], ["b", "a"]])
def test_statistics_of_a_channel_that_has_another_name_now_are_not_used(
    tmp_path: Path, movie: dict[str, np.ndarray], names: list[str] | None
) -> None:
    """Whatever the order in which channels are read; that order alone changes nothing."""
    path = write_plate(tmp_path / "p.zarr", movie, ["a", "b"])
    preprocess_plate(read_plate(path, channel_names=["b", "a"]))
    layout = read_plate(path, channel_names=names).fovs["A/1/0"]
    kept = stored_statistics(path, FovEntry(0, "", layout))
    assert kept.outdated == {}
    assert kept.statistics is not None
    assert kept.statistics["a"]["fov_statistics"] == pytest.approx(expected(movie["A/1/0"][:, 0]))
    for fov in movie:
        file = path / fov / ".zattrs"
        content = json.loads(file.read_text())
        content["omero"]["channels"].reverse()
        file.write_text(json.dumps(content))
    layout = read_plate(path, channel_names=names).fovs["A/1/0"]
    assert set(stored_statistics(path, FovEntry(0, "", layout)).outdated) == {"a", "b"}
    preprocess_plate(read_plate(path, channel_names=names))
    found = statistics_of(path, "A/1/0")["a"]["fov_statistics"]
    assert found == pytest.approx(expected(movie["A/1/0"][:, 1]))
