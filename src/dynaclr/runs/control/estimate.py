"""What a training will cost, measured by a short-lived process."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from dynaclr.base.errors import RunError, problem
from dynaclr.options.spec import RunSpec
from dynaclr.runs.control.launch import Launch
from dynaclr.runs.control.verbs import run_verb
from dynaclr.runs.record.logs import folded


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


class _UnwantedError(Exception):
    """Nobody waits for the measurement any more."""


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
    how, due = how or Launch(), time.monotonic() + timeout_seconds

    def follow(_lines: list[str]) -> None:
        if time.monotonic() > due:
            raise RunError(problem("the measurement timed out", expected=f"{timeout_seconds:g} s"))
        if not wanted():
            raise _UnwantedError

    with tempfile.TemporaryDirectory(prefix="dynaclr-estimate-") as place:
        config = Path(place) / "config.yaml"
        spec.placed(how.cwd or Path.cwd()).write(config)
        arguments = ["--config", str(config), *how.arguments]
        try:
            lines = run_verb("estimate", arguments, None, follow, how.cwd, how.python, how.devices)
        except _UnwantedError:
            return None
    for line in reversed(lines):
        if line.startswith("{"):
            with contextlib.suppress(ValueError, TypeError, KeyError):
                values = json.loads(line)
                return Estimate(**{field.name: values[field.name] for field in fields(Estimate)})
    raise RunError(problem("the measurement ended without a result", found="\n".join(folded(lines)[-5:])))
