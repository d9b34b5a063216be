"""What a training can begin with, and where it goes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dynaclr.base.errors import ConfigError
from napari_dynaclr.state.project import Project, open_project
from napari_dynaclr.state.run_origin import RUN, free_path, origins_of, runs_folder, spec_of


def test_runs_lie_beside_the_project_or_beside_the_run_it_was_opened_from(sample_project: Project) -> None:
    home = sample_project.path.parent
    assert runs_folder(sample_project, "runs") == home / "runs"
    assert runs_folder(sample_project, "/data/runs") == Path("/data/runs")
    from_run = replace(sample_project, path=home / "runs" / "a" / "config.yaml", run=home / "runs" / "a")
    assert runs_folder(from_run, "runs") == home / "runs"
    attached = replace(sample_project, run=Path("/elsewhere/runs/b"))
    assert runs_folder(attached, "runs") == home / "runs"


def test_every_origin_gives_a_training_without_faults(sample_project: Project, tmp_path: Path) -> None:
    offered = origins_of(sample_project, [tmp_path / "old"])
    assert [title for _, title, _ in offered][::4] == ["the open training", "run old"]
    for key, _, _ in offered[:-1]:
        assert spec_of(sample_project, key).faults() == {}
    spec = spec_of(sample_project, offered[0][0]).changed({"model.lr": 0.5})
    (tmp_path / "old").mkdir()
    spec.write(tmp_path / "old" / "config.yaml")
    assert spec_of(sample_project, offered[-1][0]).get("model.lr") == 0.5
    with pytest.raises(ConfigError):
        spec_of(sample_project, f"{RUN}{tmp_path / 'none'}")


def test_a_list_of_experiments_begins_with_a_preset(synthetic_source: Path) -> None:
    key, title, _ = origins_of(open_project(synthetic_source), ())[0]
    assert title == "preset: default"
    assert key != "open"


def test_the_next_run_gets_a_name_of_its_own(sample_project: Project, tmp_path: Path) -> None:
    spec = spec_of(sample_project, "open").changed({"run.name": "mine"})
    first = free_path(tmp_path, spec)
    first.mkdir()
    second = free_path(tmp_path, spec)
    assert first.name.endswith("-mine")
    assert second != first
    with pytest.raises(ConfigError, match="run name"):
        free_path(tmp_path, spec.changed({"run.name": "../mine"}))
