from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dynaclr.base.errors import RunError
from dynaclr.runs.record.lock import RunLock, read_lock
from dynaclr.runs.record.processes import identity


def test_it_is_there_while_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    assert read_lock(path) is None
    with RunLock(path):
        assert read_lock(path) == identity()
    assert not path.exists()
    with pytest.raises(OSError), RunLock(path):
        raise OSError
    assert not path.exists()


def test_a_second_one_is_told_who_and_since_when(tmp_path: Path) -> None:
    path, me = tmp_path / "run.lock", identity()
    with RunLock(path):
        for force in (False, True):
            with pytest.raises(RunError) as caught, RunLock(path, force):
                raise AssertionError("both hold it")
            assert f"process {me['pid']} on {me['host']}, started 20" in str(caught.value)
            assert str(path) in str(caught.value)
        assert read_lock(path) == me


def test_the_lock_of_a_process_that_is_gone_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    code = (
        "import os; from pathlib import Path; from dynaclr.runs.record.lock import RunLock\n"
        f"RunLock(Path({str(path)!r})).__enter__(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 9
    assert path.exists()
    with RunLock(path):
        assert read_lock(path) == identity()


@pytest.mark.parametrize("content", [{**identity(), "host": "elsewhere"}, {}, "", "half a", [1]])
def test_a_lock_that_proves_nothing_is_taken_over_by_force_only(tmp_path: Path, content: object) -> None:
    path = tmp_path / "run.lock"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(RunError, match="another training"), RunLock(path):
        raise AssertionError("taken over")
    assert path.read_bytes() == before
    with RunLock(path, force=True):
        assert read_lock(path) == identity()


@pytest.mark.parametrize("stale", [False, True])
def test_of_many_at_once_one_gets_it(tmp_path: Path, stale: bool) -> None:
    """Also where all find the lock of a process that is gone: the new one is not removed."""
    paths, together, got = [tmp_path / f"{number}.lock" for number in range(40)], threading.Barrier(8), []
    if stale:
        for path in paths:
            path.write_text(json.dumps({**identity(), "boot": "another"}), encoding="utf-8")

    def take() -> None:
        for path in paths:
            together.wait()
            try:
                with RunLock(path):
                    got.append(path)
                    together.wait()
            except RunError:
                together.wait()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == paths
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to the superuser")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(RunError, match="cannot be written"), RunLock(tmp_path / "run.lock"):
            raise AssertionError
    finally:
        tmp_path.chmod(0o700)


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written"), RunLock(tmp_path / "gone" / "run.lock"):
        raise AssertionError
