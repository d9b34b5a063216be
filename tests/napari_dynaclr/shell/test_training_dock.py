"""The dock of trainings in a real viewer, with real clicks, a real training and a scripted one."""

from __future__ import annotations

import dataclasses
import getpass
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication
from tests.support.stand_in import begin
from tests.support.viewer import PLUGIN, Training, messages, with_own_runs

from dynaclr.options.spec import RunSpec
from dynaclr.runs.control.launch import launch
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.states import State
from dynaclr.runs.record.status import read_status
from napari_dynaclr.state.memory import RECENT, recall
from napari_dynaclr.state.project import Project


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that are ended with the test."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def training(make_napari_viewer: Any, qtbot: Any) -> Any:
    return lambda project=None: Training(make_napari_viewer(show=True), qtbot, project)


@pytest.fixture
def own_project(sample_training: Path, tmp_path: Path) -> Project:
    return with_own_runs(sample_training, tmp_path / "project")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_real_training_is_started_watched_stopped_resumed_and_killed(
    training: Any, qtbot: Any, own_project: Project, tmp_path: Path
) -> None:
    at = training(own_project)
    tab, root = at.view.start, tmp_path / "project" / "runs"
    at.until(lambda: tab.start.isEnabled())
    assert "CPU" in tab.device.currentText()
    tab.option_changed.emit("run.root", "runs")
    spin: Any = tab.form.fields["trainer.max_epochs"].widget.native
    spin.setValue(0)
    spin.setValue(200)
    tab.option_changed.emit("run.checkpoint_every_n_steps", 5)
    at.click(tab.estimate)
    at.until(lambda: "per epoch" in tab.cost.text())
    assert tab.estimate.text() == "Estimate"
    at.click(tab.estimate)
    at.until(lambda: tab.estimate.text() == "Cancel")
    at.click(tab.estimate)
    assert not tab.cost.text()
    at.click(tab.start)
    assert not tab.start.isEnabled()
    at.until(lambda: at.state() is State.RUNNING)
    run = at.hub.runs.current
    assert run.path.parent == root
    assert RunFolder(run.path).config.is_file()
    assert at.view.tabs.currentWidget() is at.view.watch
    at.until(lambda: len(run.curves.series("loss/train").step) > 10 if run.curves.names else False)
    assert "epoch" in at.view.watch.progress.text()
    at.click(at.view.watch.command)
    assert str(run.path) in QApplication.clipboard().text()

    at.until(lambda: at.view.watch.pairs.isEnabled())
    seen = run.batch
    at.click(at.view.watch.pairs)
    at.until(lambda: at.hub.session.project.run == run.path)
    request = at.hub.session.request
    assert request.anchor is None
    assert seen <= (request.epoch, request.batch)
    assert at.hub.session.project.path == own_project.path  # it draws the same batches
    pairs = at.viewer.window.dock_widgets["Pairs (DynaCLR)"].content
    at.until(lambda: "identical to run" in pairs.same.text())
    at.click(at.view.watch.stop)
    at.until(lambda: at.state() is State.STOPPED)
    assert not at.view.watch.pairs.isEnabled()
    assert "Stopped" in at.view.watch.ending.text()
    stopped_at = read_status(RunFolder(run.path))["step"]
    assert any(text.startswith("Training begun: ") for text in messages())

    at.view.show_tab(at.view.runs)
    at.until(lambda: at.view.runs.table.rowCount() == 1)
    at.view.runs.table.selectRow(0)
    at.until(lambda: at.view.runs.resume.isEnabled())
    at.click(at.view.runs.resume)
    at.until(lambda: at.state() is State.RUNNING and (at.hub.runs.current.status("step") or 0) > stopped_at)
    who = read_status(RunFolder(run.path))
    os.kill(int(who["pid"]), signal.SIGKILL)
    at.until(lambda: at.state() is State.CRASHED)
    assert "Crashed" in at.view.watch.ending.text()
    assert any(text.startswith("Training failed: ") and "crashed" in text for text in messages())
    at.until(lambda: at.view.runs.table.item(0, 2).text().endswith("crashed"))


