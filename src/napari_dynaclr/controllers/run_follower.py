"""Polls run folders in the background, and stops runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import QTimer

from dynaclr.base.errors import DynaclrError
from dynaclr.runs.control.halting import GRACE_SECONDS, Halt, HaltStep
from dynaclr.runs.control.job_halting import JobHalt
from dynaclr.runs.control.slurm import JobWatch
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.listing import RunListing, RunSummary
from dynaclr.runs.record.observing import read_launch
from dynaclr.runs.record.tail import News, RunTail
from napari_dynaclr.state.watched_runs import WatchedRuns
from napari_dynaclr.workers import Jobs, Tell

LOOKING = "looking at the runs"
ASKING = "asking the cluster"
_INTERVAL_MS = 300
_SLOW = 6  # rounds between looks at the folder, and at runs that have ended
_SIGNAL_SECONDS = 5.0


class RunStop:
    """Stopping one run: requested first, enforced only on request after the grace period.

    Parameters
    ----------
    folder
        The run.
    grace_seconds
        How long it may take to end by itself.

    Raises
    ------
    RunError
        If the run is not going on.
    """

    def __init__(self, folder: RunFolder, grace_seconds: float = GRACE_SECONDS) -> None:
        job = read_launch(folder).get("kind") == "slurm"
        self._halt = JobHalt(folder, grace_seconds) if job else Halt(folder, grace_seconds)
        self._hard_since: float | None = None
        self.problem = self._halt.problem

    @property
    def seconds_left(self) -> float:
        """Seconds left in the grace period."""
        return self._halt.seconds_left

    @property
    def hard(self) -> bool:
        """Whether it is being enforced."""
        return self._hard_since is not None

    def enforce(self) -> None:
        """Tell the run by a signal, and `poll` kills it if that does not help; a job is canceled.

        Raises
        ------
        RunError
            If the run is on another computer, or its cluster refuses.
        """
        self._halt.escalate()
        self._hard_since = time.monotonic()

    def poll(self) -> bool:
        """Take the next step if it is due; return whether it is over."""
        if self._hard_since is None:
            return False
        late = time.monotonic() - self._hard_since > _SIGNAL_SECONDS
        if late and self._halt.step is HaltStep.SIGNALLED and self._halt.poll() is not HaltStep.ENDED:
            self._halt.escalate()
        return self._halt.poll() is HaltStep.ENDED


@dataclass(frozen=True, slots=True)
class _Round:
    """What one look found."""

    news: Mapping[Path, News]
    summaries: list[RunSummary] | None
    over: frozenset[Path]


class RunFollower:
    """Keeps the watched runs and the list of runs in a folder up to date.

    Parameters
    ----------
    runs
        Gets what was read.
    jobs
        Where it is read.
    """

    def __init__(self, runs: WatchedRuns, jobs: Jobs) -> None:
        self.runs, self._jobs = runs, jobs
        self.stops: dict[Path, RunStop] = {}
        self._tails: dict[Path, RunTail] = {}
        self._jobs_of_runs: dict[Path, JobWatch] = {}
        self._listing: RunListing | None = None
        self._count = 0
        self._timer = QTimer()
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()
        self._reading = runs.read_again()

    def close(self) -> None:
        """Stop polling."""
        with suppress(RuntimeError):  # Qt has deleted it: the application ends
            self._timer.stop()

    @property
    def root(self) -> Path | None:
        """Folder whose runs are listed."""
        return None if self._listing is None else self._listing.root

    def set_root(self, root: Path | None) -> None:
        """List the runs of another folder."""
        if root != self.root:
            self._listing = None if root is None else RunListing(root)
            self.runs.set_listing(())
        self.look_closely()

    def look_closely(self) -> None:
        """Look at everything with the next round, at once if nothing is being read."""
        self._count = 0
        self.look()

    def look(self) -> None:
        """Read what is new, unless the last read is still running."""
        if self._jobs.running(LOOKING) or self.runs.readings != self._reading:
            return
        slow, self._count = self._count % _SLOW == 0, self._count + 1
        self._tails = {path: self._tails.get(path) or RunTail(RunFolder(path)) for path in self.runs.runs}
        tails = {path: tail for path, tail in self._tails.items() if slow or self._eager(path)}
        listing, stops = self._listing if slow else None, dict(self.stops)
        if tails or stops or listing is not None:
            self._jobs.start(LOOKING, lambda tell: _look(tell, tails, listing, stops), self._take, quiet=True)
        if slow:
            self._ask_cluster()

    def _ask_cluster(self) -> None:
        """Ask for the jobs of watched runs, apart from reading: a cluster may take its time to answer."""
        jobs = {path: run.job_number for path, run in self.runs.runs.items() if run.job_number}
        watches = {path: self._jobs_of_runs.get(path) for path in jobs}
        for path, watch in watches.items():
            if watch is not None:
                self.runs.take_job(path, watch.job)
        asked = {path: watch for path, watch in watches.items() if watch is None or not watch.job.state.ended}
        if asked and not self._jobs.running(ASKING):
            self._jobs.start(ASKING, lambda tell: _ask(asked), self._take_jobs, quiet=True)

    def _take_jobs(self, found: Mapping[Path, JobWatch]) -> None:
        self._jobs_of_runs |= found
        for path, watch in found.items():
            self.runs.take_job(path, watch.job)

    def _eager(self, path: Path) -> bool:
        run = self.runs.runs[path]
        return run.news is None or run.going or run.news.more

    def _take(self, found: _Round) -> None:
        if self.runs.readings != self._reading:
            return
        for path, news in found.news.items():
            self.runs.take(path, news)
        for path, stop in list(self.stops.items()):
            run = self.runs.runs.get(path)
            ended = run is None or (run.state is not None and not run.going)
            if path in found.over or (ended and not stop.hard):
                del self.stops[path]
                if run is not None:
                    self.runs.run_changed.emit(path)
        if found.summaries is not None:
            self.runs.set_listing(found.summaries)
        if any(news.more for news in found.news.values()):
            self.look()


def _ask(watches: Mapping[Path, JobWatch | None]) -> dict[Path, JobWatch]:
    found = {}
    for path, watch in watches.items():
        with suppress(DynaclrError):  # gone on with outside the cluster meanwhile
            found[path] = watch or JobWatch(RunFolder(path))
            found[path].poll()
    return found


def _look(
    tell: Tell, tails: Mapping[Path, RunTail], listing: RunListing | None, stops: Mapping[Path, RunStop]
) -> _Round:
    news, over = {}, set()
    for path, stop in stops.items():
        with suppress(DynaclrError):
            if stop.poll():
                over.add(path)
    for path, tail in tails.items():
        with suppress(OSError):  # a disk that is away for a moment
            news[path] = tail.poll()
    return _Round(news, None if listing is None else listing.refresh(), frozenset(over))
