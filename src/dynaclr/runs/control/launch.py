"""Starts trainings as processes of their own, which outlive the one that starts them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dynaclr.base.errors import RunError, problem
from dynaclr.base.files import write_json_atomically
from dynaclr.base.paths import absolute_path
from dynaclr.options.spec import RunSpec
from dynaclr.runs.control.environment import child_environment
from dynaclr.runs.record.holders import refuse_if_active
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.logs import BEGINS
from dynaclr.runs.record.processes import identity


@dataclass(frozen=True, slots=True)
class Launch:
    """How a training is started.

    Attributes
    ----------
    devices
        GPUs that it may use, as numbers or UUIDs; empty for none, None for those this process may use.
    cwd
        Folder that relative paths of the configuration start from; None for that of the run folder.
    python
        Interpreter that has dynaclr.
    arguments
        Further arguments of `fit`.
    """

    devices: Sequence[str] | None = None
    cwd: Path | None = None
    python: str = sys.executable
    arguments: Sequence[str] = ()


def launch(spec: RunSpec, path: Path, how: Launch | None = None) -> RunFolder:
    """Start a training into a new run folder, and return the folder at once.

    What was asked for is written there as request.yaml, who was started as launch.json, and what the
    process writes to its terminal as output.txt.

    Parameters
    ----------
    spec
        The training.
    path
        The run folder; it may be there if it is empty.
    how
        How to start it.

    Raises
    ------
    ConfigError
        If the training has faults.
    RunError
        If the folder is not empty or cannot be written, or the process cannot be started.
    """
    how, folder = how or Launch(), RunFolder(absolute_path(path))
    take_empty(folder)
    try:
        placed = spec.placed(how.cwd or folder.path.parent)
        placed.changed({"run.root": str(folder.path.parent)}).write(folder.request)
        inner = ["fit", "--config", str(folder.request), "--run.folder", str(folder.path)]
        _start(folder, inner, how)
    except BaseException:
        for file in (folder.request, folder.output, folder.launch):
            file.unlink(missing_ok=True)
        folder.path.rmdir()
        raise
    return folder


def resume(
    path: Path,
    resume_from: Literal["newest", "best"] = "newest",
    how: Launch | None = None,
    lost_is_gone: bool = False,
) -> RunFolder:
    """Go on with a run that ended, in its own folder.

    Parameters
    ----------
    path
        The run folder.
    resume_from
        "newest": the newest checkpoint that loads; "best": best.ckpt, what came after it is forgotten.
    how
        How to start it.
    lost_is_gone
        Whether a lock of another host is taken over: the user knows that nobody writes, see `held_elsewhere`.

    Raises
    ------
    RunError
        If the run goes on, may go on elsewhere, or has nothing to go on from.
    """
    folder = RunFolder(absolute_path(path))
    refuse_if_active(folder, "gone on with", lost_is_gone)
    there = folder.best.is_file() if resume_from == "best" else any(folder.checkpoints.glob("*.ckpt"))
    if not there or not folder.config.is_file():
        raise RunError(
            problem(
                "the run has no checkpoint to resume from",
                file=folder.checkpoints,
                expected="best.ckpt" if resume_from == "best" else "a checkpoint",
                fix="Start a new run with its configuration.",
            )
        )
    try:
        folder.stop.unlink(missing_ok=True)
        inner = ["fit", "--run.resume", str(folder.path), "--run.resume_from", resume_from]
        if lost_is_gone:
            inner.append("--run.force=true")
        _start(folder, inner, how or Launch())
    except OSError as error:
        raise RunError(
            problem(f"run folder cannot be written: {error.strerror}", file=folder.path)
        ) from error
    return folder


def take_empty(folder: RunFolder) -> None:
    """Make a run folder one's own before anything is written into it.

    Raises
    ------
    RunError
        If it is not empty or cannot be made.
    """
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        found = any(folder.path.iterdir())
        if not found:
            folder.launch.touch(exist_ok=False)  # of two that come at once, one fails
    except FileExistsError:
        found = True
    except OSError as error:
        raise RunError(
            problem(f"run folder cannot be created: {error.strerror}", file=folder.path)
        ) from error
    if found:
        raise RunError(
            problem("the folder for the run is not empty", file=folder.path, fix="Choose another folder.")
        )


def _start(folder: RunFolder, inner: Sequence[str], how: Launch) -> None:
    """Start the process, and write down who it is."""
    command = [how.python, "-m", "dynaclr", *inner, "--trainer.enable_progress_bar=false", *how.arguments]
    cwd = how.cwd or folder.path.parent
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    try:
        with folder.output.open("ab") as output:
            if output.tell():
                output.write(f"{BEGINS} {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
                output.flush()
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=child_environment(os.environ, how.devices),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **options,
            )
    except OSError as error:
        raise RunError(problem(f"training cannot be started: {error}", file=how.python)) from error
    devices = None if how.devices is None else list(how.devices)
    facts = {"kind": "process", "launched": time.time(), "command": command, "devices": devices}
    try:
        write_json_atomically(folder.launch, {**identity(process.pid), **facts, "cwd": str(cwd)})
    except BaseException:
        process.kill()  # nobody would know of it
        raise
    finally:
        # whoever starts a process must take note of its end, or it stays in the system's list as running
        threading.Thread(target=process.wait, name="dynaclr-child", daemon=True).start()


def command_text(folder: RunFolder) -> str:
    """Return what to type in a terminal to repeat a run; it makes a new run folder.

    Raises
    ------
    RunError
        If the run has no configuration.
    """
    config = folder.config if folder.config.is_file() else folder.request
    if not config.is_file():
        raise RunError(problem("the run has no configuration", file=folder.path))
    command = [sys.executable, "-m", "dynaclr", "fit", "--config", str(config)]
    return subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command)
