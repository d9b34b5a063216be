from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from dynaclr.base.errors import ConfigError, RunError
from dynaclr.options.spec import RunSpec
from dynaclr.runs.control.halting import Halt, HaltStep
from dynaclr.runs.control.launch import Launch, command_text, launch, resume
from dynaclr.runs.record.event_reader import EventReader
from dynaclr.runs.record.holders import delete_run, held_elsewhere
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.listing import RunListing
from dynaclr.runs.record.logs import last_lines
from dynaclr.runs.record.observing import observe, worker
from dynaclr.runs.record.states import State
from dynaclr.runs.record.status import read_status
from dynaclr.runs.record.tail import RunTail

StandIn = Callable[..., Launch]
Until = Callable[..., Any]


def state(folder: RunFolder) -> State:
    return observe(folder).state


def test_a_launched_run_is_known_at_once(
    quick: RunSpec, stand_in: StandIn, until: Until, tmp_path: Path
) -> None:
    folder = launch(quick, tmp_path / "räume mit leer" / "one", stand_in("train", devices=["3"]))
    facts = json.loads(folder.launch.read_text(encoding="utf-8"))
    process = psutil.Process(facts["pid"])
    assert state(folder) in (State.STARTING, State.RUNNING)
    assert process.cwd() == str(tmp_path / "räume mit leer")
    assert os.getpgid(process.pid) == process.pid != os.getpgrp()
    assert process.environ()["CUDA_VISIBLE_DEVICES"] == "3"
    asked = quick.changed({"run.root": str(folder.path.parent)})  # which a relative one is relative to
    assert RunSpec.read(folder.request).values == asked.values
    assert "--config" in facts["command"] and facts["devices"] == ["3"]

    until(lambda: state(folder) is State.RUNNING)
    for call in (
        lambda: launch(quick, folder.path),
        lambda: resume(folder.path),
        lambda: delete_run(folder.path),
    ):
        with pytest.raises(RunError):
            call()
    with pytest.raises(RunError, match=f"process {facts['pid']}"):
        delete_run(folder.path)

    folder.stop.touch()
    until(lambda: worker(observe(folder)) is None)
    assert (state(folder), observe(folder).reason) == (State.STOPPED, "stop file")
    assert last_lines(folder.output, 5) == ["dynaclr stands in: train"]

    again = resume(folder.path, how=stand_in("train"))
    assert state(again) in (State.STARTING, State.RUNNING)  # not "stopped", as the old status says
    until(lambda: state(again) is State.RUNNING)
    assert not folder.stop.exists()
    folder.stop.touch()
    until(lambda: worker(observe(folder)) is None)
    delete_run(folder.path)
    assert list(folder.path.parent.iterdir()) == []


def test_resuming_from_what_is_not_there(
    quick: RunSpec, stand_in: StandIn, until: Until, tmp_path: Path
) -> None:
    folder = launch(quick, tmp_path / "run", stand_in("faulty"))
    until(lambda: state(folder).ended)
    for which in ("newest", "best"):
        with pytest.raises(RunError, match="no checkpoint to resume from"):
            resume(folder.path, which, stand_in("train"))  # type: ignore[arg-type]


def test_a_failure_before_there_is_a_status_is_told(
    quick: RunSpec, stand_in: StandIn, until: Until, tmp_path: Path
) -> None:
    folder = launch(quick, tmp_path / "run", stand_in("faulty"))
    until(lambda: state(folder).ended)
    seen = observe(folder)
    assert seen.state is State.FAILED
    assert seen.reason == "field data.z_range: reaches beyond the stack\n  second line"


def test_a_process_that_vanishes_has_crashed(
    quick: RunSpec, stand_in: StandIn, until: Until, tmp_path: Path
) -> None:
    early = launch(quick, tmp_path / "early", stand_in("vanish"))
    late = launch(quick, tmp_path / "late", stand_in("train"))
    until(lambda: state(early).ended)
    assert (state(early), observe(early).reason) == (State.CRASHED, "dynaclr stands in: vanish")
    until(lambda: state(late) is State.RUNNING)
    os.kill(json.loads(late.launch.read_text())["pid"], signal.SIGKILL)
    until(lambda: state(late) is State.CRASHED)
    assert worker(observe(late)) is None
    delete_run(late.path)


def test_a_second_turn_that_fails_before_its_status_is_told(
    quick: RunSpec, stand_in: StandIn, until: Until, tmp_path: Path
) -> None:
    """Its words count, not those of the turn before."""
    folder = launch(quick, tmp_path / "run", stand_in("train"))
    until(lambda: state(folder) is State.RUNNING)
    folder.stop.touch()
    until(lambda: worker(observe(folder)) is None)
    folder.output.write_text("dynaclr fit: stopped: stop file\n")
    resume(folder.path, how=stand_in("faulty"))
    until(lambda: state(folder).ended and worker(observe(folder)) is None)
    assert (state(folder), observe(folder).reason.splitlines()[0]) == (
        State.FAILED,
        "field data.z_range: reaches beyond the stack",
    )
    resume(folder.path, how=stand_in("vanish"))
    until(lambda: state(folder).ended and worker(observe(folder)) is None)
    assert (state(folder), observe(folder).reason) == (State.CRASHED, "dynaclr stands in: vanish")


