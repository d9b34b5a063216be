"""Runs are deleted, and what is none is not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dynaclr.errors import RunError
from dynaclr.runs.deleting import delete_run
from dynaclr.runs.layout import RunFolder
from dynaclr.runs.observing import observe
from dynaclr.runs.states import State


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
