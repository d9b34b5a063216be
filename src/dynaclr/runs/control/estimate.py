"""What a training will cost, measured by a short-lived process; knows no Lightning and touches no GPU."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import psutil

from dynaclr.base.errors import RunError, problem
from dynaclr.options.spec import RunSpec
from dynaclr.runs.control.environment import child_environment
from dynaclr.runs.control.launch import Launch
from dynaclr.runs.record.logs import folded, log_text, since_last

__all__ = ("Estimate", "estimate")

_LOOK_SECONDS = 0.1
_VERB = "dynaclr estimate:"


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cost of a training on one device.

    Attributes
    ----------
    seconds_per_step, steps_measured
        Time of a training step, and of how many it is the mean.
    waiting_share
        Part of it spent waiting for batches, 0 to 1; more workers help if it is large.
    setup_seconds
        Time before the first step.
    validation_seconds
        Time of a whole validation; 0 if nothing validates.
    batch_size, batches_per_epoch
        Pairs of a step, steps of an epoch.
    peak_process_bytes, peak_device_bytes
        Most memory that the process and the GPU needed; the latter is 0 without a GPU.
    device, device_total_bytes, device_free_bytes
        What it was measured on.
    """

    seconds_per_step: float
    steps_measured: int
    waiting_share: float
    setup_seconds: float
    validation_seconds: float
    batch_size: int
    batches_per_epoch: int
    peak_process_bytes: int
    peak_device_bytes: int
    device: str
    device_total_bytes: int
    device_free_bytes: int

    @property
    def seconds_per_epoch(self) -> float:
        """Time of an epoch with its validation."""
        return self.seconds_per_step * self.batches_per_epoch + self.validation_seconds


def _always() -> bool:
    return True


def estimate(
    spec: RunSpec,
    how: Launch | None = None,
    wanted: Callable[[], bool] = _always,
    timeout_seconds: float = 900.0,
) -> Estimate | None:
    """Measure a few steps in a process of their own; waits for it, so call it from a worker.

    Parameters
    ----------
    spec
        The training.
    how
        How to start it: devices, interpreter, folder.
    wanted
        Asked several times a second; once it says no, the process is ended and None is returned.
    timeout_seconds
        Longest time.

    Raises
    ------
    ConfigError
        If the training has faults.
    RunError
        If it cannot be set up, does not fit into the memory (with what to lower), or takes too long.
    """
    how = how or Launch()
    with tempfile.TemporaryDirectory(prefix="dynaclr-estimate-") as place:
        config = Path(place) / "config.yaml"
        spec.placed(how.cwd or Path.cwd()).write(config)
        command = [how.python, "-m", "dynaclr", "estimate", "--config", str(config), *how.arguments]
        with (Path(place) / "output.txt").open("w+b") as output:
            try:
                process = subprocess.Popen(
                    command,
                    cwd=how.cwd,
                    env=child_environment(os.environ, how.devices),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            except OSError as error:
                raise RunError(problem(f"cannot be started: {error}", file=how.python)) from error
            told = _wait(process, wanted, timeout_seconds)
            output.seek(0)
            lines = log_text(output.read())
    if told == "unwanted":
        return None
    if told == "late":
        raise RunError(problem("the measurement took too long", expected=f"{timeout_seconds:g} s"))
    return _read(lines, process.returncode)


def _wait(process: subprocess.Popen[bytes], wanted: Callable[[], bool], timeout_seconds: float) -> str:
    """Wait for the end of a process; say whether it was "done", "unwanted" or "late"."""
    due = time.monotonic() + timeout_seconds
    while True:
        try:
            process.wait(_LOOK_SECONDS)
            return "done"
        except subprocess.TimeoutExpired:
            pass
        told = "late" if time.monotonic() > due else "" if wanted() else "unwanted"
        if told:
            with contextlib.suppress(psutil.Error):
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
            process.kill()
            process.wait()
            return told


def _read(lines: list[str], code: int) -> Estimate:
    for line in reversed(lines):
        if line.startswith("{"):
            with contextlib.suppress(ValueError, TypeError, KeyError):
                values = json.loads(line)
                return Estimate(**{field.name: values[field.name] for field in fields(Estimate)})
    told = since_last(lines, _VERB)
    text = "\n".join(told or folded(lines)[-5:]).removeprefix(_VERB).strip() or f"exit code {code}"
    raise RunError(text if told else problem("the measurement ended without a result", found=text))
