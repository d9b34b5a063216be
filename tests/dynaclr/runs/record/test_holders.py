"""Who may still write a run, from what stands in its folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dynaclr.base.errors import RunError
from dynaclr.runs.record.holders import delete_run, held_elsewhere, refuse_if_active
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.observing import observe
from dynaclr.runs.record.processes import identity
from dynaclr.runs.record.states import State

ELSEWHERE = {"host": "elsewhere", "pid": 7, "boot": "x"}


def run_of(path: Path, who: dict[str, Any], state: str, *, silent: bool) -> RunFolder:
    folder = RunFolder(path / "run")
    folder.path.mkdir()
    folder.lock.write_text(json.dumps(who))
    folder.status.write_text(json.dumps({"state": state, "heartbeat": 0.0, **who}))
    if silent:
        os.utime(folder.status, (1, 1))
    return folder


def test_a_silent_run_of_another_computer_is_for_the_user_to_judge(tmp_path: Path) -> None:
    folder = run_of(tmp_path, ELSEWHERE, "running", silent=True)
    told = held_elsewhere(folder)
    assert told is not None and told.startswith("process 7 on elsewhere, heard of last at 19")
    with pytest.raises(
        RunError, match=r"cannot be moved while it may still be active.*process 7 on elsewhere"
    ):
        refuse_if_active(folder, "moved")
    refuse_if_active(folder, "moved", lost_is_gone=True)


def test_a_run_that_is_heard_of_goes_on_whatever_the_user_knows(tmp_path: Path) -> None:
    folder = run_of(tmp_path, ELSEWHERE, "running", silent=False)
    assert held_elsewhere(folder) is None
    with pytest.raises(RunError, match="process 7 on elsewhere"):
        refuse_if_active(folder, "moved", lost_is_gone=True)


def test_a_process_of_this_computer_is_seen(tmp_path: Path) -> None:
    folder = run_of(tmp_path, identity(os.getpid()), "stopped", silent=False)
    assert held_elsewhere(folder) is None
    with pytest.raises(RunError, match=f"process {os.getpid()}"):
        refuse_if_active(folder, "moved", lost_is_gone=True)
    folder.lock.unlink()
    refuse_if_active(folder, "moved")


def test_a_run_behind_a_link_is_not_deleted(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "run.json").write_text("{}")
    (tmp_path / "link").symlink_to(real)
    with pytest.raises(RunError, match="not a run folder"):
        delete_run(tmp_path / "link")
    delete_run(real)
    assert not real.exists()


def test_a_lost_run_is_deleted_only_by_somebody_who_knows(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.status.write_text(json.dumps({"state": "running", "host": "elsewhere", "pid": 7, "boot": "x"}))
    os.utime(folder.status, (1, 1))
    assert observe(folder).state is State.LOST
    with pytest.raises(RunError, match="process 7 on elsewhere"):
        delete_run(folder.path)
    delete_run(folder.path, lost_is_gone=True)
    assert not folder.path.exists()
