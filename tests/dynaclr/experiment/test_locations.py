"""Plates by URL: read as the same plate on disk, or refused in words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.support.foreign import as_stored, coded, foreign_experiment, image
from tests.support.servers import s3_server, web_server

from dynaclr.base.errors import ConfigError, DataError, PixelReadError
from dynaclr.base.paths import absolute_path
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.experiment import ExperimentRegistry, UrlPath, kvstore, location, read_plate
from dynaclr.images import is_complete, make_context, open_array, sidecar_path
from dynaclr.images.statistics import fov_statistics
from dynaclr.index import MultiExperimentIndex
from dynaclr.pipeline.preprocess import preprocess_plate

FOVS = {"A/1/0": (coded(), image()), "B/2/fov_1": (as_stored(coded(), "zctxy"), image("zctxy"))}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def batch_of(experiments: Path) -> np.ndarray:
    registry = ExperimentRegistry.from_yaml(experiments)
    index = MultiExperimentIndex(registry, z_range=(1, 3), yx_patch_size=(6, 8), tau_range_hours=(0.5, 1.0))
    dataset = MultiExperimentTripletDataset(index)
    return np.asarray(dataset.__getitems__(list(range(len(dataset))))["anchor"])


def with_url(experiments: Path, url: str) -> Path:
    text = experiments.read_text()
    assert text.count("e.zarr") == 1
    file = experiments.with_name("by_url.yaml")
    file.write_text(text.replace("e.zarr", url))
    return file


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_plate_of_a_web_server(tmp_path: Path, version: str) -> None:
    experiments = foreign_experiment(tmp_path, FOVS, version)
    with web_server(tmp_path) as url:
        assert np.array_equal(batch_of(with_url(experiments, f"{url}/e.zarr/")), batch_of(experiments))


@pytest.mark.parametrize(("version", "public"), [("0.4", True), ("0.5", False)])
def test_a_plate_of_an_s3_bucket(
    tmp_path: Path, version: str, public: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiments = foreign_experiment(tmp_path, {"A/1/0": FOVS["A/1/0"]}, version)
    with s3_server(tmp_path, public=public) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        keys = (
            {"AWS_NO_SIGN_REQUEST": "YES"}
            if public
            else {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
        )
        for name, value in keys.items():
            monkeypatch.setenv(name, value)
        by_url = with_url(experiments, "s3://recordings/e.zarr")
        assert np.array_equal(batch_of(by_url), batch_of(experiments))
        layout = ExperimentRegistry.from_yaml(by_url).plates["e"].fovs["A/1/0"]
        assert is_complete(open_array(layout, make_context(0), zeros_for_missing=False))
    assert str(layout.array_path) == "s3://recordings/e.zarr/A/1/0/0"


def test_statistics_of_a_plate_by_url_lie_on_this_machine(tmp_path: Path) -> None:
    foreign_experiment(tmp_path, FOVS)
    with web_server(tmp_path) as url:
        plate = read_plate(f"{url}/e.zarr")
        report = preprocess_plate(plate)
        assert report.computed == ("A/1/0", "B/2/fov_1")
        assert preprocess_plate(plate).kept == ("A/1/0", "B/2/fov_1")
        with pytest.raises(DataError, match="cannot be written into a plate by URL") as told:
            preprocess_plate(plate, into_plate=True, overwrite=True)
    assert f"{url}/e.zarr/A/1/0" in str(told.value)
    folder = sidecar_path(plate.path)
    assert folder.is_relative_to(tmp_path / "cache")
    assert {path.name for path in folder.rglob("*.json")} == {"0.json", "fov_1.json"}
    assert sidecar_path(UrlPath(f"{url}/other/e.zarr")) != folder


def test_chunks_that_a_web_server_lacks_are_met_on_reading(tmp_path: Path) -> None:
    experiments = foreign_experiment(tmp_path, FOVS)
    (tmp_path / "e.zarr/A/1/0/0/2/1/1/1/1").unlink()
    with web_server(tmp_path) as url, pytest.raises(PixelReadError, match=r"A/1/0 frame 2.*") as told:
        batch_of(with_url(experiments, f"{url}/e.zarr"))
    assert f"{url}/e.zarr/A/1/0/0" in str(told.value)


def test_a_server_that_is_away_is_named(tmp_path: Path) -> None:
    with web_server(tmp_path) as url:
        pass
    with pytest.raises(DataError, match="the store does not answer") as told:
        read_plate(f"{url}/e.zarr")
    assert f"{url}/e.zarr" in str(told.value)


def test_a_url_with_nothing_there(tmp_path: Path) -> None:
    with web_server(tmp_path) as url, pytest.raises(DataError, match="nothing, or no metadata") as told:
        read_plate(f"{url}/e.zarr")
    assert f"{url}/e.zarr" in str(told.value)


@pytest.mark.parametrize("url", ["ftp://host/e.zarr", "s3://b/e.zarr", "s3://", "file:///e.zarr"])
def test_urls_that_no_driver_reads(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"s3://bucket/path"):
        location(url)
    file = foreign_experiment(tmp_path, FOVS, data_path=url)
    with pytest.raises(ConfigError, match="experiment e"):
        ExperimentRegistry.from_yaml(file)


@pytest.mark.parametrize("end", ["?sig=ab/cd", "#part"])
def test_queries_of_web_addresses_are_refused_in_words(end: str) -> None:
    with pytest.raises(ConfigError, match=r"query strings .* are not supported"):
        location(f"https://host/p.zarr{end}")


def test_an_address_copied_from_a_browser(tmp_path: Path) -> None:
    foreign_experiment(tmp_path, FOVS)
    shutil.move(tmp_path / "e.zarr", tmp_path / "my plate.zarr")
    with web_server(tmp_path) as url:
        for name in ("my plate.zarr", "my%20plate.zarr"):
            assert list(read_plate(f"{url}/{name}").fovs) == list(FOVS)


def test_keys_of_buckets_are_taken_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign_experiment(tmp_path, {"A/1/0": FOVS["A/1/0"]})
    shutil.move(tmp_path / "e.zarr", tmp_path / "run#3?b%20.zarr")
    with s3_server(tmp_path, public=True) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "YES")
        assert list(read_plate("s3://recordings/run#3?b%20.zarr").fovs) == ["A/1/0"]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_store_that_forbids_what_is_not_there(tmp_path: Path, version: str) -> None:
    foreign_experiment(tmp_path, FOVS, version)
    with web_server(tmp_path, missing=403) as url:
        assert list(read_plate(f"{url}/e.zarr").fovs) == list(FOVS)
        with pytest.raises(DataError, match="403") as told:
            read_plate(f"{url}/other.zarr")
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 500


def test_chunks_that_a_web_server_lacks_are_not_counted(tmp_path: Path) -> None:
    foreign_experiment(tmp_path, FOVS)
    (tmp_path / "e.zarr/A/1/0/0/2/1/1/1/1").unlink()
    local = read_plate(tmp_path / "e.zarr")
    told = preprocess_plate(local).no_data
    with web_server(tmp_path) as url:
        plate = read_plate(f"{url}/e.zarr")
        assert preprocess_plate(plate).no_data == told
    assert [list(channels.values()) for channels in told.values()] == [[[2]]]
    texts = [fov_statistics(path, "A/1/0").read_text() for path in (local.path, plate.path)]
    of_pixels = [json.loads(text)["normalization"] for text in texts]
    assert of_pixels[0] == of_pixels[1]


def test_tracks_are_no_url(tmp_path: Path) -> None:
    file = foreign_experiment(tmp_path, FOVS, tracks_path="https://host/tracks")
    with pytest.raises(ConfigError, match="tracks are read from a folder"):
        ExperimentRegistry.from_yaml(file)


def test_buckets_and_paths() -> None:
    assert kvstore(location("gs://my-bucket/a/b.zarr/"))["bucket"] == "my-bucket"
    assert kvstore(location("gs://my-bucket/a/b.zarr/"))["path"] == "a/b.zarr/"
    assert kvstore(location("https://host:1/a b/p.zarr"))["path"] == "/a b/p.zarr/"
    assert kvstore(location("https://host:1/a%20b/p.zarr"))["path"] == "/a b/p.zarr/"
    assert location("https://host/a%20b.zarr").name == "a b.zarr"
    odd = location("https://host/p.zarr") / "50% #1"
    assert isinstance(odd, UrlPath)
    assert (kvstore(odd)["path"], odd.name) == ("/p.zarr/50% #1/", "50% #1")
    assert location("~/p.zarr") == absolute_path("~/p.zarr")
    place = location("https://host/a/p.zarr/")
    assert isinstance(place, UrlPath)
    assert (str(place / "A/1"), place.name) == ("https://host/a/p.zarr/A/1", "p.zarr")
