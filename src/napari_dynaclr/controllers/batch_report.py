"""The report on many batches: computed in the background, saved as a table or an image."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from napari.utils.notifications import show_info

from dynaclr.base.files import write_text_atomically
from dynaclr.composition import Composition, Pool, condition_confounds, table
from napari_dynaclr.state.project import Project
from napari_dynaclr.state.session import Session
from napari_dynaclr.views.batch_report import BatchReport
from napari_dynaclr.workers import Jobs, Tell

REPORT, SAVING = "report on batches", "saving the report"
"""Kinds of work in the background."""


class BatchReportController:
    """Handles the requests of a report view.

    Parameters
    ----------
    session
        What is open.
    jobs
        Background work.
    view
        Shows the report.
    epoch
        Returns the epoch whose batches are wanted.
    pool
        Returns the pool of the data that are open, None if it is not counted yet.
    """

    def __init__(
        self,
        session: Session,
        jobs: Jobs,
        view: BatchReport,
        epoch: Callable[[], int],
        pool: Callable[[], Pool | None],
    ) -> None:
        self._session, self._jobs, self._view = session, jobs, view
        self._epoch, self._pool = epoch, pool
        self._report: Composition | None = None
        session.project_changed.connect(self._on_project)
        jobs.changed.connect(self._on_work)
        jobs.told.connect(self._on_told)
        view.report_requested.connect(self._on_report)
        view.cancel_requested.connect(lambda: jobs.cancel(REPORT))
        view.save_requested.connect(self._on_save)
        view.set_report(None)

    def close(self) -> None:
        """Disconnect and cancel background work; the view may already be gone."""
        self._session.project_changed.disconnect(self._on_project)
        self._jobs.leave(REPORT, changed=self._on_work, told=self._on_told)

    def _on_project(self, project: Project | None) -> None:
        self._jobs.cancel(REPORT)
        self._show(None)

    def _on_work(self, kind: str, running: bool) -> None:
        if kind == REPORT:
            self._view.set_running(running)

    def _on_told(self, kind: str, step: str, done: int, total: int) -> None:
        if kind == REPORT:
            self._view.set_progress(step, done, total)

    def _on_report(self, count: int) -> None:
        project = self._session.project
        if project is None:
            return
        inspector, known, epoch = project.inspector, self._pool(), self._epoch()

        def work(tell: Tell) -> Composition:
            pool = known or Pool(inspector.dataset)
            composition = inspector.composition(
                epoch, count, lambda done: tell("batches", done, count), pool=pool
            )
            seen = inspector.intensities(composition.rows, lambda done, total: tell("pixels", done, total))
            composition.intensities = seen
            tell("confounds", count, count)
            index = inspector.dataset.index
            composition.confounds = condition_confounds(index, composition.rows, seen)
            return composition

        self._jobs.start(REPORT, work, self._show)

    def _show(self, report: Composition | None) -> None:
        self._report = report
        self._view.set_report(report)

    def _on_save(self, path: str) -> None:
        report = self._report
        if report is not None:
            self._jobs.start(
                SAVING,
                lambda tell: save_report(report, Path(path)),
                lambda place: show_info(f"Written to {place}"),
            )


def save_report(report: Composition, path: Path) -> Path:
    """Write a report as an image if the path says so, else as a table; return where it is."""
    if path.suffix == ".png":
        from dynaclr.figures import composition_figure, save

        return save(composition_figure(report), path)
    rows = table(report)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text_atomically(path, text.getvalue())
    return path
