"""Jobs, with programs on PATH that stand in for those of a cluster."""

from __future__ import annotations

import getpass
import json
import os
import socket
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from tests.support.cluster import FakeCluster, calls

from dynaclr.base.errors import ConfigError, RunError
from dynaclr.base.files import write_json_atomically
from dynaclr.options.spec import RunSpec
from dynaclr.runs.control.halting import HaltStep
from dynaclr.runs.control.job_halting import JobHalt
from dynaclr.runs.control.job_script import JobRequest, script_text
from dynaclr.runs.control.slurm import JobState, JobWatch, cancel, submit
from dynaclr.runs.record.holders import delete_run
from dynaclr.runs.record.layout import RunFolder, made_folder
from dynaclr.runs.record.observing import observe, worker
from dynaclr.runs.record.states import State

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the programs are scripts")

Cluster = Callable[..., Path]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Put scripts on PATH."""
    fake = FakeCluster(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{fake.programs}{os.pathsep}{os.environ['PATH']}")
    return fake.put


@pytest.fixture
def job(quick: RunSpec, cluster: Cluster, tmp_path: Path) -> RunFolder:
    cluster(sbatch="echo '4711;cluster'")
    return submit(quick, tmp_path / "runs" / "job")


def test_a_job_is_submitted(quick: RunSpec, job: RunFolder, cluster: Cluster) -> None:
    assert calls(cluster(), "sbatch") == [f"--parsable {job.slurm / 'job.sh'}"]
    launched = json.loads(job.launch.read_text())
    assert (launched["kind"], launched["job"]) == ("slurm", "4711")
    assert RunSpec.read(job.request).values == quick.changed({"run.root": str(job.path.parent)}).values
    assert observe(job).state is State.STARTING
    assert "4711" in observe(job).reason


def test_what_the_cluster_refuses_leaves_nothing(quick: RunSpec, cluster: Cluster, tmp_path: Path) -> None:
    cluster(sbatch="echo 'sbatch: error: invalid partition' >&2; exit 1")
    with pytest.raises(RunError, match="invalid partition"):
        submit(quick, tmp_path / "run")
    with pytest.raises(ConfigError, match=r"data\.batch_size"):
        submit(quick.changed({"data.batch_size": 0}), tmp_path / "run")
    with pytest.raises(ConfigError, match="no spaces"):
        submit(quick, tmp_path / "a run")
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_no_cluster_here(quick: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunError, match="no sbatch on PATH"):
        submit(quick, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("queue", "books", "expected", "reason"),
    [
        ("PENDING|Resources", None, JobState.PENDING, "Resources"),
        ("CONFIGURING|None", None, JobState.PENDING, ""),
        ("RUNNING|None", None, JobState.RUNNING, ""),
        ("COMPLETING|None", None, JobState.RUNNING, ""),
        ("", "COMPLETED|0:0", JobState.COMPLETED, ""),
        ("", "FAILED|4:0", JobState.FAILED, "exit code 4:0"),
        ("", "CANCELLED by 1000|0:15", JobState.CANCELLED, ""),
        ("", "TIMEOUT|0:0", JobState.TIMEOUT, ""),
        ("", "OUT_OF_ME+|0:125", JobState.UNKNOWN, ""),
        ("", "OUT_OF_MEMORY|0:125", JobState.OUT_OF_MEMORY, ""),
        ("", "PREEMPTED|0:0", JobState.PREEMPTED, ""),
        ("", "NODE_FAIL|0:0", JobState.NODE_FAIL, ""),
        ("", "SOMETHING_NEW|0:0", JobState.UNKNOWN, ""),
        ("", "", JobState.UNKNOWN, ""),
    ],
)
def test_states(
    job: RunFolder, cluster: Cluster, queue: str, books: str | None, expected: JobState, reason: str
) -> None:
    gone = "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1"
    programs = cluster(squeue=f"echo '{queue}'" if queue else gone, sacct=f"echo '{books or ''}'")
    found = JobWatch(job).poll()
    assert (found.state, found.reason) == (expected, reason)
    assert calls(programs, "squeue") == ["--noheader --jobs=4711 --format=%T|%r"]
    assert len(calls(programs, "sacct")) == (0 if queue else 1)


def test_the_cluster_is_asked_rarely_and_ever_more_seldom(job: RunFolder, cluster: Cluster) -> None:
    programs = cluster(squeue="echo 'PENDING|Priority'")
    clock = Clock()
    watch = JobWatch(job, clock)
    asked: list[int] = []
    for second in range(0, 700, 10):
        clock.now = float(second)
        watch.poll()
        if len(calls(programs, "squeue")) > len(asked):
            asked.append(second)
    assert asked[:6] == [0, 10, 30, 70, 150, 270]
    assert all(later - earlier <= 120 for earlier, later in pairwise(asked))
    assert len(calls(programs, "squeue")) == len(asked)
    cluster(squeue="echo 'RUNNING|None'")
    clock.now += 120
    assert watch.poll().state is JobState.RUNNING
    assert watch._due - clock.now == 10  # something happens: look soon again


def test_a_cluster_that_does_not_answer_is_asked_later(job: RunFolder, cluster: Cluster) -> None:
    clock = Clock()
    watch = JobWatch(job, clock)
    cluster(squeue="echo 'PENDING|Priority'")
    assert watch.poll().state is JobState.PENDING
    cluster(squeue="echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    clock.now = 10
    found = watch.poll()
    assert found.state is JobState.PENDING
    assert "Unable to contact" in found.reason


def test_an_end_is_asked_for_once(job: RunFolder, cluster: Cluster) -> None:
    programs = cluster(squeue="exit 0", sacct="echo 'COMPLETED|0:0'")
    clock = Clock()
    watch = JobWatch(job, clock)
    assert watch.poll().state.ended
    clock.now = 1e6
    watch.poll()
    assert len(calls(programs, "sacct")) == 1


def test_cancelling(job: RunFolder, cluster: Cluster, tmp_path: Path) -> None:
    programs = cluster(squeue="echo 'RUNNING|None'", scancel="")
    cancel(job)
    assert job.stop.exists()
    assert calls(programs, "scancel") == []
    cancel(job, now=True)
    cluster(squeue="echo 'PENDING|Priority'")
    cancel(job)
    assert calls(programs, "scancel") == ["4711", "4711"]
    with pytest.raises(RunError, match="not a cluster job"):
        cancel(RunFolder(tmp_path))


def test_a_job_that_waits_is_taken_out_of_the_queue(job: RunFolder, cluster: Cluster) -> None:
    programs = cluster(squeue="echo 'PENDING|Priority'", scancel="")
    halt = JobHalt(job)
    assert halt.problem is None
    assert halt.poll() is HaltStep.ENDED
    seen = observe(job)
    assert (seen.state, worker(seen)) == (State.STOPPED, None)
    assert seen.reason == f"ended by {getpass.getuser()} at {socket.gethostname()}: removed from the queue"
    assert calls(programs, "scancel") == ["4711"]
    delete_run(job.path)


def test_a_job_that_trains_is_asked_first(job: RunFolder, cluster: Cluster) -> None:
    programs = cluster(squeue="echo 'RUNNING|None'", scancel="")
    away = {"state": "running", "host": "node7", "pid": 3, "boot": "x"}
    job.status.write_text(json.dumps(away))
    clock = Clock()
    halt = JobHalt(job, 60, clock)
    assert job.stop.exists()
    clock.now = 61
    assert (halt.seconds_left, halt.poll()) == (0, HaltStep.ASKED)
    assert calls(programs, "scancel") == []
    halt.escalate()
    assert calls(programs, "scancel") == ["4711"]
    assert observe(job).state is State.RUNNING  # until its heart has stood still for a while
    os.utime(job.status, (1, 1))
    assert observe(job).reason.endswith("job canceled")
    assert halt.poll() is HaltStep.ENDED


def test_from_a_computer_without_the_cluster_a_job_is_asked_by_the_file(
    job: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    halt = JobHalt(job)
    assert "no squeue on PATH" in str(halt.problem)
    assert job.stop.exists()
    with pytest.raises(RunError, match="no scancel on PATH"):
        halt.escalate()


@pytest.mark.parametrize(
    ("books", "status", "expected"),
    [
        ("OUT_OF_MEMORY|0:125", None, State.FAILED),
        ("OUT_OF_MEMORY|0:125", "running", State.FAILED),
        ("CANCELLED by 0|0:15", None, State.STOPPED),
        ("FAILED|3:0", "stopped", State.STOPPED),  # it told its end itself
    ],
)
def test_the_end_of_a_job_is_that_of_its_run(
    job: RunFolder, cluster: Cluster, books: str, status: str | None, expected: State
) -> None:
    if status is not None:
        job.status.write_text(json.dumps({"state": status, "host": "node7", "reason": "x"}))
        os.utime(job.status, (1, 1))
    cluster(squeue="exit 0", sacct=f"echo '{books}'")
    assert JobWatch(job).poll().state.ended
    seen = observe(job)
    assert seen.state is expected
    assert ("by the cluster" in seen.reason) == (status != "stopped")


def test_what_a_request_may_not_be() -> None:
    for wrong in (
        {"nodes": 0},
        {"time": "a day"},
        {"time": "1:2:3:4"},
        {"options": ["--a\nrm -r /"]},
        {"options": ["qos"]},
        {"memory_gb": 0},
        {"partition": "a b"},
        {"account": "-x"},
    ):
        with pytest.raises(ConfigError):
            JobRequest(**wrong)  # type: ignore[arg-type]
    for time in ("60", "60:00", "12:00:00", "1-0", "2-12:30", "1-00:00:00"):
        assert JobRequest(time=time).time == time


def directives(text: str) -> set[str]:
    return {line.removeprefix("#SBATCH ") for line in text.splitlines() if line.startswith("#SBATCH ")}


def test_the_script_of_one_computer_and_of_several(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    one = script_text(
        folder, JobRequest(gpus_per_node=0, memory_gb=32, partition="cpu", account="lab", time="2-12:00:00")
    )
    asked = {"--nodes=1", "--ntasks-per-node=1", "--mem=32G", "--partition=cpu", "--account=lab", "--requeue"}
    assert asked | {"--time=2-12:00:00"} <= directives(one)
    once = script_text(folder, JobRequest(requeue=False))
    assert "--no-requeue" in directives(once) and "--requeue" not in directives(once)
    assert "scontrol" in one and "scontrol" not in once
    assert "--signal=USR1@300" in directives(one)
    assert not any(line.startswith("--gres") for line in directives(one))
    assert "strategy" not in one
    several = script_text(folder, JobRequest(nodes=2, gpus_per_node=4, options=["--exclusive"]))
    wanted = {"--nodes=2", "--ntasks-per-node=4", "--gres=gpu:4", "--exclusive", f"--output={folder.output}"}
    assert wanted <= directives(several)
    assert "--trainer.devices=4 --trainer.num_nodes=2 --trainer.strategy=ddp" in several
    for text in (one, once, several):
        assert "@" not in text.replace("USR1@", "").replace("${WHAT[@]}", "")
        checked = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True)
        assert checked.returncode == 0, checked.stderr


class Turns:
    """Runs the batch script as the cluster would, turn after turn, with an srun that makes steps."""

    def __init__(self, cluster: Cluster, folder: RunFolder) -> None:
        self.cluster, self.folder = cluster, made_folder(folder.path)
        folder.slurm.mkdir()
        self.script = folder.slurm / "job.sh"
        request = JobRequest(gpus_per_node=0, python="python", before=["A=b"])
        self.script.write_text(script_text(folder, request))
        self.number = -1

    def run(self, step: int, reason: str, *, checkpoint: bool = True, state: str = "stopped") -> int:
        self.number += 1
        status = json.dumps({"state": state, "step": step, "reason": reason}, indent=2)
        save = f"touch {self.folder.checkpoints}/last.ckpt" if checkpoint else "true"
        self.cluster(
            srun=f"mkdir -p {self.folder.checkpoints}; {save}; touch {self.folder.facts}\n"
            f"cat > {self.folder.status} <<'X'\n{status}\nX\nexit 3",
            scontrol="",
        )
        environment = {**os.environ, "SLURM_JOB_ID": "4711", "SLURM_RESTART_COUNT": str(self.number)}
        done = subprocess.run(["bash", str(self.script)], env=environment, capture_output=True, text=True)
        assert done.stderr == ""
        return done.returncode

    def calls(self, name: str) -> list[str]:
        return calls(self.cluster(), name)


def test_a_turn_whose_time_is_over_goes_on_in_the_next(cluster: Cluster, tmp_path: Path) -> None:
    turns = Turns(cluster, RunFolder(tmp_path / "run"))
    folder = turns.folder
    assert turns.run(10, "signal SIGUSR1") == 3
    folder.lock.touch()  # the computer failed
    assert turns.run(20, "signal SIGUSR1") == 3
    assert not folder.lock.exists()
    assert turns.run(30, "stop file") == 3
    assert turns.calls("scontrol") == ["requeue 4711", "requeue 4711"]
    first, second, third = turns.calls("srun")
    assert f"--config {folder.request} --run.folder {folder.path}" in first
    assert f"--run.resume {folder.path} " in second
    assert f"--run.resume {folder.path} " in third


def test_a_run_that_was_gone_on_with_elsewhere_is_left_alone(cluster: Cluster, tmp_path: Path) -> None:
    turns = Turns(cluster, RunFolder(tmp_path / "run"))
    assert turns.run(10, "signal SIGUSR1") == 3
    write_json_atomically(turns.folder.launch, {"kind": "process", "pid": 1})
    assert turns.run(20, "signal SIGUSR1") == 1
    assert len(turns.calls("srun")) == 1


def test_turns_without_a_step_come_to_an_end(cluster: Cluster, tmp_path: Path) -> None:
    turns = Turns(cluster, RunFolder(tmp_path / "run"))
    codes = [turns.run(step, "signal SIGUSR1") for step in (5, 5, 9, 9, 9, 9, 9)]
    # every turn begins where the one before ended: 0, 5, 5, 9, 9, 9, 9
    assert codes == [3, 3, 3, 3, 3, 3, 1]
    assert len(turns.calls("srun")) == 6
    assert len(turns.calls("scontrol")) == 6


def test_a_turn_that_came_to_no_checkpoint_is_put_aside(cluster: Cluster, tmp_path: Path) -> None:
    turns = Turns(cluster, RunFolder(tmp_path / "run"))
    folder = turns.folder
    turns.run(0, "node failed", checkpoint=False, state="running")
    folder.events().touch()
    turns.run(7, "signal SIGUSR1")
    assert (folder.slurm / "turn-1" / "run.json").exists()
    assert (folder.slurm / "turn-1" / "events.jsonl").exists()
    assert all(f"--run.folder {folder.path}" in call for call in turns.calls("srun"))