def test_what_cannot_be_started_leaves_nothing(quick: RunSpec, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be started"):
        launch(quick, tmp_path / "run", Launch(python=str(tmp_path / "no-python")))
    with pytest.raises(ConfigError, match=r"data\.batch_size"):
        launch(quick.changed({"data.batch_size": 0}), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_anything_in_it_is_left_alone(quick: RunSpec, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(RunError, match="not empty"):
        launch(quick, tmp_path)
    with pytest.raises(RunError, match="not a run folder"):
        delete_run(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be created"):
        launch(quick, tmp_path / "file" / "run")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine.txt"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="rights do not bind root")
def test_a_folder_that_cannot_be_written(quick: RunSpec, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="cannot be created"):
        launch(quick, tmp_path / "run")
    tmp_path.chmod(0o700)


def test_the_lock_of_another_host_is_taken_over_only_by_somebody_who_knows(
    tmp_path: Path, stand_in: StandIn
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.checkpoints.mkdir(parents=True)
    (folder.checkpoints / "last.ckpt").touch()
    folder.config.write_text("{}")
    who = {"host": "elsewhere", "pid": 7, "boot": "x"}
    folder.lock.write_text(json.dumps(who))
    folder.status.write_text(json.dumps({"state": "running", "heartbeat": 0.0, **who}))
    assert held_elsewhere(folder) is None  # it is heard of
    with pytest.raises(RunError, match="process 7 on elsewhere"):
        resume(folder.path, how=stand_in("train"), lost_is_gone=True)
    os.utime(folder.status, (1, 1))
    told = held_elsewhere(folder)
    assert told is not None and told.startswith("process 7 on elsewhere, heard of last at 19")
    with pytest.raises(RunError, match="process 7 on elsewhere"):
        resume(folder.path, how=stand_in("train"))
    resume(folder.path, how=stand_in("train"), lost_is_gone=True)
    assert "--run.force=true" in json.loads(folder.launch.read_text())["command"]
    folder.status.write_text(json.dumps({"state": "stopped", **who}))
    folder.launch.unlink()
    assert held_elsewhere(folder) == "process 7 on elsewhere"
    folder.lock.unlink()
    assert held_elsewhere(folder) is None


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_real_training_from_a_form_to_its_end(quick: RunSpec, until: Until, tmp_path: Path) -> None:
    """Launch, follow, refuse a second start, stop, resume from best, halt while it starts."""
    changes = {
        "data.batch_size": 4,
        "trainer.max_epochs": 2,
        "trainer.accelerator": "cpu",
        "run.checkpoint_every_n_steps": 1,
        "trainer.limit_val_batches": 1,
        "model.encoder.init_args.widths": [4, 8],
        "data.final_yx_patch_size": [16, 16],
        "data.yx_patch_size": [24, 24],
    }
    folder = launch(quick.changed(changes), tmp_path / "runs" / "real")
    tail = RunTail(folder)
    events: list[dict[str, Any]] = []
    lines: list[str] = []

    def follow() -> bool:
        news = tail.poll()
        events.extend(news.events)
        lines.extend(news.lines)
        return worker(news.seen) is None

    until(lambda: follow() or any(event["kind"] == "step" for event in events), 300)
    until(follow, 300)
    seen = observe(folder)
    assert seen.state is State.FINISHED, "\n".join(lines)
    assert f"run folder: {folder.path}" in lines
    assert events == EventReader(folder.events()).read_all()
    assert [event["kind"] for event in events if event["kind"] in ("start", "end")] == ["start", "end"]
    (summary,) = RunListing(folder.path.parent).refresh()
    assert (summary.state, summary.progress, summary.holder) == (State.FINISHED, 1.0, None)
    assert summary.loss == tail.table.curves()["loss/train"][1][-1]
    assert summary.val_loss == tail.table.curves()["loss/val"][1][-1]

    then = RunSpec.read(folder.path)  # what the run wrote down is what was asked for
    changes["run.root"] = str(folder.path.parent)
    for path in quick.parameters():
        if path not in ("data.normalizations", "data.augmentations", "data.curation"):
            assert then.get(path) == quick.changed(changes).get(path), path
    command = shlex.split(command_text(folder))
    assert command == [sys.executable, "-m", "dynaclr", "fit", "--config", str(folder.config)]

    resume(folder.path, "best")
    halt = Halt(folder)  # while it is still being imported
    assert halt.poll() is HaltStep.ASKED
    assert state(folder) is State.STARTING
    halt.escalate()
    until(lambda: halt.poll() is HaltStep.ENDED)
    assert halt.step is HaltStep.ENDED
    assert state(folder) is State.STOPPED  # what was finished is still there; its second turn is told
    assert read_status(folder)["state"] == "finished"
