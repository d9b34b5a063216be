"""Trainings as jobs of a SLURM cluster: submission, state, end.

Nothing passes between the job and this process but the run folder, which both must see. Tested with scripts
that stand in for sbatch, squeue, sacct and scancel; not on a cluster.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dynaclr.base.errors import RunError, problem
from dynaclr.base.files import write_json_atomically, write_text_atomically
from dynaclr.base.paths import absolute_path
from dynaclr.options.spec import RunSpec
from dynaclr.runs.control.environment import child_environment
from dynaclr.runs.control.job_script import JobRequest, script_text
from dynaclr.runs.control.launch import take_empty
from dynaclr.runs.record.ended_by import told_end, write_end
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.observing import read_launch
from dynaclr.runs.record.states import State

_TIMEOUT_SECONDS = 20.0
_FIRST_SECONDS, _LONGEST_SECONDS = 10.0, 120.0


class JobState(StrEnum):
    """State of a job."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMEOUT = "out of time"
    OUT_OF_MEMORY = "out of memory"
    PREEMPTED = "preempted"
    NODE_FAIL = "node failed"
    CANCELLED = "canceled"
    UNKNOWN = "unknown"

    @property
    def ended(self) -> bool:
        """Whether the job will do nothing more; after a preemption or with its node it may come back."""
        return self in (
            JobState.COMPLETED,
            JobState.FAILED,
            JobState.TIMEOUT,
            JobState.OUT_OF_MEMORY,
            JobState.CANCELLED,
        )


_STATES = {
    **dict.fromkeys(("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED"), JobState.PENDING),
    **dict.fromkeys(("SPECIAL_EXIT", "RESV_DEL_HOLD"), JobState.PENDING),
    **dict.fromkeys(("RUNNING", "COMPLETING", "RESIZING", "SUSPENDED", "STOPPED"), JobState.RUNNING),
    **dict.fromkeys(("SIGNALING", "STAGE_OUT"), JobState.RUNNING),
    **dict.fromkeys(("FAILED", "BOOT_FAIL", "LAUNCH_FAILED", "RECONFIG_FAIL"), JobState.FAILED),
    **dict.fromkeys(("CANCELLED", "REVOKED"), JobState.CANCELLED),
    **dict.fromkeys(("TIMEOUT", "DEADLINE"), JobState.TIMEOUT),
    "COMPLETED": JobState.COMPLETED,
    "OUT_OF_MEMORY": JobState.OUT_OF_MEMORY,
    "PREEMPTED": JobState.PREEMPTED,
    "NODE_FAIL": JobState.NODE_FAIL,
}


def submit(spec: RunSpec, path: Path, request: JobRequest | None = None) -> RunFolder:
    """Hand a training to the cluster, and return its run folder at once.

    Parameters
    ----------
    spec
        The training; devices and computers are those of the request.
    path
        The run folder, on a disk that the cluster sees; it may be there if it is empty.
    request
        What to ask for.

    Raises
    ------
    ConfigError
        If the training has faults, or the path cannot be used in a batch script.
    RunError
        If the folder is not empty or cannot be written, or the cluster refuses the job.
    """
    folder = RunFolder(absolute_path(path))
    text = script_text(folder, request or JobRequest())
    take_empty(folder)
    try:
        root = folder.path.parent
        spec.placed(root).changed({"run.root": str(root)}).write(folder.request)
        folder.slurm.mkdir()
        script = folder.slurm / "job.sh"
        write_text_atomically(script, text)
        job = _run("sbatch", "--parsable", str(script)).strip().splitlines()[-1].partition(";")[0]
    except BaseException:
        for file in (folder.slurm / "job.sh", folder.request, folder.launch):
            file.unlink(missing_ok=True)
        for place in (folder.slurm, folder.path):
            if place.is_dir():
                place.rmdir()
        raise
    write_json_atomically(folder.launch, {"kind": "slurm", "job": job, "launched": time.time()})
    return folder


