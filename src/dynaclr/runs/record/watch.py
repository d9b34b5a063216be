"""A run in a terminal: state, progress, losses, rate; reads the run folder and writes nothing but a PNG."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from dynaclr.runs.record.event_reader import EventReader, MetricTable
from dynaclr.runs.record.layout import RunFolder, open_run_folder
from dynaclr.runs.record.observing import Pulse, observe
from dynaclr.runs.record.states import State

_BAR = 30
_RECENT, _WORTH_TELLING = 100, 0.05


class RunView:
    """What a run folder says, brought up to date by `update`.

    Raises
    ------
    RunError
        If the folder is no run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.facts = folder.read_facts()
        self._reader, self.table = EventReader(folder.events()), MetricTable()
        self.total_steps: int | None = None
        self.checkpoint: str | None = None
        self.problems: list[str] = []
        self._pulse = Pulse()
        self.seen = observe(folder, self._pulse)

    def update(self) -> None:
        """Read what came since the last call; the state first, so that nothing follows an end."""
        self.seen = observe(self.folder, self._pulse)
        events = self._reader.read_all()
        self.table.add(events)
        for event in events:
            if event["kind"] == "start":
                self.total_steps = event.get("total_steps")
            elif event["kind"] == "ckpt":
                self.checkpoint = str(event.get("path"))
            elif event["kind"] in ("warn", "error"):
                self.problems.append(str(event.get("text")))

    def lines(self) -> list[str]:
        """Return the run as lines of text."""
        state, curves = self.seen.state, self.table.curves()
        step = int(self.seen.status.get("step", 0))
        lines = [
            f"{self.folder.path.name}  {state}  {' '.join(self.seen.reason.split())}".rstrip(),
            _progress(step, self.total_steps, curves, state),
        ]
        for name in ("loss/train", "loss/val"):
            if name in curves:
                values = curves[name][1]
                lowest = min((value for value in values.tolist() if math.isfinite(value)), default=math.nan)
                lines.append(f"  {name:<12}{values[-1]:.4f}   first {values[0]:.4f}, lowest {lowest:.4f}")
        if "lr" in curves:
            lines.append(f"  {'lr':<12}{curves['lr'][1][-1]:.3g}")
        if "samples_per_second" in curves:
            waits = float(curves["waiting_share"][1][-_RECENT:].mean()) if "waiting_share" in curves else 0.0
            more = (
                f", {100 * waits:.0f} % of the time spent waiting for data" if waits >= _WORTH_TELLING else ""
            )
            lines.append(f"  {'rate':<12}{curves['samples_per_second'][1][-1]:.1f} pairs per second{more}")
        if self.checkpoint:
            lines.append(f"  {'checkpoint':<12}{self.checkpoint}")
        return lines + [f"  problem     {text.splitlines()[0]}" for text in self.problems[-3:]]


def _progress(step: int, total: int | None, curves: Mapping[str, Any], state: State) -> str:
    if not total:
        return f"  step {step}"
    filled = round(_BAR * min(step / total, 1))
    text = f"  [{'#' * filled}{'.' * (_BAR - filled)}] step {step} of {total}"
    times = curves.get("samples_per_second")
    if state is State.RUNNING and times is not None and step:
        text += f", {100 * step / total:.0f} %"
    return text


def save_curves(view: RunView, path: Path) -> Path:
    """Draw the curves of a run as PNG."""
    from dynaclr.figures import loss_figure, save

    chosen = {
        name: curve for name, curve in view.table.curves().items() if name.split("/")[0] in ("loss", "health")
    }
    return save(loss_figure(chosen, view.folder.path.name), path)


def watch(
    path: Path, stream: TextIO, *, follow: bool = True, png: Path | None = None, every_seconds: float = 1.0
) -> State:
    """Show a run until it ends (or once), and return its state.

    Parameters
    ----------
    path
        Run folder.
    stream
        Where to write; on a terminal lines are drawn over, elsewhere they follow each other.
    follow
        Whether to wait for the end.
    png
        Where to draw the curves at the end.
    every_seconds
        Time between looks.

    Raises
    ------
    RunError
        If the folder is no run.
    """
    view = RunView(open_run_folder(path))
    shown: list[str] = []
    while True:
        view.update()
        lines = view.lines()
        if lines != shown:
            if stream.isatty() and shown:
                stream.write(f"\x1b[{len(shown)}F\x1b[J")
            stream.write("\n".join(lines) + "\n")
            shown = lines
        stream.flush()
        state = view.seen.state
        if not follow or state.ended or state is State.LOST:
            break
        time.sleep(every_seconds)
    if png is not None:
        stream.write(f"curves saved to {save_curves(view, png)}\n")
    return state
