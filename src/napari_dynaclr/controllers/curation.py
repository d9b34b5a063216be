"""Connects session, curation, background tasks and the curation view."""

from __future__ import annotations

from typing import Any

from dynaclr.base.errors import DynaclrError
from dynaclr.curation import Mark, Verdict
from napari_dynaclr.controllers.curation_target import CurationTarget
from napari_dynaclr.controllers.curation_work import CurationWork
from napari_dynaclr.keys.curation import CURATION_ACTIONS, Do
from napari_dynaclr.keys.key import act_of
from napari_dynaclr.presentation.curation_text import (
    action_text,
    audit_text,
    judged_text,
    queue_row,
    removed_text,
)
from napari_dynaclr.state.author import author_name, keep_author_name
from napari_dynaclr.state.curation import Curation, Mode
from napari_dynaclr.state.project import Project
from napari_dynaclr.state.session import Session
from napari_dynaclr.views.curation import CurationView
from napari_dynaclr.workers import Jobs

__all__ = ("CurationController", "curation_dock")


class CurationController:
    """Controller of the curation view of a session.

    Parameters
    ----------
    session
        What is open and selected.
    jobs
        Background work of the window.
    view
        What is seen.
    model
        The curation.
    """

    def __init__(self, session: Session, jobs: Jobs, view: CurationView, model: Curation) -> None:
        self.session, self.view, self.model = session, view, model
        self._broken = False
        self._of: Project | None = None  # whose data the marks are known to be applied to
        self.target = CurationTarget(session, view, model)
        self.work = CurationWork(session, jobs, view, model)
        links = (
            (session.project_changed, self._on_project),
            (model.marks_changed, self._on_marks),
            (model.mode_changed, self._on_mode),
            (model.author_changed, self._on_author),
            (model.queue.items_changed, self._on_queue),
            (model.queue.position_changed, self._on_queue_position),
            (model.audit.sample.items_changed, self._on_audit),
            (model.audit.sample.position_changed, self._on_audit_position),
            (view.requested, self.act),
            (view.mode_requested, self._on_mode_requested),
            (view.entry_chosen, self._on_entry),
            (view.audit.begun_anew, model.audit.begin_anew),
            (view.marks.delete_requested, self.delete),
            (view.marks.author_entered, self.rename),
            (view.status.retried, self._read),
        )
        for signal, slot in links:
            signal.connect(slot)
        self._on_author(model.author)
        self._on_project(session.project)

    def close(self) -> None:
        """Disconnect from everything that outlives the view."""
        self.session.project_changed.disconnect(self._on_project)
        self.target.close()
        self.work.close()

    def _on_project(self, project: Project | None) -> None:
        self.view.set_open(project is not None)
        shared = self.model.shared
        if project is None:
            self.model.open(None)
        elif shared is None or shared.path != project.curation:
            self.work.cancel()
            waiting = len(self.model.queue.items) + len(self.model.audit.sample.items)
            if waiting:
                self.session.lose(f"{waiting} items waiting to be judged")
            self.model.open(None)
            self._read()
        elif self._of is None or not project.shares_data(self._of):
            self.model.applied(self.work.take_applied())
        self._of = project
        if project is not None:
            parts = [index.curation for index in project.parts.values()]
            self.view.marks.removed.setText(removed_text(parts))

    def _read(self) -> None:
        if self.model.shared is None:
            self.work.read()
        else:
            self.refresh()

    def _complain_broken(self, text: str) -> None:
        self._broken = True
        self.view.status.complain(text, can_retry=True)

    def refresh(self) -> None:
        """Read what others have written to the file."""
        try:
            if self.model.refresh():
                self.view.status.say("Marks were changed by another window or person.")
            elif self._broken:
                self.view.status.say("")
            self._broken = False
        except DynaclrError as error:
            if not self._broken:
                self._complain_broken(str(error))

    def act(self, name: str) -> None:
        """Perform an action of the table."""
        act_of(CURATION_ACTIONS, name)(self)

    def skip(self) -> None:
        """Go to the next unjudged entry."""
        if self.model.review is not None:
            self._advance()

    def step_back(self) -> None:
        """Go to the previous entry."""
        review = self.model.review
        if review is not None:
            review.go(review.position - 1)

    def judge(self, verdict: Verdict) -> None:
        """Judge what is shown, and go on in the queue."""
        target = self.target.current
        if target is None or not target.drafts or self.model.shared is None:
            why = "" if target is None else target.effect
            self.view.status.say(why or "Nothing to judge: select a cell or a line first.")
            return
        reason = self.view.reason
        title, open_before = target.title, self._open_entries()
        if not self._tried(lambda: self.model.judge(target.drafts, verdict, reason or target.why)):
            return
        if reason:
            self.model.reasons.add(reason)
            self.view.judge.set_reasons(self.model.reasons.offered())
            self.view.clear_reason()
        settled = open_before - self._open_entries() - 1
        self.view.status.say(judged_text(verdict, title, settled))
        if self.model.review is not None:
            self._advance()

    def _open_entries(self) -> int:
        """Return how many entries of the queue are not judged, 0 without a queue."""
        review = self.model.review
        return 0 if review is None else sum(not self.model.judged(item) for item in review.items)

    def _advance(self) -> None:
        if not self.model.advance() and self.model.review is not None:
            self.view.status.say(f"All {len(self.model.review.items)} have been judged.")

    def _tried(self, change: Any) -> bool:
        """Change marks; return whether they could be saved, else say why not."""
        try:
            change()
        except DynaclrError as error:
            self._complain_broken(str(error))
            return False
        self._broken = False
        return True

    def travel(self, do: Do) -> None:
        """Undo or redo, and go to the item concerned."""
        about: list[Mark] = []
        travel = self.model.undo if do is Do.UNDO else self.model.redo
        if not self._tried(lambda: about.extend(travel())):
            return
        self.view.status.say(f"{'Undone' if do is Do.UNDO else 'Redone'}." if about else "")
        review = self.model.review
        place = review.find(about[0].subject) if review is not None and about else None
        if review is not None and place is not None:
            review.go(place)

    def delete(self, marks: list[Mark]) -> None:
        """Delete marks of the list."""
        if marks and self._tried(lambda: self.model.delete(marks)):
            self.view.status.say(
                f"Deleted {len(marks)} mark{'' if len(marks) == 1 else 's'}; Undo brings them back."
            )

    def rename(self, name: str) -> None:
        """Change the annotator's name."""
        if name.strip() == self.model.author:
            return
        try:
            self.model.author = name
        except DynaclrError as error:
            self.view.status.complain(str(error), can_retry=False)
            self._on_author(self.model.author)
        else:
            keep_author_name(self.model.author)

    def _on_author(self, name: str) -> None:
        self.view.marks.name.setText(name)
        self._on_marks()

    def _on_marks(self) -> None:
        model, view = self.model, self.view
        view.set_marks(model.marks, model.authors, model.pending())
        shared = model.shared
        undo, redo = (None, None) if shared is None else (shared.to_undo, shared.to_redo)
        view.set_history(action_text(undo, "Undo"), action_text(redo, "Redo"))
        view.queue.set_verdicts([model.verdict_of(item) or "" for item in model.queue.items])
        view.audit.set_verdicts(
            [model.verdict_of(item, audit=True) or "" for item in model.audit.sample.items]
        )
        self._show_rate()
        self.target.show()
        self.session.marks_changed.emit()

    def _show_rate(self) -> None:
        state = self.model.audit.state()
        self.view.audit.set_rate(audit_text(state), state.rate.low, state.rate.rate, state.rate.high)

    def _on_queue(self) -> None:
        rows = [queue_row(item, self.model.verdict_of(item)) for item in self.model.queue.items]
        self.view.queue.set_rows(rows)

    def _on_audit(self) -> None:
        items = self.model.audit.sample.items
        self.view.audit.set_rows([queue_row(i, self.model.verdict_of(i, audit=True)) for i in items])
        self._show_rate()

    def _on_mode_requested(self, mode: Mode) -> None:
        self.model.mode = mode

    def _on_mode(self, mode: Mode) -> None:
        self.view.set_mode(mode)
        self.target.show()

    def _on_entry(self, place: int) -> None:
        review = self.model.review
        if review is not None:
            if place == review.position:
                self.target.jump()
            review.go(place)

    def _on_queue_position(self, place: int) -> None:
        self._on_position(Mode.QUEUE, place)

    def _on_audit_position(self, place: int) -> None:
        self._on_position(Mode.AUDIT, place)

    def _on_position(self, mode: Mode, place: int) -> None:
        self.view.page_of(mode).table.show_row(place)
        if mode is self.model.mode:
            self.target.show()
            self.target.jump()


def curation_dock(session: Session, jobs: Jobs) -> CurationView:
    """Return the curation view of a session, connected.

    Parameters
    ----------
    session
        What is open and selected.
    jobs
        Background work of the window.
    """
    view = CurationView()
    controller = CurationController(session, jobs, view, Curation(author_name()))
    view.destroyed.connect(controller.close)
    view.watched.connect(controller.refresh)
    view.controller = controller
    return view
