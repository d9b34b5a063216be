"""A program that stands in for a training where only its being a process matters."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.stand_in import as_program

from dynaclr.runs.control.launch import Launch

_MARK = "DYNACLR_TEST_STAND_IN"


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Launch]]:
    """Return how to start a stand-in that behaves in some way; none outlives the test."""
    if sys.platform == "win32":
        pytest.skip("needs programs that are scripts")
    program = as_program(tmp_path / "stand-in")
    monkeypatch.setenv(_MARK, str(program))

    def how(behave: str, **more: Any) -> Launch:
        return Launch(python=str(program), arguments=("--behave", behave), **more)

    yield how
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(_MARK) == str(program):
                process.kill()
