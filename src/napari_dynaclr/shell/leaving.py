"""Asks what to do with running background tasks when a viewer closes, and does it."""

from __future__ import annotations

from contextlib import suppress

from qtpy.QtWidgets import QWidget

from dynaclr.base.errors import DynaclrError
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.observing import observe
from dynaclr.runs.record.states import State
from napari_dynaclr.controllers.embedding_work import PREDICTING, EmbeddingWork
from napari_dynaclr.controllers.run_follower import RunStop
from napari_dynaclr.state.watched_runs import WatchedRun, WatchedRuns
from napari_dynaclr.widgets.window_end import Leave, WindowEnd, leave_box
from napari_dynaclr.workers import Jobs

_GOING = (State.STARTING, State.RUNNING, State.STOPPING)


class Leaving:
    """Connects the closing of a window with the tasks started in it.

    Parameters
    ----------
    runs
        Tells which runs were started here.
    embedding
        Tells whether cells are being embedded.
    jobs
        The work that ends with the window.
    """

    def __init__(self, runs: WatchedRuns, embedding: EmbeddingWork, jobs: Jobs) -> None:
        self.runs, self.embedding, self.jobs = runs, embedding, jobs
        self.window = WindowEnd(self.ask, self.end)
        self._stopped: list[WatchedRun] = []

    def _going(self) -> list[WatchedRun]:
        """Return runs that train as their folders say now: nobody may have looked for a while."""
        found = self.runs.started_and_going()
        return [run for run in found if observe(RunFolder(run.path)).state in _GOING]

    def ask(self, window: QWidget, may_stay: bool) -> Leave | None:
        """Ask if work goes on; return the answer, None if there is nothing to ask."""
        going, self._stopped = self._going(), []
        run = self.embedding.predicted if self.jobs.running(PREDICTING) else None
        if not going and (run is None or not may_stay):
            return None
        names = [item.path.name for item in going]
        box, answer = leave_box(window, names, "" if run is None else run.name, may_stay)
        box.exec()
        self._stopped = going if answer() is Leave.STOPPED else []
        return answer()

    def end(self) -> None:
        """Ask runs to stop if that was the answer, and end all work that cannot go on alone."""
        for run in self._stopped:
            with suppress(DynaclrError):  # ended meanwhile
                RunStop(RunFolder(run.path))
        self.jobs.close()
