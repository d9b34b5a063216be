"""Runs a verb of `python -m dynaclr` in a process of its own and follows what it writes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from dynaclr.base.errors import RunError, problem
from dynaclr.runs.control.environment import child_environment
from dynaclr.runs.record.line_reader import LineReader
from dynaclr.runs.record.logs import folded, log_text, since_last

_LOOK_SECONDS = 0.2
_GRACE_SECONDS = 10.0
_LAST_LINES = 8
_MOST_BYTES = 2**20


def run_verb(
    verb: str,
    arguments: Sequence[str],
    log: Path | None,
    follow: Callable[[list[str]], None],
    cwd: Path | None = None,
    python: str = sys.executable,
    devices: Sequence[str] | None = None,
) -> list[str]:
    """Run a verb, wait for its end and return all lines that it wrote; call it from a worker.

    Parameters
    ----------
    verb, arguments
        What to run.
    log
        File that gets what it writes, one that is there is replaced; None for a temporary one.
    follow
        Called several times a second with the lines that are new, which may be none. What it raises ends
        the process and is raised on.
    cwd
        Folder that relative paths start from.
    python
        Interpreter that has dynaclr.
    devices
        As `Launch` says.

    Raises
    ------
    RunError
        If it cannot be started, or fails: the error that it told, or the last lines of its log.
    """
    command = [python, "-m", "dynaclr", verb, *arguments]
    with tempfile.TemporaryDirectory(prefix=f"dynaclr-{verb}-") as place:
        output = log or Path(place) / "output.txt"
        try:
            with output.open("wb") as stream:
                process = subprocess.Popen(
                    command,
                    cwd=cwd,
                    env=child_environment(os.environ, devices),
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                )
        except OSError as error:
            raise RunError(problem(f"{verb} cannot be started: {error}", file=error.filename)) from error
        try:
            lines = _follow(process, output, follow)
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        raise RunError(_failure(verb, lines, process.returncode, log))
    return lines


def _follow(process: subprocess.Popen[bytes], log: Path, follow: Callable[[list[str]], None]) -> list[str]:
    """Hand lines on until the process has ended; return all."""
    reader, running = LineReader(log), True
    while running:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_SECONDS)
            running = False
        follow([line for line in log_text(reader.poll(_MOST_BYTES)) if line])
    return [line for line in log_text(log.read_bytes()) if line]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process: by a signal first, so that it leaves nothing half written, then with its children."""
    children: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        children = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in children:
        with contextlib.suppress(psutil.Error):
            child.kill()


def _failure(verb: str, lines: list[str], code: int, log: Path | None) -> str:
    """Return the error that a verb told, or else its last lines."""
    told = since_last(lines, f"dynaclr {verb}:")
    if told:
        return "\n".join(told).removeprefix(f"dynaclr {verb}:").strip()
    last = "\n".join(folded(lines)[-_LAST_LINES:])
    return problem(
        f"{verb} ended with exit code {code}", file=log, found=f"at the end\n{last}" if last else None
    )
