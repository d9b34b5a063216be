"""A training that is handed to a cluster from the dock, with programs that stand in for those of SLURM."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support.cluster import FakeCluster
from tests.support.stand_in import begin
from tests.support.viewer import Training, messages, with_own_runs

from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.states import State

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the programs are scripts")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    fake = FakeCluster(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{fake.programs}{os.pathsep}{os.environ['PATH']}")
    return fake


@pytest.fixture
def opened(make_napari_viewer: Any, qtbot: Any, sample_training: Path, tmp_path: Path) -> Any:
    project = with_own_runs(sample_training, tmp_path / "project")

    def show() -> Training:
        at = Training(make_napari_viewer(show=True), qtbot, project)
        at.until(at.view.start.cluster.script.isEnabled)
        return at

    return show


def test_without_sbatch_there_is_no_submitting(
    opened: Any, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    form = opened().view.start.cluster
    assert form.submit.isHidden()
    assert not form.script.isHidden()


def test_what_was_entered_stands_in_the_script_and_is_remembered(
    opened: Any, tmp_path: Path, qtbot: Any, cluster: FakeCluster
) -> None:
    at = opened()
    form = at.view.start.cluster
    for name, text in (("time", "12:00:00"), ("partition", "gpu"), ("account", "lab")):
        form.texts[name].setText(text)
    for name, number in (("nodes", 2), ("gpus_per_node", 4), ("cpus_per_task", 6), ("memory_gb", 200)):
        form.numbers[name].setValue(number)
    form.lines["options"].setPlainText("#SBATCH --qos=high\n\n  --exclusive\n")
    form.lines["before"].setPlainText("module load cuda")
    form.requeue.setChecked(False)
    form.script_requested.emit(str(tmp_path / "job.sh"))
    at.until((tmp_path / "job.sh").is_file)
    lines = (tmp_path / "job.sh").read_text().splitlines()
    wanted = ("--time=12:00:00", "--partition=gpu", "--account=lab", "--nodes=2", "--gres=gpu:4")
    more = ("--ntasks-per-node=4", "--cpus-per-task=6", "--mem=200G", "--qos=high", "--exclusive")
    for option in (*wanted, *more, "--no-requeue"):
        assert f"#SBATCH {option}" in lines
    assert "module load cuda" in lines
    assert any("--trainer.num_nodes=2 --trainer.strategy=ddp" in line for line in lines)
    checked = subprocess.run(["bash", "-n", str(tmp_path / "job.sh")], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr

    other = opened().view.start.cluster
    assert other.values() == form.values()


def test_what_no_cluster_takes_is_said(opened: Any, cluster: FakeCluster) -> None:
    cluster.put(sbatch="exit 1")
    form = opened().view.start.cluster
    for name, text, fault in (
        ("time", "a day", "days-hours:minutes:seconds"),
        ("partition", "a b", "field partition"),
        ("options", "qos=high", "--qos=high"),
    ):
        assert form.submit.isEnabled()
        assert form.fault.isHidden()
        line = form.texts.get(name)
        was = line.text() if line else ""
        enter = line.setText if line else form.lines[name].setPlainText
        enter(text)
        assert fault in form.fault.text()
        assert not form.submit.isEnabled() and not form.script.isEnabled()
        enter(was)


def test_a_job_waits_is_taken_out_trains_and_stops(
    opened: Any, qtbot: Any, cluster: FakeCluster, tmp_path: Path
) -> None:
    cluster.put(sbatch="echo 4711", squeue="echo 'PENDING|Resources'", scancel="")
    at = opened()
    hub, watch, form = at.hub, at.view.watch, at.view.start.cluster

    def submitted(number: int) -> RunFolder:
        form.submit.click()
        at.until(lambda: len(hub.runs.runs) == number)
        return RunFolder(hub.runs.current.path)

    first = submitted(1)
    assert cluster.calls("sbatch") == [f"--parsable {first.slurm / 'job.sh'}"]
    at.until(lambda: "Job 4711 of the cluster: pending (Resources)" in watch.progress.text())
    watch.stop.click()
    at.until(lambda: hub.runs.current.state is State.STOPPED)
    assert "removed from the queue" in watch.ending.text()
    assert cluster.calls("scancel") == ["4711"]
    assert not watch.stop.isEnabled()
    assert not hub.runs.started_and_going()

    cluster.put(sbatch="echo 4712", squeue="echo 'RUNNING|None'")
    second = submitted(2)
    child = begin(second.path)
    try:
        at.until(lambda: hub.runs.current.state is State.RUNNING)
        at.until(lambda: "step" in watch.progress.text())
        watch.stop.click()
        at.until(lambda: hub.runs.current.state is State.STOPPED)
    finally:
        child.kill()
        child.wait()
    assert "it was asked to stop" in watch.ending.text()
    assert cluster.calls("scancel") == ["4711"]

    cluster.put(sbatch="echo 'sbatch: error: invalid partition' >&2; exit 1")
    form.submit.click()
    at.until(lambda: any("invalid partition" in text for text in messages()))
    assert len(list(first.path.parent.iterdir())) == 2
