from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from dynaclr.runs.record.processes import identity, is_alive


@pytest.fixture(scope="module")
def child() -> Iterator[subprocess.Popen[str]]:
    """Another process that tells who it is and lives until the end of the tests."""
    code = (
        "import json, sys; from dynaclr.runs.record.processes import identity\n"
        "print(json.dumps(identity()), flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def who(child: subprocess.Popen[str]) -> dict[str, Any]:
    assert child.stdout is not None
    return dict(json.loads(child.stdout.readline()))


def test_oneself() -> None:
    assert identity()["pid"] == os.getpid()
    assert json.loads(json.dumps(identity())) == identity()
    assert is_alive(identity()) is True


def test_another_process(child: subprocess.Popen[str], who: dict[str, Any]) -> None:
    assert who["pid"] == child.pid
    assert is_alive(who) is True


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"started": 1.5, "ticks": None}, False),  # another process has the number now
        ({"ticks": 1}, False),  # the same by the clock of the kernel
        ({"boot": "before"}, False),  # the computer was started since
        ({"host": "elsewhere"}, None),
        ({"host": "elsewhere", "boot": "other"}, None),
        ({"pid": 2**22 + 1}, False),
        ({"pid": "no number"}, False),
        ({"pid": None}, False),
        ({"started": None, "ticks": None}, False),
    ],
)
def test_a_number_alone_proves_nothing(
    who: dict[str, Any], change: dict[str, Any], expected: bool | None
) -> None:
    assert is_alive(who | change) is expected


def test_facts_that_are_missing_are_no_life(who: dict[str, Any]) -> None:
    for names in (("pid",), ("started", "ticks"), ("boot",)):
        assert is_alive({key: value for key, value in who.items() if key not in names}) is False
    assert is_alive({}) is None


def test_a_process_that_has_ended() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import json; from dynaclr.runs.record.processes import identity; print(json.dumps(identity()))",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert is_alive(json.loads(done.stdout)) is False


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own clock is told on Linux")
def test_a_clock_that_was_set_changes_nothing(who: dict[str, Any]) -> None:
    assert is_alive(who | {"started": who["started"] - 3600}) is True


@pytest.mark.skipif(os.name == "nt", reason="there are no such processes")
def test_one_that_only_waits_for_its_parent_does_not_run() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        who = identity(process.pid)
        assert is_alive(who) is True
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended and is not reaped
        assert is_alive(who) is False
