"""Exports the tracks of the open project, with its marks, in the background."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QWidget

from dynaclr.base.paths import absolute_path
from dynaclr.export import ExportOptions, ExportReport, export_tracks
from dynaclr.export.export import Format
from napari_dynaclr.state.memory import recall, remember
from napari_dynaclr.state.session import Session
from napari_dynaclr.views.export_tracks import ExportTracksDialog
from napari_dynaclr.workers import Jobs, Tell, telling_errors

__all__ = ("EXPORTING", "ExportTracks")

EXPORTING = "exporting the tracks"
_FOLDER, _FORMAT = "export folder", "export format"


class ExportTracks:
    """Opens the dialog of an export, and writes what it asks for.

    Parameters
    ----------
    session
        What is open.
    jobs
        Where it is written.
    parent
        The dock that the dialog belongs to.
    """

    def __init__(self, session: Session, jobs: Jobs, parent: QWidget) -> None:
        self.session, self.jobs, self._parent = session, jobs, parent
        self.dialog: ExportTracksDialog | None = None
        jobs.changed.connect(self._on_jobs)
        jobs.told.connect(self._on_told)

    def close(self) -> None:
        """Disconnect, and give up what is being written."""
        self.jobs.leave(EXPORTING, changed=self._on_jobs, told=self._on_told)
        self.dialog = None

    def open(self) -> None:
        """Show the dialog; the viewer can be used meanwhile."""
        if self.session.project is None:
            show_error("Open a project first: its tracks are exported.")
            return
        if self.dialog is None:
            self.dialog = ExportTracksDialog(self._parent)
            self.dialog.folder.setText(recall(_FOLDER, ""))
            place = self.dialog.format.findData(recall(_FORMAT, "csv"))
            self.dialog.format.setCurrentIndex(max(place, 0))
            self.dialog.write_requested.connect(self.write)
            self.dialog.cancel_requested.connect(lambda: self.jobs.cancel(EXPORTING))
        self.dialog.show()
        self.dialog.raise_()

    def write(self) -> None:
        """Write what the dialog asks for."""
        dialog, project = self.dialog, self.session.project
        if dialog is None or project is None:
            return
        entered = dialog.entered()
        if not Path(entered.folder).expanduser().is_absolute():
            dialog.set_text("Enter the full path of the folder.")
            return
        remember(_FOLDER, entered.folder)
        remember(_FORMAT, entered.format)
        experiments = project.pipeline.config.data.experiments_yaml
        marks = project.curation if project.curation.is_file() else None
        options = ExportOptions(cast(Format, entered.format), entered.keep_excluded)

        def work(tell: Tell) -> ExportReport:
            return export_tracks(
                experiments,
                absolute_path(entered.folder),
                options,
                curation=marks,
                overwrite=entered.replace,
                progress=lambda done, total: tell("fields of view", done, total),
            )

        dialog.set_text(f"Writing to {entered.folder} ...")
        self.jobs.start(EXPORTING, telling_errors(work), self._written, self._failed)

    def _written(self, report: ExportReport) -> None:
        if self.dialog is not None:
            self.dialog.set_text(report.text())

    def _failed(self, text: str) -> None:
        if self.dialog is not None:
            self.dialog.set_text(text)

    def _on_jobs(self, kind: str, running: bool) -> None:
        if kind == EXPORTING and self.dialog is not None:
            self.dialog.set_busy(running)

    def _on_told(self, kind: str, step: str, done: int, total: int) -> None:
        if kind == EXPORTING and self.dialog is not None:
            self.dialog.set_progress(step, done, total)