def test_a_run_started_elsewhere_is_attached_and_seen_by_two_windows(
    training: Any, own_project: Project, tmp_path: Path, children: list[Any]
) -> None:
    root = tmp_path / "project" / "runs"
    children.append(begin(root / "20260101T000000Z-elsewhere", "--steps", "5000"))
    first, second = training(own_project), training(own_project)
    for at in (first, second):
        at.view.show_tab(at.view.runs)
        at.until(lambda at=at: at.view.runs.table.rowCount() == 1)
        box = at.view.runs.table.item(0, 0)
        box.setCheckState(Qt.CheckState.Checked)
        at.until(lambda at=at: at.state() is State.RUNNING)
        at.view.show_tab(at.view.watch)
    at.until(lambda: second.view.watch.losses.draws > 1)
    assert not second.hub.runs.started_and_going()
    second.click(second.view.watch.stop)
    for at in (first, second):
        at.until(lambda at=at: at.state() is State.STOPPED)
        assert "it was asked to stop" in at.view.watch.ending.text()
        assert not at.view.watch.stop.isEnabled()


def test_a_run_that_does_not_listen_is_ended_by_the_second_press(
    training: Any, own_project: Project, tmp_path: Path, children: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_dynaclr.controllers import run_follower

    monkeypatch.setattr(run_follower, "_SIGNAL_SECONDS", 0.5)
    at = training(own_project)
    folder = tmp_path / "project" / "runs" / "deaf"
    children.append(begin(folder, "--behave", "deaf"))
    at.view.controller.grace_seconds = 2.0
    at.view.controller.look_at(folder)
    at.until(lambda: at.state() is State.RUNNING and at.hub.runs.current.checkpoint is not None)
    stop = at.view.watch.stop
    at.click(stop)
    at.until(lambda: stop.text().startswith("Stopping"))
    assert not stop.isEnabled()
    assert (folder / "stop").exists()
    at.until(lambda: stop.text() == "End it now")
    assert psutil.pid_exists(children[0].pid)
    at.click(stop)
    at.until(lambda: children[0].poll() == -signal.SIGKILL)
    at.until(lambda: at.state() is State.STOPPED)
    at.until(lambda: not at.view.controller.follower.stops)
    ending = at.view.watch.ending.text()
    assert f"ended by {getpass.getuser()} at" in ending and "killed" in ending
    assert re.search(r"Resume continues from best\.ckpt of step \d+", ending)
    assert not any("crashed" in text for text in messages() if folder.name in text)


def test_failures_lost_folders_and_deletion(
    training: Any, own_project: Project, tmp_path: Path, children: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "project" / "runs"
    at = training(own_project)
    watch, table = at.view.watch, at.view.runs
    children += [begin(root / "fails", "--behave", "fail"), begin(root / "goes")]
    for process, name, state in zip(children, ("fails", "goes"), (State.FAILED, State.RUNNING), strict=True):
        if name == "fails":
            process.wait()
        at.view.controller.look_at(root / name)
        at.until(lambda state=state: at.state() is state)
    watch.run_chosen.emit(root / "fails")
    assert "the loss is not finite" in watch.ending.text()
    assert "error: the loss is not finite" in watch.problems.text()
    assert watch.run.count() == 2
    children[1].kill()
    children[1].wait()
    shutil.rmtree(root / "goes")
    watch.run_chosen.emit(root / "goes")
    at.until(lambda: "Folder deleted" in watch.ending.text())

    at.view.show_tab(table)
    at.until(lambda: table.table.rowCount() == 1)
    table.table.selectRow(0)
    asked: list[str] = []
    monkeypatch.setattr(table, "confirm", lambda item: bool(asked.append(item.name)) or len(asked) > 1)
    at.click(table.delete)
    assert (root / "fails").is_dir()
    at.click(table.delete)
    at.until(lambda: not (root / "fails").exists())
    at.until(lambda: table.pages.currentIndex() == 0)


def test_options_are_entered_and_faults_disable_the_button(training: Any, own_project: Project) -> None:
    at = training()
    tab = at.view.start
    assert "Project panel" in tab.pages.currentWidget().text()
    at.hub.session.project = own_project
    at.until(lambda: tab.start.isEnabled())
    form = tab.form
    rate = form.fields["model.lr"]
    field: Any = rate.widget.native
    field.setText("-1")
    field.editingFinished.emit()
    assert not tab.start.isEnabled()
    assert "model.lr: expected a number > 0; found -1" in tab.reason.text()
    assert "expected a number > 0; found -1" in rate.error.text()
    field.setText("3e-4")
    field.editingFinished.emit()
    assert tab.start.isEnabled()
    assert at.view.controller.starting.spec.get("model.lr") == 3e-4
    at.hub.session.project = dataclasses.replace(own_project, run=own_project.path.parent / "other")
    assert at.view.controller.starting.spec.get("model.lr") == 3e-4

    encoder = form.fields["model.encoder.class_path"].widget
    encoder.native.setCurrentIndex(1)
    assert "model.encoder.init_args.backbone" in form.fields
    z: Any = form.fields["data.z_range"].widget.native
    z.setText("0, 1")
    z.editingFinished.emit()
    assert at.view.controller.starting.spec.get("data.z_range") == [0, 1]
    assert form.fields["model.encoder.init_args.in_stack_depth"].value == 1
    for key in ("preset:quick look", "preset:thorough", "preset:default"):
        tab.origin_chosen.emit(key)
        assert not tab.start.isEnabled()
        at.until(lambda: tab.start.isEnabled())
        assert not at.view.controller.starting.spec.faults()
    assert all(field.widget.native.toolTip() for field in form.fields.values())
    names = form.fields["data.val_experiments"].parts
    assert set(names) == {name for index in own_project.parts.values() for name in index.registry.names}


def test_the_command_and_the_script_hold_the_very_options(
    training: Any, own_project: Project, tmp_path: Path
) -> None:
    at = training(own_project)
    tab = at.view.start
    at.until(lambda: tab.start.isEnabled())
    tab.option_changed.emit("model.lr", 0.5)
    QApplication.clipboard().setText("")
    at.click(tab.copy)
    at.until(lambda: "--config" in QApplication.clipboard().text())
    file = Path(QApplication.clipboard().text().split("--config ")[1])
    assert RunSpec.read(file).get("model.lr") == 0.5
    tab.cluster.script_requested.emit(str(tmp_path / "job.sh"))
    at.until((tmp_path / "job.sh").is_file)
    script = (tmp_path / "job.sh").read_text()
    folder = next(path.parent for path in (tmp_path / "project" / "runs").glob("*/request.yaml"))
    assert str(folder) in script
    assert RunSpec.read(folder / "request.yaml").get("model.lr") == 0.5


def test_a_copy_of_a_run_begins_with_its_options(training: Any, own_project: Project, tmp_path: Path) -> None:
    at = training(own_project)
    spec = RunSpec.read(own_project.path).changed({"model.lr": 0.25})
    folder = tmp_path / "project" / "runs" / "old"
    folder.mkdir(parents=True)
    spec.write(folder / "config.yaml")
    (folder / "run.json").write_text("{}")
    at.until(lambda: at.view.start.start.isEnabled())
    at.until(lambda: at.view.runs.table.rowCount() == 1)
    at.view.show_tab(at.view.runs)
    at.view.runs.table.selectRow(0)
    at.click(at.view.runs.clone)
    assert at.view.tabs.currentWidget() is at.view.start
    at.until(lambda: at.view.start.start.isEnabled())
    assert at.view.controller.starting.spec.get("model.lr") == 0.25
    assert at.view.start.origin.currentText() == "run old"


def test_what_cannot_be_started_is_told_and_the_dock_goes_on(
    training: Any, own_project: Project, tmp_path: Path
) -> None:
    at = training(own_project)
    at.until(lambda: at.view.start.start.isEnabled())
    (tmp_path / "project" / "runs").write_text("a file where a folder should be")
    at.click(at.view.start.start)
    at.until(lambda: any("run folder cannot be created" in text for text in messages()))
    at.until(lambda: at.view.start.start.isEnabled())
    at.view.controller.resume(tmp_path / "none")
    at.until(lambda: any("none" in text for text in messages()))


def test_a_run_of_a_computer_that_may_be_gone_is_resumed_only_after_a_question(
    training: Any, own_project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = training(own_project)
    folder = RunFolder(tmp_path / "project" / "runs" / "far")
    folder.checkpoints.mkdir(parents=True)
    (folder.checkpoints / "last.ckpt").touch()
    folder.config.write_text("{}")
    who = {"host": "elsewhere", "pid": 7, "boot": "x"}
    folder.lock.write_text(json.dumps(who))
    folder.status.write_text(json.dumps({"state": "running", "heartbeat": 0.0, **who}))
    os.utime(folder.status, (1, 1))
    asked: list[str] = []
    monkeypatch.setattr(
        at.view.runs, "confirm_gone", lambda name, held: bool(asked.append(held)) or len(asked) > 1
    )
    at.view.controller.resume(folder.path)
    at.until(lambda: bool(asked))
    assert "process 7 on elsewhere, heard of last at" in asked[0]
    assert not folder.launch.exists()
    at.view.controller.resume(folder.path)
    at.until(folder.launch.is_file)
    child = json.loads(folder.launch.read_text())
    assert "--run.force=true" in child["command"]
    with suppress(psutil.Error):
        psutil.Process(child["pid"]).kill()
    at.until(lambda: str(own_project.path) in recall(RECENT, []))


def test_the_dock_is_closed_and_opened_again(
    training: Any, own_project: Project, tmp_path: Path, children: list[Any]
) -> None:
    before = set(sys.modules)
    at = training(own_project)
    folder = tmp_path / "project" / "runs" / "one"
    children.append(begin(folder, "--steps", "40", "--pause", "0"))
    children[0].wait()
    at.view.controller.look_at(folder)
    at.until(lambda: at.state() is State.FINISHED)
    for _ in range(2):
        at.viewer.window.remove_dock_widget(at.view.parent())
        at.view = at.viewer.window.add_plugin_dock_widget(PLUGIN, "Training")[1].content
        at.until(lambda: at.state() is State.FINISHED)
        series = at.hub.runs.current.curves.series("loss/train")
        assert series.step.tolist() == list(range(1, 41))
    at.viewer.theme = "light"
    assert at.view.watch.losses._colors.background != "#262930"
    assert not {"lightning", "triton", "torch._dynamo"} & set(sys.modules) - before
    picture, table = tmp_path / "a.png", tmp_path / "a.csv"
    at.view.watch.picture_requested.emit(str(picture))
    at.view.watch.table_requested.emit(str(table))
    at.until(lambda: table.is_file())
    assert picture.stat().st_size > 1000
    assert len(table.read_text().splitlines()) == 1 + 3 * 40 + 2


def test_a_crash_before_the_first_word_is_told(training: Any, own_project: Project, tmp_path: Path) -> None:
    """The child of `launch` itself, killed while it loads its libraries."""
    at = training(own_project)
    folder = launch(RunSpec.read(own_project.path), tmp_path / "project" / "runs" / "dies")
    at.hub.runs.watch(folder.path, started=True)
    at.until(lambda: at.state() is State.STARTING)
    os.kill(json.loads(folder.launch.read_text())["pid"], signal.SIGKILL)
    at.until(lambda: at.state() is State.CRASHED)
    assert any(text.startswith("Training failed: ") and "crashed" in text for text in messages())
