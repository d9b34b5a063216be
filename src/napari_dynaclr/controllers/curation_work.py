"""Background tasks of curation: reading, searching, drawing, applying, merging."""

from __future__ import annotations

import warnings
from pathlib import Path

from dynaclr.base.errors import DynaclrError
from dynaclr.curation import Identity, Mark, SharedMarks, read_marks
from dynaclr.suspicion import suspects
from napari_dynaclr.presentation.curation_text import merge_text
from napari_dynaclr.state.curation import Curation, Mode
from napari_dynaclr.state.project import Project, reopened
from napari_dynaclr.state.session import Session
from napari_dynaclr.state.targets import Item, audit_items, items_of
from napari_dynaclr.views.curation import CurationView
from napari_dynaclr.workers import Jobs, Tell

__all__ = ("APPLY", "MERGE", "READ", "SEARCH", "CurationWork")

READ, SEARCH = "reading marks", "looking for suspicious places"
APPLY, MERGE = "applying marks", "reading marks of another file"
"""Kinds of work in the background."""
_KINDS = (SEARCH, APPLY, MERGE, READ)
_ONLY_PIXELS = "Swapped tables, or swapped y and x, are found only by checking pixels too."


class CurationWork:
    """Runs the background tasks, shows their progress, and passes results to the model.

    Parameters
    ----------
    session
        What is open.
    jobs
        Background work of the window.
    view
        Shows progress, results and errors.
    model
        Gets the results.
    """

    def __init__(self, session: Session, jobs: Jobs, view: CurationView, model: Curation) -> None:
        self.session, self.jobs, self.view, self.model = session, jobs, view, model
        self._applied: dict[Identity, Mark] | None = None
        jobs.changed.connect(self._on_job)
        jobs.told.connect(self._on_told)
        view.status.cancelled.connect(self.cancel)
        view.queue.search_requested.connect(self.search)
        view.audit.drawn.connect(self.draw)
        view.marks.merge_requested.connect(self.merge)

    def close(self) -> None:
        """Cancel the running task."""
        self.jobs.leave(*_KINDS, changed=self._on_job, told=self._on_told)

    def read(self) -> None:
        """Read the marks of the project."""
        project = self.session.project
        if project is None:
            return
        path = project.curation

        def done(shared: SharedMarks) -> None:
            self.view.status.say("")
            self.model.open(shared)
            self.view.judge.set_reasons(self.model.reasons.offered())

        def failed(text: str) -> None:
            self.view.status.complain(text, can_retry=True)

        self.jobs.start(READ, lambda tell: SharedMarks(path), done, failed)

    def search(self, pixels: bool) -> None:
        """Rank likely errors and fill the queue with them."""
        project = self.session.project
        if project is None:
            return
        self.model.mode = Mode.QUEUE
        self.view.queue.say_empty("Searching for likely errors ...")

        def failed(text: str) -> None:
            self.view.queue.say_empty("")
            self._complain(text)

        def done(items: tuple[Item, ...]) -> None:
            self.view.queue.say_empty("Nothing looks suspicious.")
            found = f"{len(items)} suspicious place{'' if len(items) == 1 else 's'}"
            self.view.status.say(f"{found}." if pixels else f"{found} in the tables alone. {_ONLY_PIXELS}")
            self.model.fill(Mode.QUEUE, items)

        self.jobs.start(SEARCH, lambda tell: _suspicious(project, pixels, tell), done, failed)

    def draw(self, size: int) -> None:
        """Draw random links for the audit; answered ones are kept and count."""
        project, model = self.session.project, self.model
        if project is None or model.shared is None:
            return
        model.mode = Mode.AUDIT
        answered = [Item(float("nan"), mark.reason, (mark,)) for mark in model.audit.answers()]
        known = {item.first.subject for item in answered}
        drawn = audit_items(project, size + len(answered), model.audit.number)
        fresh = [item for item in drawn if item.first.subject not in known]
        model.fill(Mode.AUDIT, [*answered, *fresh[: max(size - len(answered), 0)]])

    def apply(self) -> None:
        """Set up the data again with the current marks."""
        project, snapshot = self.session.project, self.model.snapshot()
        if project is None:
            return

        def done(new: Project) -> None:
            if self.session.project is not project:
                self._complain(
                    "Other data or options were opened in the meantime: the marks were not applied."
                )
                return
            self._applied = snapshot
            self.session.project = new
            self.view.status.say("Marks applied.")

        self.jobs.start(APPLY, lambda tell: reopened(project, None, tell), done, self._complain)

    def take_applied(self) -> dict[Identity, Mark]:
        """Return the marks with which the data were just set up."""
        applied, self._applied = self._applied, None
        return self.model.snapshot() if applied is None else applied

    def merge(self, path: str) -> None:
        """Import the marks of another annotator's file."""

        def done(marks: list[Mark]) -> None:
            try:
                text = merge_text(Path(path).name, self.model.take(marks))
            except DynaclrError as error:
                self._complain(str(error))
            else:
                self.view.status.say(text)

        self.jobs.start(MERGE, lambda tell: read_marks(Path(path)), done, self._complain)

    def cancel(self) -> None:
        """Cancel the running task."""
        for kind in _KINDS:
            if self.jobs.running(kind):
                self.jobs.cancel(kind)
                self.view.queue.say_empty("")
                self.view.status.say("Canceled.")

    def _complain(self, text: str) -> None:
        self.view.status.complain(text, can_retry=False)

    def _on_job(self, kind: str, running: bool) -> None:
        if kind in _KINDS:
            other = next((name for name in _KINDS if self.jobs.running(name)), "")
            self.view.status.set_busy(kind if running else other, 0, 0)
            self.view.queue.search.setEnabled(not self.jobs.running(SEARCH))

    def _on_told(self, kind: str, step: str, done: int, total: int) -> None:
        if kind in _KINDS:
            self.view.status.set_busy(f"{kind}: {step}", done, total)


def _suspicious(project: Project, pixels: bool, tell: Tell) -> tuple[Item, ...]:
    """Return what looks wrong in a project, the worst first: fields of view of all parts are compared."""
    (index, *others) = project.parts.values()
    if others:
        tell("tables", 0, 0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were told when the project was set up
            index = project.pipeline.whole_index()
    return items_of(project, suspects(index, pixels=pixels, progress=tell))
