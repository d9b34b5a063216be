"""The runs of a folder at a glance; only reads, and looks closely only at what changed."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.observing import Observation, Pulse, observe
from dynaclr.runs.record.states import State

_TAIL_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run of a folder.

    Attributes
    ----------
    path
        The run folder.
    state, reason
        As `observe` says.
    step, total_steps, epoch, total_epochs
        How far it is; None where it is not known yet.
    loss, val_loss
        Those written last; None if there is none, NaN if it was not finite.
    host
        Computer it is or was on.
    holder
        Who writes the folder: "process 123 on host"; None if nobody.
    """

    path: Path
    state: State
    reason: str
    step: int
    total_steps: int | None
    epoch: int
    total_epochs: int | None
    loss: float | None
    val_loss: float | None
    host: str | None
    holder: str | None

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.name

    @property
    def progress(self) -> float | None:
        """Share of the steps that are done, 0 to 1."""
        return min(self.step / self.total_steps, 1.0) if self.total_steps else None


class RunListing:
    """The runs of a folder, newest first by name; `refresh` brings them up to date.

    Parameters
    ----------
    root
        Folder of run folders; it need not be there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, tuple[tuple[int, ...], RunSummary]] = {}
        self._pulses: dict[str, Pulse] = {}

    def refresh(self) -> list[RunSummary]:
        """Return the runs; what was deleted or cannot be read meanwhile is left out.

        A run that has ended is looked at again only if one of its files changed.
        """
        found: dict[str, tuple[tuple[int, ...], RunSummary]] = {}
        for name in _run_names(self.root):
            folder = RunFolder(self.root / name)
            marks = _fingerprint(folder)
            before = self._known.get(name)
            if before is not None and before[0] == marks and before[1].state.ended:
                found[name] = before
            elif any(marks):
                summary = _summary(folder, observe(folder, self._pulses.setdefault(name, Pulse())))
                found[name] = (marks, summary)
        self._known = found
        self._pulses = {name: pulse for name, pulse in self._pulses.items() if name in found}
        return [summary for _, (_, summary) in sorted(found.items(), reverse=True)]


def _run_names(root: Path) -> list[str]:
    """Return the names of the folders that may be runs."""
    try:
        with os.scandir(root) as entries:
            return [entry.name for entry in entries if not entry.name.startswith(".") and _is_dir(entry)]
    except OSError:
        return []


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _fingerprint(folder: RunFolder) -> tuple[int, ...]:
    """Return numbers that change when a run does; all 0 for a folder that is no run."""
    numbers = []
    for file in (folder.status, folder.events(), folder.launch, folder.facts):
        try:
            stat = file.stat()
        except OSError:
            numbers += [0, 0]
        else:
            numbers += [stat.st_mtime_ns, stat.st_size + 1]
    return tuple(numbers)


def _summary(folder: RunFolder, seen: Observation) -> RunSummary:
    status, last = seen.status, _last_metrics(folder.events())
    holder = seen.holder
    return RunSummary(
        path=folder.path,
        state=seen.state,
        reason=seen.reason,
        step=_count(status.get("step")) or 0,
        total_steps=_count(status.get("total_steps")),
        epoch=_count(status.get("epoch")) or 0,
        total_epochs=_count(status.get("total_epochs")),
        loss=last.get("loss/train"),
        val_loss=last.get("loss/val"),
        host=seen.host,
        holder=None if holder is None else f"process {holder.get('pid')} on {holder.get('host')}",
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def _last_metrics(file: Path) -> dict[str, float]:
    """Return the losses written last, from the end of an event file."""
    found: dict[str, float] = {}
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(size - _TAIL_BYTES, 0))
            lines = stream.read(_TAIL_BYTES).splitlines()
    except OSError:
        return found
    for line in reversed(lines):
        if b'"loss/' not in line:
            continue
        try:
            metrics = json.loads(line)["m"]
            for name in ("loss/train", "loss/val"):
                if name in metrics and name not in found:
                    found[name] = float("nan") if metrics[name] is None else float(metrics[name])
        except (ValueError, TypeError, KeyError):
            continue
        if len(found) == 2:
            break
    return found
