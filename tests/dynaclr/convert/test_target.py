"""An experiment is replaced in one step: a process that ends anywhere leaves the old one or the new one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorstore as ts

from dynaclr.convert import ArrayOptions, convert_arrays, convert_tracks
from dynaclr.experiment import read_experiments, read_plate

OLD, NEW = 10, 20  # minutes of the interval, value of the pixels and x of the tracks
KILLED = """
import os, shutil, sys
from pathlib import Path
import iohub.ngff, pandas
from tests.dynaclr.convert.test_target import convert, tracks

first, folder = Path(sys.argv[1]), Path(sys.argv[2])
for number in range(10_000):
    place = folder / str(number)
    if first.exists():
        shutil.copytree(first, place)
    pid = os.fork()
    if pid == 0:
        left = number
        def hook(event, arguments):
            global left
            if event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link"):
                if left == 0:
                    os._exit(9)
                left -= 1
        sys.addaudithook(hook)
        {what}(place, {NEW}, overwrite=True)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0:
        break
"""


def convert(folder: Path, value: int, name: str = "e", **more: bool) -> list[str]:
    pixels = np.full((2, 8, 8), value, np.uint16)
    rows = [[1, t, 4, value / 10] for t in range(2)]
    return convert_arrays({"a": pixels}, rows, {}, folder, ArrayOptions(name, value), **more).notes


def tracks(folder: Path, value: int, **more: bool) -> list[str]:
    sources = []
    for number in range(2):
        sources.append(folder.parent.parent / f"{value}_{number}.csv")
        sources[-1].write_text("track_id,t,y,x\n" + "".join(f"1,{t},4,{value}\n" for t in range(2)))
    return convert_tracks(sources, folder, ["A/1/0", "A/1/1"], **more).notes


def found(folder: Path) -> int | None:
    """The value that all parts of the experiment have, None where there is none."""
    yaml = folder / "experiments.yaml"
    if not yaml.exists():
        return None
    configs = [config for config in read_experiments(yaml) if config.name == "e"]
    if not configs:
        return None
    layout = read_plate(configs[0].plate_path).fovs["A/1/0"]
    spec = {"driver": "zarr", "kvstore": {"driver": "file", "path": f"{layout.array_path}/"}}
    pixels = np.unique(ts.open(spec, open=True).result().read().result())
    (x,) = pd.read_csv(configs[0].tracks_root / "A/1/0" / "tracks.csv").x.unique()
    values = {float(pixel) for pixel in pixels} | {10.0 * x, configs[0].interval_minutes}
    values |= {layout.scale[0] / 60}
    assert len(values) == 1, values
    return int(values.pop())


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
@pytest.mark.parametrize("there", [True, False])
def test_a_conversion_may_be_killed_anywhere(tmp_path: Path, there: bool) -> None:
    first = tmp_path / "first"
    if there:
        convert(first, OLD)
        text = (first / "experiments.yaml").read_text()
        (first / "experiments.yaml").write_text("# mine\n" + text)
        convert(first, 30, "other")
    folder = tmp_path / "killed"
    folder.mkdir()
    arguments = [sys.executable, "-c", KILLED.format(what="convert", NEW=NEW), str(first), str(folder)]
    done = subprocess.run(arguments, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    places = sorted(folder.iterdir(), key=lambda place: int(place.name))
    values = [found(place) for place in places]
    before = OLD if there else None
    assert values == sorted(
        values, key=lambda value: value == NEW
    )  # the old one, and from some point the new
    assert set(values) == {before, NEW}
    assert values.count(NEW) > (30 if there else 3)
    for place, value in zip(places, values, strict=True):
        assert found(place) == value
        left = any(place.glob(".*.converting")) if place.exists() else False
        notes = convert(place, NEW, overwrite=True)
        assert found(place) == NEW
        assert bool(notes) == left
        names = {"e.zarr", "e.tracks", "experiments.yaml"}
        names |= {"other.zarr", "other.tracks"} if there else set()
        assert {path.name for path in place.iterdir()} == names
        if there:
            assert (place / "experiments.yaml").read_text().startswith("# mine\n")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_a_conversion_of_tracks_may_be_killed_anywhere(tmp_path: Path) -> None:
    first, folder = tmp_path / "1" / "first", tmp_path / "killed"
    folder.mkdir()
    tracks(first, OLD)
    arguments = [sys.executable, "-c", KILLED.format(what="tracks", NEW=NEW), str(first), str(folder)]
    done = subprocess.run(arguments, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seen = set()
    for place in (one for one in folder.iterdir() if one.is_dir()):
        values = [pd.read_csv(place / "A/1" / fov / "tracks.csv").x.unique().tolist() for fov in "01"]
        assert all(value in ([OLD], [NEW]) for value in values)
        seen.add(tuple(value[0] for value in values))
        left = (place / ".converting").exists()
        assert bool(tracks(place, NEW, overwrite=True)) == left
        assert {path.name for path in place.iterdir()} == {"A"}
    assert {(OLD, OLD), (NEW, NEW)} <= seen
