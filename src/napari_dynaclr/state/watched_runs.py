"""The runs of a folder, and the state of those that are watched; evented."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from psygnal import Signal

from dynaclr.runs.control.slurm import Job, JobState
from dynaclr.runs.record.listing import RunSummary
from dynaclr.runs.record.states import State
from dynaclr.runs.record.tail import News
from napari_dynaclr.state.run_curves import RunCurves

_MOST_LINES = 2000
_MOST_PROBLEMS = 200


class What(StrEnum):
    """Kind of thing that a person who looks elsewhere wants to be told."""

    STARTED = "started"
    BEST = "best checkpoint"
    ENDED = "ended"
    FAILED = "failed"
    GONE = "folder deleted"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a run while it was watched."""

    run: Path
    what: What
    text: str


class WatchedRun:
    """What is known of one run.

    Parameters
    ----------
    path
        The run folder.

    Attributes
    ----------
    curves
        All metrics.
    lines
        The last lines of its terminal.
    problems
        Warnings and errors that it told, the newest last.
    checkpoint
        Name and step of the checkpoint that was written last; None if none was.
    job
        State of its job; None for a run that is none, and until the cluster was asked.
    news
        Its last observation; None until it was read for the first time.
    revision
        Changes with the curves.
    live
        Whether all that was there when watching began has been read: what comes now is new.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.news: News | None = None
        self.job: Job | None = None
        self.live = False
        self.revision = 0
        self._forget()

    def _forget(self) -> None:
        self.revision += 1
        self.curves = RunCurves()
        self.lines: deque[str] = deque(maxlen=_MOST_LINES)
        self.problems: deque[str] = deque(maxlen=_MOST_PROBLEMS)
        self.checkpoint: tuple[str, int] | None = None

    @property
    def there(self) -> bool:
        """Whether the folder is there, as far as is known."""
        return self.news is None or self.news.there

    @property
    def state(self) -> State | None:
        """State of the run; None until it was read."""
        return None if self.news is None else self.news.seen.state

    @property
    def going(self) -> bool:
        """Whether it may still run; a waiting job will, however its previous run ended."""
        taken_out = self.news is not None and self.news.seen.ended_outside
        waits = self.job is not None and self.job.state is JobState.PENDING and not taken_out
        return self.there and (waits or self.state in (State.STARTING, State.RUNNING, State.STOPPING))

    @property
    def job_number(self) -> str | None:
        """Number of its job of a cluster; None for a run that is none."""
        launch = {} if self.news is None else self.news.seen.launch
        return str(launch.get("job")) if launch.get("kind") == "slurm" else None

    def status(self, name: str) -> Any:
        """Return a value of status.json; None if it is not told."""
        return None if self.news is None else self.news.seen.status.get(name)

    @property
    def batch(self) -> tuple[int, int] | None:
        """Epoch and batch, counted over all ranks, that it trains on; None if it does not train."""
        address = self.status("epoch"), self.status("batch")
        if self.state is not State.RUNNING or not all(isinstance(number, int) for number in address):
            return None
        return address

    @property
    def seconds_left(self) -> float | None:
        """Time to the last step, from the last 100 steps; None while it is not known."""
        total, series = self.status("total_steps"), self.curves.series("loss/train")
        if self.state is not State.RUNNING or not isinstance(total, int) or series is None:
            return None
        minutes, steps = series.minutes[-100:], series.step[-100:]
        done = int(steps[-1] - steps[0])
        pace = 60 * float(minutes[-1] - minutes[0]) / done if done > 0 else 0.0
        return max(total - int(steps[-1]), 0) * pace if pace > 0 else None

    def take(self, news: News) -> list[Happening]:
        """Take in what is new, and return what a person should be told of it."""
        before, was_there, was_live = self.state, self.there, self.live
        if news.restarted:
            self._forget()
        self.news = news
        self.job = self.job if self.job_number else None
        self.curves.add(news.events)
        self.revision += bool(news.events)
        self.lines.extend(news.lines)
        told = []
        for event in news.events:
            if event["kind"] in ("warn", "error"):
                self.problems.append(f"{event['kind']}: {event.get('text', '')}")
            elif event["kind"] == "ckpt":
                told += self._written(event)
        self.live = self.live or not news.more
        if not was_live:
            return []
        told += self._turn(before, was_there)
        return told

    def _written(self, event: Mapping[str, Any]) -> list[Happening]:
        """Take note of a checkpoint, and return what is to be told of it."""
        name = str(event.get("path", "")).rpartition("/")[2]
        if isinstance(event.get("step"), int):
            self.checkpoint = name, event["step"]
        best = name == "best.ckpt"
        return [Happening(self.path, What.BEST, str(event.get("reason", "")))] if best else []

    def _turn(self, before: State | None, was_there: bool) -> list[Happening]:
        """Return what a change of the state means to a person."""
        if was_there and not self.there:
            return [Happening(self.path, What.GONE, "its folder is gone")]
        state = self.state
        if state is before or state is None or not self.there:
            return []
        reason = self.news.seen.reason if self.news else ""
        if state is State.RUNNING and before in (None, State.STARTING):
            return [Happening(self.path, What.STARTED, "training")]
        if state in (State.FINISHED, State.STOPPED):
            return [Happening(self.path, What.ENDED, f"{state}: {reason}")]
        if state in (State.FAILED, State.CRASHED, State.LOST):
            return [Happening(self.path, What.FAILED, f"{state}: {reason}")]
        return []


class WatchedRuns:
    """The runs of a folder, the watched ones, and the displayed one."""

    listed = Signal(object)
    """The list of summaries is another one."""
    watched_changed = Signal()
    """Other runs are watched, or another one is looked at."""
    run_changed = Signal(object)
    """Something is new of a run that is watched: its path."""
    happened = Signal(object)
    """Happening."""

    def __init__(self) -> None:
        self.summaries: tuple[RunSummary, ...] = ()
        self.runs: dict[Path, WatchedRun] = {}
        self.readings = 0
        self._current: Path | None = None
        self._started: set[Path] = set()

    def set_listing(self, summaries: Sequence[RunSummary]) -> None:
        """Take in the runs of the folder."""
        if tuple(summaries) != self.summaries:
            self.summaries = tuple(summaries)
            self.listed.emit(self.summaries)

    @property
    def current(self) -> WatchedRun | None:
        """The displayed run."""
        return None if self._current is None else self.runs[self._current]

    def watch(self, path: Path, *, look: bool = True, started: bool = False) -> None:
        """Watch a run.

        Parameters
        ----------
        path
            The run folder.
        look
            Whether it becomes the one that is looked at.
        started
            Whether it was started from here: then all of it is new, and closing asks about it.
        """
        if path not in self.runs:
            self.runs[path] = WatchedRun(path)
        if started:
            self._started.add(path)
            self.runs[path].live = True
        if look or self._current is None:
            self._current = path
        self.watched_changed.emit()

    def read_again(self) -> int:
        """Forget what was read, not what is watched, for a reader that begins at the beginning.

        Returns `readings`, by which a reader later knows whether another one has taken its place.
        """
        self.readings += 1
        self.runs = {path: WatchedRun(path) for path in self.runs}
        self.watched_changed.emit()
        return self.readings

    def unwatch(self, path: Path) -> None:
        """Watch a run no longer; it goes on by itself."""
        if self.runs.pop(path, None) is not None:
            if self._current == path:
                self._current = next(reversed(self.runs), None)
            self.watched_changed.emit()

    def take(self, path: Path, news: News) -> None:
        """Take in what is new of a run; nothing if it is not watched any more."""
        run = self.runs.get(path)
        if run is None:
            return
        happenings = run.take(news)
        self.run_changed.emit(path)
        for happening in happenings:
            self.happened.emit(happening)

    def take_job(self, path: Path, job: Job) -> None:
        """Take in what the cluster says of a run; nothing if it is not watched any more."""
        run = self.runs.get(path)
        if run is not None and run.job != job:
            run.job = job
            self.run_changed.emit(path)

    def started_and_going(self) -> list[WatchedRun]:
        """Return the runs that were started from here and may still do something."""
        return [
            run for path, run in self.runs.items() if path in self._started and (run.going or not run.news)
        ]
