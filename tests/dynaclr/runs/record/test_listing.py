from __future__ import annotations

import json
import math
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from dynaclr.runs.record.events import EventWriter
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.listing import RunListing
from dynaclr.runs.record.lock import RunLock
from dynaclr.runs.record.processes import identity
from dynaclr.runs.record.states import State


def make(root: Path, name: str, state: str, **more: Any) -> RunFolder:
    folder = RunFolder(root / name)
    folder.path.mkdir(parents=True)
    folder.facts.write_text("{}")
    values = {"state": state, "step": 30, "epoch": 1, "total_steps": 120, "total_epochs": 4, **identity()}
    folder.status.write_text(json.dumps(values | more))
    with EventWriter(folder.events(), name) as events:
        for step in range(30):
            events.write("step", epoch=0, step=step, m={"loss/train": 1.0 / (step + 1), "lr": 0.1})
        events.write("val", epoch=0, step=30, m={"loss/val": 0.5})
        events.write("end", state=state)
    return folder


def test_no_folder_is_an_empty_list(tmp_path: Path) -> None:
    assert RunListing(tmp_path / "none").refresh() == []
    (tmp_path / "file").touch()
    assert RunListing(tmp_path / "file").refresh() == []
    (tmp_path / "no-run").mkdir()
    (tmp_path / ".deleted-run").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert RunListing(tmp_path).refresh() == []


def test_one_run(tmp_path: Path) -> None:
    folder = make(tmp_path, "20260101T000000Z-a", "running")
    with RunLock(folder.lock):
        (run,) = RunListing(tmp_path).refresh()
    assert (run.path, run.name, run.state) == (folder.path, folder.path.name, State.RUNNING)
    assert (run.step, run.total_steps, run.progress, run.epoch, run.total_epochs) == (30, 120, 0.25, 1, 4)
    assert (run.loss, run.val_loss) == (1 / 30, 0.5)
    assert run.holder == f"process {os.getpid()} on {identity()['host']}"
    assert RunListing(tmp_path).refresh()[0].holder is None


def test_lost_and_crashed_are_told_apart(tmp_path: Path) -> None:
    make(tmp_path, "a", "running", pid=2**22 + 1)
    gone = make(tmp_path, "b", "running", host="elsewhere", boot="x")
    os.utime(gone.status, (1, 1))
    make(tmp_path, "c", "running", host="elsewhere", boot="x")
    make(tmp_path, "d", "running", boot="before")
    make(tmp_path, "e", "failed", pid=2**22 + 1, reason="no batches")
    states = {run.name: run.state for run in RunListing(tmp_path).refresh()}
    assert states == {
        "a": State.CRASHED,
        "b": State.LOST,
        "c": State.RUNNING,
        "d": State.CRASHED,
        "e": State.FAILED,
    }


def test_a_clock_set_back_makes_no_run_lost_and_none_immortal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path, "a", "running", host="elsewhere", boot="x")
    ahead = time.time() + 7200
    os.utime(folder.status, (ahead, ahead))  # written before the clock was set back
    listing = RunListing(tmp_path)
    assert listing.refresh()[0].state is State.RUNNING
    later = time.monotonic() + 31
    monkeypatch.setattr("dynaclr.runs.record.observing.time.monotonic", lambda: later)
    assert listing.refresh()[0].state is State.LOST
    os.utime(folder.status)  # it beats again
    assert listing.refresh()[0].state is State.RUNNING


def test_what_happens_meanwhile_is_no_error(tmp_path: Path) -> None:
    for name in "abcd":
        make(tmp_path, name, "finished")
    listing = RunListing(tmp_path)
    assert [run.name for run in listing.refresh()] == ["d", "c", "b", "a"]
    shutil.rmtree(tmp_path / "a")
    RunFolder(tmp_path / "b").status.write_text("{torn")
    RunFolder(tmp_path / "c").events().write_bytes(b'{"kind": "step", "m": {"loss/train": null}}\n{"loss/')
    RunFolder(tmp_path / "d").lock.write_text("damaged")
    found = {run.name: run for run in listing.refresh()}
    assert set(found) == {"b", "c", "d"}
    assert found["b"].state is State.LOST
    assert found["c"].loss is not None and math.isnan(found["c"].loss)
    shutil.rmtree(tmp_path)
    assert listing.refresh() == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="rights do not bind root")
def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    folder = make(tmp_path, "a", "finished")
    folder.path.chmod(0o000)
    assert RunListing(tmp_path).refresh() == []
    folder.path.chmod(0o700)


def test_only_what_changed_is_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done, going = make(tmp_path, "a", "finished"), make(tmp_path, "b", "running")
    listing = RunListing(tmp_path)
    first = listing.refresh()
    looked: list[str] = []
    real = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda self, *a, **k: looked.append(self.parent.name) or real(self, *a, **k)
    )
    assert listing.refresh() == first
    assert "b" in looked
    assert "a" not in looked
    values = json.loads(done.status.read_text()) | {"state": "starting"}  # it is resumed
    done.status.write_text(json.dumps(values))
    assert [run.state for run in listing.refresh()] == [State.RUNNING, State.STARTING]
    assert going.path.exists()


def test_a_thousand_runs(tmp_path: Path) -> None:
    source = make(tmp_path, "0", "finished")
    for number in range(1, 1000):
        shutil.copytree(source.path, tmp_path / str(number))
    listing = RunListing(tmp_path)
    assert len(listing.refresh()) == len(listing.refresh()) == 1000
