"""The list of suspicions on the real command line."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
import yaml
from tests.support.loaded import Loaded

from dynaclr.curation import Mark, MarkKind, Verdict, write_marks

pytestmark = pytest.mark.slow

CONFIG = {
    "data": {
        "experiments_yaml": "data/experiments.yaml",
        "curation": "curation.csv",
        "z_range": [0, 2],
        "yx_patch_size": [32, 32],
        "final_yx_patch_size": [24, 24],
        "val_experiments": ["dengue_july"],
        "batch_size": 8,
    },
    "model": {
        "encoder": {
            "class_path": "dynaclr.encoder.SmallEncoder",
            "init_args": {"in_channels": 2, "in_stack_depth": 2, "widths": [8, 16]},
        },
        "loss_function": {"class_path": "dynaclr.loss.NTXentHCL"},
    },
}


def inspect(loaded: Loaded, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return loaded.run(folder, "inspect", "--config", "config.yaml", "--batches", "0", *arguments)


@pytest.fixture
def folder(synthetic_source: Path, tmp_path: Path) -> Path:
    shutil.copytree(synthetic_source.parent, tmp_path / "data")
    path = tmp_path / "data" / "dengue_june.tracks" / "A" / "1" / "0" / "tracks.csv"
    table = pd.read_csv(path)
    last = table.track_id == table.track_id.iloc[0]
    table.loc[last & (table.t == table.t[last].max()), ["y", "x"]] = [2.0, 90.0]
    table.to_csv(path, index=False)
    when = datetime(2026, 1, 31, tzinfo=UTC)
    mark = Mark(MarkKind.FOV, Verdict.EXCLUDE, "dengue_june", "B/1/0", "anna", when)
    write_marks(tmp_path / "curation.csv", [mark])
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    return tmp_path


def test_the_most_suspicious_are_printed(loaded: Loaded, folder: Path) -> None:
    done = inspect(loaded, folder, "--suspicious", "2", "--suspicious-pixels", "--output", "look")
    assert done.returncode == 0, done.stdout + done.stderr
    _, _, text = done.stdout.partition("2 most suspicious of ")
    lines = text.splitlines()
    assert lines[1] == "curation: 1 marks: 1 found by id, 0 by position within 10 px, 0 not found"
    assert "links cut" in lines[2]
    assert "dengue_june/A/1/0, frame" in lines[3]
    assert "jumps" in lines[3]
    assert len(lines) == 5
    table = pd.read_csv(folder / "look" / "suspicious.csv")
    assert table.score.is_monotonic_decreasing
    assert "B/1/0" not in set(table.fov_name[(table.experiment == "dengue_june") & (table.kind != "fov")])
    assert "training: 1 marks" in (folder / "look" / "report.txt").read_text()


def test_without_pixels_it_says_what_that_cannot_find(loaded: Loaded, folder: Path) -> None:
    done = inspect(loaded, folder, "--suspicious", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "need --suspicious-pixels" in done.stdout