def cancel(folder: RunFolder, *, now: bool = False) -> None:
    """End the job of a run: by the stop file, which keeps the step that runs, or at once.

    A job that still waits in the queue has nothing to keep, and is always taken out.

    Raises
    ------
    RunError
        If the run is no job, or the cluster refuses.
    """
    job = _job_of(folder)
    waits = not now and _queued(job).state is JobState.PENDING
    if now or waits:
        _run("scancel", job)
        write_end(folder.ended_by, "removed from the queue" if waits else "job canceled", {"job": job})
        return
    try:
        folder.stop.touch()
    except OSError as error:
        raise RunError(problem(f"stop file cannot be written: {error.strerror}", file=folder.stop)) from error


def _job_of(folder: RunFolder) -> str:
    launch = read_launch(folder)
    if launch.get("kind") != "slurm" or not launch.get("job"):
        raise RunError(problem("the run is not a cluster job", file=folder.launch))
    return str(launch["job"])


@dataclass(frozen=True, slots=True)
class Job:
    """State of a job, and why it waits or what it ended with."""

    state: JobState
    reason: str = ""


class JobWatch:
    """Asks a cluster for the state of a run's job, rarely: every 10 s at first, ever more seldom later.

    How the job ended is noted in the run folder, for runs that could not tell it themselves.

    Parameters
    ----------
    folder
        The run.
    clock
        Tells seconds.

    Raises
    ------
    RunError
        If the run is no job.
    """

    def __init__(self, folder: RunFolder, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._job, self._clock = folder, _job_of(folder), clock
        self._wait, self._due = _FIRST_SECONDS, clock()
        self.job = Job(JobState.UNKNOWN)

    def poll(self) -> Job:
        """Return the state, asked for anew if it is time; a cluster that does not answer is asked later."""
        if self._clock() < self._due or self.job.state.ended:
            return self.job
        try:
            found = _queued(self._job)
            if found.state is JobState.UNKNOWN:
                found = _accounted(self._job)
        except RunError as error:
            found = Job(self.job.state, str(error))
        changed = found.state is not self.job.state
        self._wait = _FIRST_SECONDS if changed else min(self._wait * 2, _LONGEST_SECONDS)
        self._due, self.job = self._clock() + self._wait, found
        if found.state.ended and told_end(self._folder.ended_by, {}, self._job) is None:
            state = State.STOPPED if found.state is JobState.CANCELLED else State.FAILED
            words = f"job {self._job} {found.state} {found.reason}".rstrip()
            write_end(self._folder.ended_by, words, {"job": self._job}, by="the cluster", state=state)
        return found


def _queued(job: str) -> Job:
    """Return what the queue says; unknown if the job is not in it."""
    done = _called("squeue", "--noheader", f"--jobs={job}", "--format=%T|%r")
    if done.returncode and "Invalid job id" not in done.stderr:
        raise RunError(problem("the cluster does not respond", found=done.stderr.strip() or done.returncode))
    line = next(iter(done.stdout.strip().splitlines()), "")
    state, _, reason = line.partition("|")
    return Job(_state(state), "" if reason in ("None", "") else reason)


def _accounted(job: str) -> Job:
    """Return what the books say of a job that has left the queue."""
    words = ("--noheader", "--parsable2", "--allocations", f"--jobs={job}", "--format=State,ExitCode")
    lines = _run("sacct", *words).strip().splitlines()
    state, _, code = (lines[-1] if lines else "").partition("|")
    found = _state(state)
    return Job(found, f"exit code {code}" if found is JobState.FAILED else "")


def _state(text: str) -> JobState:
    """Return the state that a word of SLURM means; "CANCELLED by 1000" is canceled."""
    words = text.split()
    return _STATES.get(words[0].rstrip("+"), JobState.UNKNOWN) if words else JobState.UNKNOWN


def _run(*command: str) -> str:
    done = _called(*command)
    if done.returncode:
        found = done.stderr.strip() or f"exit code {done.returncode}"
        raise RunError(problem(f"{command[0]} refused", found=found))
    return done.stdout


def _called(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT_SECONDS,
            env=child_environment(os.environ, None),
            check=False,
        )
    except FileNotFoundError as error:
        fix = "Submit from a computer that belongs to a SLURM cluster."
        raise RunError(problem(f"there is no {command[0]} on PATH", fix=fix)) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunError(problem(f"{command[0]} does not answer", found=str(error))) from error
