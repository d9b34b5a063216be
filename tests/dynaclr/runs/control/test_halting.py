from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from dynaclr.base.errors import RunError
from dynaclr.options.spec import RunSpec
from dynaclr.runs.control.halting import Halt, HaltStep
from dynaclr.runs.control.launch import Launch, launch, resume
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.observing import observe, worker
from dynaclr.runs.record.processes import identity
from dynaclr.runs.record.states import State

StandIn = Callable[..., Launch]
Until = Callable[..., Any]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def running(quick: RunSpec, how: Launch, until: Until, path: Path) -> tuple[RunFolder, psutil.Process]:
    folder = launch(quick, path, how)
    until(lambda: observe(folder).state is State.RUNNING)
    return folder, psutil.Process(json.loads(folder.launch.read_text())["pid"])


def test_the_file_is_enough(quick: RunSpec, stand_in: StandIn, until: Until, tmp_path: Path) -> None:
    folder, _ = running(quick, stand_in("train"), until, tmp_path / "run")
    halt = Halt(folder)
    assert (halt.step, halt.problem) == (HaltStep.ASKED, None)
    until(lambda: halt.poll() is HaltStep.ENDED)
    assert observe(folder).reason == "stop file"
    with pytest.raises(RunError, match="not active"):
        Halt(folder)


def test_after_the_grace_one_process_is_told(
    quick: RunSpec, stand_in: StandIn, until: Until, tmp_path: Path
) -> None:
    folder, _ = running(quick, stand_in("signals"), until, tmp_path / "run")
    clock = Clock()
    halt = Halt(folder, grace_seconds=60, clock=clock)
    clock.now = 59
    assert (halt.poll(), halt.seconds_left) == (HaltStep.ASKED, 1)
    clock.now = 60
    assert halt.poll() is HaltStep.SIGNALLED
    until(lambda: halt.poll() is HaltStep.ENDED)
    assert observe(folder).reason == "signal SIGTERM"


def test_several_are_told_together_and_none_is_left(
    quick: RunSpec, stand_in: StandIn, until: Until, tmp_path: Path
) -> None:
    folder, process = running(quick, stand_in("ranks"), until, tmp_path / "run")
    (rank,) = until(process.children)
    halt = Halt(folder)
    assert halt.escalate() is HaltStep.SIGNALLED
    until(lambda: halt.poll() is HaltStep.ENDED)
    assert observe(folder).reason == "signal SIGINT"
    assert not rank.is_running()


def test_the_deaf_are_killed_with_all_they_started(
    quick: RunSpec, stand_in: StandIn, until: Until, tmp_path: Path
) -> None:
    folder, process = running(quick, stand_in("deaf"), until, tmp_path / "run")
    (child,) = until(process.children)
    (folder.checkpoints / "last.ckpt").write_bytes(b"weights")
    clock = Clock()
    halt = Halt(folder, clock=clock)
    assert halt.escalate() is HaltStep.SIGNALLED
    assert halt.poll() is HaltStep.SIGNALLED
    assert process.is_running()
    assert halt.escalate() is HaltStep.KILLED
    until(lambda: halt.poll() is HaltStep.ENDED)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    seen = observe(folder)
    assert (seen.state, worker(seen)) == (State.STOPPED, None)
    assert seen.reason == f"ended by {getpass.getuser()} at {socket.gethostname()}: killed"
    assert json.loads(folder.ended_by.read_text())["pid"] == os.getpid()

    resume(folder.path, how=stand_in("train"))  # the note is about the turn before
    until(lambda: observe(folder).state is State.RUNNING)
    again = psutil.Process(observe(folder).status["pid"])
    again.kill()
    until(lambda: not again.is_running() or again.status() == psutil.STATUS_ZOMBIE)
    assert observe(folder).state is State.CRASHED


def test_what_a_run_leaves_behind_is_ended_too(
    quick: RunSpec, stand_in: StandIn, until: Until, tmp_path: Path
) -> None:
    folder, process = running(quick, stand_in("deaf"), until, tmp_path / "run")
    (child,) = until(process.children)
    clock = Clock()
    halt = Halt(folder, clock=clock)
    process.kill()
    until(lambda: observe(folder).state is State.CRASHED)
    assert halt.poll() is HaltStep.ASKED
    assert child.is_running()
    clock.now = 5
    halt.poll()
    until(lambda: halt.poll() is HaltStep.ENDED)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_number_that_another_process_has_now_is_never_signalled(
    quick: RunSpec, stand_in: StandIn, until: Until, tmp_path: Path
) -> None:
    folder, _ = running(quick, stand_in("train"), until, tmp_path / "run")
    halt = Halt(folder)
    until(lambda: halt.poll() is HaltStep.ENDED)
    halt.step = HaltStep.ASKED
    halt._who |= identity() | {"ticks": 1, "started": 1.0}  # this very process, but not who it was
    halt.escalate()
    halt.escalate()
    assert halt.step is HaltStep.KILLED  # and the test goes on


def test_where_the_file_cannot_be_written_the_signal_comes_at_once(
    quick: RunSpec, stand_in: StandIn, until: Until, tmp_path: Path
) -> None:
    folder, _ = running(quick, stand_in("train"), until, tmp_path / "run")
    folder.stop.symlink_to(tmp_path / "no such folder" / "stop")
    halt = Halt(folder, clock=Clock())
    assert halt.problem is not None
    assert halt.poll() is HaltStep.SIGNALLED
    until(lambda: halt.poll() is HaltStep.ENDED)
    assert observe(folder).reason == "signal SIGTERM"


def test_a_folder_that_vanishes_does_not_save_the_run(
    quick: RunSpec, stand_in: StandIn, until: Until, tmp_path: Path
) -> None:
    folder, process = running(quick, stand_in("deaf"), until, tmp_path / "run")
    halt = Halt(folder)
    folder.path.rename(tmp_path / "moved")
    halt.escalate()
    assert halt.escalate() is HaltStep.KILLED
    until(lambda: halt.poll() is HaltStep.ENDED)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    assert not folder.ended_by.exists()


def test_another_computer_is_reached_by_the_file_only(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.status.write_text(json.dumps({"state": "running", "host": "elsewhere", "pid": 1, "boot": "x"}))
    clock = Clock()
    halt = Halt(folder, clock=clock)
    clock.now = 1e6
    assert halt.poll() is HaltStep.ASKED
    assert folder.stop.exists()
    with pytest.raises(RunError, match="process 1 on elsewhere"):
        halt.escalate()
    folder.status.write_text(json.dumps({"state": "stopped", "host": "elsewhere", "pid": 1}))
    assert halt.poll() is HaltStep.ENDED
