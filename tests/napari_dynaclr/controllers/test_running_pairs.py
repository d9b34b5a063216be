"""The pairs that a training sees now: of what is open if it draws the same, else of the run's own options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dynaclr.options.spec import RunSpec
from napari_dynaclr.controllers.running_pairs import RunningPairs
from napari_dynaclr.state.project import open_project
from napari_dynaclr.state.session import PairRequest, Session
from napari_dynaclr.workers import Jobs


@pytest.fixture
def run(sample_training: Path, tmp_path: Path) -> Path:
    """Folder of a run with other options than the sample training, and what it recorded."""
    folder = tmp_path / "run"
    (folder / "previews").mkdir(parents=True)
    (folder / "run.json").write_text("{}", encoding="utf-8")
    RunSpec.read(sample_training).changed({"data.seed": 5}).write(folder / "config.yaml")
    inspector = open_project(folder).inspector
    for number in range(2):
        file = folder / "previews" / f"epoch=0-batch={number}.json"
        file.write_text(json.dumps(inspector.digest(0, number)), encoding="utf-8")
    return folder


class Window:
    """A session without a viewer."""

    def __init__(self, qtbot: Any) -> None:
        self.qtbot, self.session, self.jobs = qtbot, Session(), Jobs()
        self.shows = RunningPairs(self.session, self.jobs)

    def show(self, run: Path, epoch: int, batch: int) -> None:
        self.shows.show(run, epoch, batch)
        self.qtbot.waitUntil(lambda: self.session.request == PairRequest(epoch, batch), timeout=30_000)


@pytest.fixture
def window(qtbot: Any) -> Any:
    made = Window(qtbot)
    yield made
    made.jobs.close()
    qtbot.waitUntil(lambda: not made.jobs._workers)


def test_the_runs_own_options_are_opened_where_others_are_open(
    window: Window, run: Path, sample_training: Path
) -> None:
    window.session.project = open_project(sample_training)
    window.show(run, 0, 2)
    found = window.session.project
    assert found.path == run / "config.yaml"
    assert found.run == run
    window.show(run, 0, 3)
    assert window.session.project is found


def test_what_is_open_stays_where_it_draws_the_same(window: Window, run: Path, tmp_path: Path) -> None:
    same = tmp_path / "same.yaml"
    RunSpec.read(run / "config.yaml").write(same)
    window.session.project = project = open_project(same)
    window.show(run, 1, 0)
    found = window.session.project
    assert (found.path, found.run) == (same, run)
    assert found.pipeline is project.pipeline


def test_with_nothing_open_the_run_is_opened(window: Window, run: Path) -> None:
    window.show(run, 0, 1)
    assert window.session.project.run == run


def test_a_run_without_recorded_batches_is_opened_itself(
    window: Window, run: Path, sample_training: Path
) -> None:
    for file in (run / "previews").iterdir():
        file.unlink()
    window.session.project = open_project(sample_training)
    window.show(run, 0, 1)
    assert window.session.project.path == run / "config.yaml"


def test_a_run_that_is_gone_is_told(window: Window, tmp_path: Path) -> None:
    from napari.utils.notifications import notification_manager

    window.shows.show(tmp_path / "gone", 0, 1)
    window.qtbot.waitUntil(lambda: any("gone" in str(n.message) for n in notification_manager.records))
    assert window.session.project is None
