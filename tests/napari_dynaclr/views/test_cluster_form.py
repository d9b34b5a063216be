"""A training that is handed to a cluster from the dock, with programs that stand in for those of SLURM."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.cluster import FakeCluster
from tests.support.fake_training import begin

from dynaclr.options.spec import RunSpec
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.states import State
from napari_dynaclr.shell.hub import hub_of
from napari_dynaclr.state.project import Project, open_project
from napari_dynaclr.views.training import TrainingView

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the programs are scripts")
LONG = 30_000


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    fake = FakeCluster(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{fake.programs}{os.pathsep}{os.environ['PATH']}")
    return fake


@pytest.fixture
def own_project(sample_training: Path, tmp_path: Path) -> Project:
    file = tmp_path / "project" / "train.yaml"
    file.parent.mkdir()
    RunSpec.read(sample_training).changed({"run.root": str(file.parent / "runs")}).write(file)
    return open_project(file)


@pytest.fixture
def opened(make_napari_viewer: Any, qtbot: Any, own_project: Project) -> Iterator[Any]:
    def show() -> tuple[Any, TrainingView]:
        viewer = make_napari_viewer(show=True)
        hub = hub_of(viewer)
        hub.session.project = own_project
        view = viewer.window.add_plugin_dock_widget("napari-dynaclr", "Training")[1].content
        qtbot.waitUntil(lambda: view.start.cluster.script.isEnabled(), timeout=LONG)
        return hub, view

    return show


def test_without_sbatch_there_is_no_submitting(
    opened: Any, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    form = opened()[1].start.cluster
    assert form.submit.isHidden()
    assert not form.script.isHidden()


def test_what_was_entered_stands_in_the_script_and_is_remembered(
    opened: Any, tmp_path: Path, qtbot: Any, cluster: FakeCluster
) -> None:
    _, view = opened()
    form = view.start.cluster
    for name, text in (("time", "12:00:00"), ("partition", "gpu"), ("account", "lab")):
        form.texts[name].setText(text)
    for name, number in (("nodes", 2), ("gpus_per_node", 4), ("cpus_per_task", 6), ("memory_gb", 200)):
        form.numbers[name].setValue(number)
    form.lines["options"].setPlainText("#SBATCH --qos=high\n\n  --exclusive\n")
    form.lines["before"].setPlainText("module load cuda")
    form.requeue.setChecked(False)
    form.script_requested.emit(str(tmp_path / "job.sh"))
    qtbot.waitUntil((tmp_path / "job.sh").is_file, timeout=LONG)
    lines = (tmp_path / "job.sh").read_text().splitlines()
    wanted = ("--time=12:00:00", "--partition=gpu", "--account=lab", "--nodes=2", "--gres=gpu:4")
    more = ("--ntasks-per-node=4", "--cpus-per-task=6", "--mem=200G", "--qos=high", "--exclusive")
    for option in (*wanted, *more, "--no-requeue"):
        assert f"#SBATCH {option}" in lines
    assert "module load cuda" in lines
    assert any("--trainer.num_nodes=2 --trainer.strategy=ddp" in line for line in lines)
    checked = subprocess.run(["bash", "-n", str(tmp_path / "job.sh")], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr

    other = opened()[1].start.cluster
    assert other.values() == form.values()


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("time", "a day", "days-hours:minutes:seconds"),
        ("partition", "a b", "field partition"),
        ("options", "qos=high", "--qos=high"),
    ],
)
def test_what_no_cluster_takes_is_said(
    opened: Any, qtbot: Any, cluster: FakeCluster, name: str, text: str, fault: str
) -> None:
    cluster.put(sbatch="exit 1")
    form = opened()[1].start.cluster
    assert form.submit.isEnabled()
    assert form.fault.isHidden()
    if name in form.texts:
        form.texts[name].setText(text)
    else:
        form.lines[name].setPlainText(text)
    assert fault in form.fault.text()
    assert not form.submit.isEnabled() and not form.script.isEnabled()


def test_a_job_waits_is_taken_out_trains_and_stops(
    opened: Any, qtbot: Any, cluster: FakeCluster, tmp_path: Path
) -> None:
    cluster.put(sbatch="echo 4711", squeue="echo 'PENDING|Resources'", scancel="")
    hub, view = opened()
    watch, form = view.watch, view.start.cluster

    def submitted(number: int) -> RunFolder:
        form.submit.click()
        qtbot.waitUntil(lambda: len(hub.runs.runs) == number, timeout=LONG)
        return RunFolder(hub.runs.current.path)

    first = submitted(1)
    assert cluster.calls("sbatch") == [f"--parsable {first.slurm / 'job.sh'}"]
    qtbot.waitUntil(
        lambda: "Job 4711 of the cluster: pending (Resources)" in watch.progress.text(), timeout=LONG
    )
    watch.stop.click()
    qtbot.waitUntil(lambda: hub.runs.current.state is State.STOPPED, timeout=LONG)
    assert "taken out of the queue" in watch.ending.text()
    assert cluster.calls("scancel") == ["4711"]
    assert not watch.stop.isEnabled()
    assert not hub.runs.started_and_going()

    cluster.put(sbatch="echo 4712", squeue="echo 'RUNNING|None'")
    second = submitted(2)
    child = begin(second.path, "--steps", "100000")
    try:
        qtbot.waitUntil(lambda: hub.runs.current.state is State.RUNNING, timeout=LONG)
        qtbot.waitUntil(lambda: "step" in watch.progress.text(), timeout=LONG)
        watch.stop.click()
        qtbot.waitUntil(lambda: hub.runs.current.state is State.STOPPED, timeout=LONG)
    finally:
        child.kill()
        child.wait()
    assert "it was asked to stop" in watch.ending.text()
    assert cluster.calls("scancel") == ["4711"]

    cluster.put(sbatch="echo 'sbatch: error: invalid partition' >&2; exit 1")
    form.submit.click()
    from napari.utils.notifications import notification_manager

    qtbot.waitUntil(
        lambda: any("invalid partition" in str(item.message) for item in notification_manager.records),
        timeout=LONG,
    )
    assert len(list(first.path.parent.iterdir())) == 2
