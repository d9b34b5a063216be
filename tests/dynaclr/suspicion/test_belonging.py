"""The report on tables and images: errors with advice among the warnings, and what is right beside."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.dynaclr.suspicion.test_inspect import CONFIG, inspect
from tests.support.loaded import Loaded

from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex
from dynaclr.suspicion import tables_against_images
from dynaclr.suspicion.belonging import exchanged_channels


def test_channels_that_are_exchanged_between_experiments() -> None:
    one, two = np.array([0.45, 0.1]), np.array([0.12, 0.43])
    (line,) = exchanged_channels({"june": one, "july": two})
    assert line.startswith("channels 0 and 1 of source_channel look exchanged between 'june' and 'july'")
    assert "one of them" in line
    assert "june: 0.45 and 0.10; july: 0.12 and 0.43" in line
    lines = exchanged_channels({"june": one, "july": two, "may": one})
    assert len(lines) == 2
    assert all("channel names of 'july'" in line for line in lines)


@pytest.mark.parametrize(
    "other", [None, np.array([0.45, 0.1]), np.array([0.12, 0.12]), np.array([0.1]), np.array([-0.2, 0.45])]
)
def test_experiments_that_differ_otherwise_are_left_alone(other: np.ndarray | None) -> None:
    assert exchanged_channels({"june": np.array([0.45, 0.1]), "july": other}) == []


REAL: dict[str, Callable[[pd.DataFrame, int, int], pd.DataFrame]] = {
    "no error found": lambda table, height, width: table,
    "centroids drift by": lambda table, height, width: table.assign(
        y=table.y + 0.5 * table.t, x=table.x + 0.5 * table.t
    ),
    "centroids are shifted by (": lambda table, height, width: table.assign(y=table.y + 20),
    "y is flipped": lambda table, height, width: table.assign(y=height - 1 - table.y),
    "x is flipped": lambda table, height, width: table.assign(x=width - 1 - table.x),
    "3 frames later: subtract 3 from t": lambda table, height, width: table.assign(t=table.t + 3),
    "frames are 1-based": lambda table, height, width: table.assign(t=table.t + 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hela", "t98g"])
def test_errors_in_real_recordings(shared_data: Path, tmp_path: Path, name: str) -> None:
    from dynaclr.convert import CtcOptions, convert_ctc

    if not (shared_data / name).is_dir():
        pytest.skip(f"no recording {name}")
    interval, um = (30.0, 0.645) if name == "hela" else (10.0, 1.74)
    described = CtcOptions(
        name=name,
        interval_minutes=interval,
        pixel_size_um=um,
        z_step_um=1.0,
        conditions=["control"],
        channel_name="cells",
        start_hpi=0.0,
        version="0.4",
    )
    convert_ctc([shared_data / name / "01"], tmp_path, described)
    path = tmp_path / f"{name}.tracks" / "A" / "1" / "0" / "tracks.csv"
    right = pd.read_csv(path)
    registry = ExperimentRegistry.from_yaml(tmp_path / "experiments.yaml")
    frames, _, _, height, width = registry.plates[name].fovs["A/1/0"].shape
    for reason, fault in REAL.items():
        table = fault(right, height, width)
        table[table.t < frames].to_csv(path, index=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # on the rows that a wrong table loses
            index = MultiExperimentIndex(registry, (0, 1), (32, 32), (interval / 60, interval / 30))
        found = tables_against_images(index)
        lines = found.fits if reason == "no error found" else found.wrong
        assert len(found.fits) + len(found.wrong) == 1
        assert reason in lines[0]


@pytest.mark.slow
def test_inspect_tells_how_tables_fit(loaded: Loaded, synthetic_source: Path, tmp_path: Path) -> None:
    shutil.copytree(synthetic_source.parent, tmp_path / "data")
    data = {key: value for key, value in CONFIG["data"].items() if key != "curation"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**CONFIG, "data": data}))
    done = inspect(loaded, tmp_path, "--output", "look")
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "dengue_june: no error found" in line]
    assert line.startswith("tracks, images  ")
    assert line in (tmp_path / "look" / "report.txt").read_text()
