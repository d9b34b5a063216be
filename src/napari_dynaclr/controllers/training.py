"""Controller of the training dock: starts, watches, stops and resumes separate training processes."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Literal

from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtWidgets import QApplication

from dynaclr.base.errors import DynaclrError, RunError
from dynaclr.base.files import write_text_atomically
from dynaclr.runs.control.halting import GRACE_SECONDS
from dynaclr.runs.control.launch import command_text, resume
from dynaclr.runs.record.holders import delete_run, held_elsewhere
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.observing import observe, worker
from dynaclr.runs.record.states import State
from napari_dynaclr.controllers.run_follower import RunFollower, RunStop
from napari_dynaclr.controllers.run_start import RunStart
from napari_dynaclr.presentation.training_text import run_title
from napari_dynaclr.state.memory import note_project
from napari_dynaclr.state.project import Project
from napari_dynaclr.state.run_curves import csv_text
from napari_dynaclr.state.run_origin import RUN, runs_folder
from napari_dynaclr.state.session import Session
from napari_dynaclr.state.watched_runs import Happening, WatchedRuns, What
from napari_dynaclr.views.training import TrainingView
from napari_dynaclr.workers import Jobs, Tell

_LADDER = "stopping the run"
_CLEARING_SECONDS, _LOOK_SECONDS = 30.0, 0.2
_BEST_SECONDS = 60.0  # between two notices of better checkpoints of a run


class TrainingController:
    """Connects runs on disk and the dock.

    Parameters
    ----------
    session
        Tells what to train on.
    jobs
        Where files are read and processes are started.
    runs
        What is watched; kept while the dock is closed.
    view
        The dock.
    """

    def __init__(self, session: Session, jobs: Jobs, runs: WatchedRuns, view: TrainingView) -> None:
        self.session, self.jobs, self.runs, self.view = session, jobs, runs, view
        self.grace_seconds = GRACE_SECONDS
        self._told_best: dict[Path, float] = {}
        self._project: Path | None = None
        self.follower = RunFollower(runs, jobs)
        self.starting = RunStart(session, jobs, runs, view.start, self._on_launched)
        self.starting.root_changed.connect(self.set_root)
        watch, table = view.watch, view.runs
        watch.run_chosen.connect(self.watch)
        watch.stop_requested.connect(self.stop)
        watch.command_requested.connect(self.copy_command)
        watch.picture_requested.connect(self._save_picture)
        watch.table_requested.connect(self._save_table)
        table.folder_chosen.connect(lambda text: self.set_root(Path(text)))
        table.watch_toggled.connect(self._on_ticked)
        table.look_requested.connect(self.look_at)
        table.resume_requested.connect(self.resume)
        table.clone_requested.connect(self.clone)
        table.delete_requested.connect(self.delete)
        session.project_changed.connect(self._on_project)
        runs.listed.connect(self._show_runs)
        runs.watched_changed.connect(self._on_watched)
        runs.run_changed.connect(self._on_run)
        runs.happened.connect(self._tell)
        self._on_project(session.project)
        self._on_watched()

    def close(self) -> None:
        """Stop watching runs; they continue."""
        self.follower.close()
        self.starting.close()
        self.session.project_changed.disconnect(self._on_project)
        self.runs.listed.disconnect(self._show_runs)
        self.runs.watched_changed.disconnect(self._on_watched)
        self.runs.run_changed.disconnect(self._on_run)
        self.runs.happened.disconnect(self._tell)

    def _on_project(self, project: Project | None) -> None:
        if project is not None and project.path != self._project:
            self._project = project.path
            self.set_root(runs_folder(project, "runs"))

    def set_root(self, root: Path) -> None:
        """List the runs of a folder."""
        self.view.runs.set_folder(root)
        self.follower.set_root(root)

    def watch(self, path: Path) -> None:
        """Watch a run, wherever it was started, and look at it."""
        self.runs.watch(path)
        self.follower.look_closely()

    def look_at(self, path: Path) -> None:
        """Watch a run and bring its curves to the front."""
        self.watch(path)
        self.view.show_tab(self.view.watch)

    def _on_ticked(self, path: Path, ticked: bool) -> None:
        if ticked:
            self.runs.watch(path, look=False)
            self.follower.look_closely()
        else:
            self.runs.unwatch(path)

    def _on_launched(self, path: Path) -> None:
        show_info(f"Training started: {run_title(path.name)}")
        if self.session.project is not None:  # sample data too: from now on it holds something
            note_project(self.session.project.path)
        self.set_root(path.parent)
        self.runs.watch(path, started=True)
        self.follower.look_closely()
        self.view.show_tab(self.view.watch)

    def resume(self, path: Path, where: str = "newest", lost_is_gone: bool = False) -> None:
        """Resume a run that has ended, from its newest or best checkpoint.

        If a silent process of another computer holds it, a person is asked whether that is gone.
        """

        def work(tell: Tell) -> str | Path:
            _wait_for_end(path, tell)
            held = None if lost_is_gone else held_elsewhere(RunFolder(path))
            best: Literal["newest", "best"] = "best" if where == "best" else "newest"
            return held or resume(path, best, lost_is_gone=lost_is_gone).path

        def done(found: str | Path) -> None:
            if isinstance(found, Path):
                self._on_launched(found)
            elif self.view.runs.confirm_gone(path.name, found):
                self.resume(path, where, lost_is_gone=True)

        self.jobs.start(f"resuming {path.name}", work, done)

    def clone(self, path: Path) -> None:
        """Set up a training with the options of a run."""
        if self.session.project is None:
            show_warning("Open the data of the run in the Project panel first: a copy trains on it.")
            return
        self.view.show_tab(self.view.start)
        self.starting.begin_with(f"{RUN}{path}")

    def delete(self, path: Path) -> None:
        """Delete the folder of a run; the view has asked."""
        gone = any(item.path == path and item.state is State.LOST for item in self.runs.summaries)

        def work(tell: Tell) -> None:
            _wait_for_end(path, tell)
            delete_run(path, lost_is_gone=gone)

        def done(_: None) -> None:
            self.runs.unwatch(path)
            self.follower.look_closely()

        self.jobs.start(f"deleting {path.name}", work, done)

    def stop(self) -> None:
        """Ask the displayed run to stop; after the grace period, kill it."""
        run = self.runs.current
        if run is None:
            return
        path, grace = run.path, self.grace_seconds
        stop = self.follower.stops.get(path)

        def asked(made: RunStop) -> None:
            self.follower.stops[path] = made
            if made.problem is not None:
                show_warning(f"The run could not be asked to stop: {made.problem}")
            self._on_run(path)

        if stop is None:
            self.jobs.start(_LADDER, lambda tell: RunStop(RunFolder(path), grace), asked)
        elif stop.seconds_left == 0 and not stop.hard:
            self.jobs.start(_LADDER, lambda tell: stop.enforce(), lambda _: self._on_run(path))

    def _show_stop(self) -> None:
        """Say what the stop button does now."""
        run, set_stop = self.runs.current, self.view.watch.set_stop
        stop = None if run is None else self.follower.stops.get(run.path)
        if stop is not None and stop.hard:
            set_stop(
                "Ending ...",
                False,
                "A termination signal was sent; the process is killed if it does not respond",
            )
        elif stop is not None and stop.seconds_left > 0:
            left = round(stop.seconds_left)
            set_stop(f"Stopping ... {left} s", False, "It finishes its step and writes a checkpoint first")
        elif stop is not None:
            set_stop(
                "End it now", True, "It has not stopped on its own: kill its process, without a checkpoint"
            )
        elif run is not None and run.going:
            set_stop("Stop", True, "Stop after this step; a checkpoint is saved and the run can be resumed")
        else:
            set_stop("Stop", False, "")

    def copy_command(self) -> None:
        """Copy the command that repeats the displayed run."""
        run, clipboard = self.runs.current, QApplication.clipboard()
        if run is None or clipboard is None:
            return
        try:
            clipboard.setText(command_text(RunFolder(run.path)))
        except DynaclrError as error:
            show_error(str(error))

    def _save_picture(self, file: str) -> None:
        if not self.view.watch.losses.picture().save(file):
            show_error(f"{file} cannot be written.")

    def _save_table(self, file: str) -> None:
        curves = {path.name: run.curves for path, run in self.runs.runs.items()}
        text = csv_text(curves)

        def work(tell: Tell) -> None:
            try:
                write_text_atomically(Path(file), text)
            except OSError as error:
                raise RunError(f"{file} cannot be written: {error.strerror}") from error

        self.jobs.start("writing the table", work, lambda _: show_info(f"Saved {file}."))

    def _show_runs(self, _: object = None) -> None:
        self.view.runs.set_runs(self.runs.summaries, self.runs.runs)

    def _on_watched(self) -> None:
        self.view.watch.set_runs(tuple(self.runs.runs.values()), self.runs.current)
        self._show_runs()
        self._show_stop()

    def _on_run(self, path: Path) -> None:
        self.view.watch.refresh()
        self._show_stop()

    def _tell(self, happening: Happening) -> None:
        if happening.what is What.BEST:
            last, now = self._told_best.get(happening.run, -math.inf), time.monotonic()
            if now - last < _BEST_SECONDS:
                return
            self._told_best[happening.run] = now
        text = f"Training {_SAID[happening.what]}: {run_title(happening.run.name)}: {happening.text}"
        if happening.what is What.FAILED:
            show_error(text)
        elif happening.what is What.GONE:
            show_warning(text)
        else:
            show_info(text)


_SAID = {
    What.STARTED: "begun",
    What.BEST: "improved, new best checkpoint",
    What.ENDED: "ended",
    What.FAILED: "failed",
    What.GONE: "no longer watched",
}


def _wait_for_end(path: Path, tell: Tell) -> None:
    """Wait while the process of a run that has ended clears up; not for one that goes on."""
    due = time.monotonic() + _CLEARING_SECONDS
    while time.monotonic() < due:
        seen = observe(RunFolder(path))
        if worker(seen) is None or not seen.state.ended:
            return
        tell("its process is ending", 0, 0)
        time.sleep(_LOOK_SECONDS)
