"""What a verdict applies to: the selected cell, an entry of a queue or a listed mark."""

from __future__ import annotations

from dynaclr.curation import Mark, MarkKind
from napari_dynaclr.keys.curation import KIND_OF
from napari_dynaclr.presentation.curation_text import opinions_text, part_text, title_text
from napari_dynaclr.state.cells import identity_of
from napari_dynaclr.state.curation import Curation, Mode
from napari_dynaclr.state.project import Cell, Project
from napari_dynaclr.state.session import Session
from napari_dynaclr.state.targets import Item, Target, cell_target, draft_cell, mark_target
from napari_dynaclr.views.curation import CurationView

__all__ = ("CurationTarget",)


class CurationTarget:
    """Follows the item to be judged, shows it, and selects its cell.

    Parameters
    ----------
    session
        What is open and selected.
    view
        Where it is shown.
    model
        The curation, whose mode says what a verdict is about.
    """

    def __init__(self, session: Session, view: CurationView, model: Curation) -> None:
        self.session, self.view, self.model = session, view, model
        self.kind = MarkKind.TRACK
        """Which part of the selected cell a verdict is about."""
        self.current: Target | None = None
        """What was shown last."""
        self._chosen: Mark | None = None
        session.cell_changed.connect(self._on_cell)
        view.marks.mark_chosen.connect(self._on_mark)
        view.set_kind(self.kind)

    def close(self) -> None:
        """Disconnect from what outlives the view."""
        self.session.cell_changed.disconnect(self._on_cell)

    def set_kind(self, kind: MarkKind) -> None:
        """Choose which part of the selected cell is judged."""
        self.kind = kind
        self.view.set_kind(kind)
        self.model.mode = Mode.CELL
        self.show()

    def _on_mark(self, mark: Mark) -> None:
        self._chosen = mark
        self.show()
        self.jump()

    def _on_cell(self, _: Cell | None) -> None:
        if self.model.mode is Mode.CELL:
            self.show()

    def jump(self) -> None:
        """Select the cell that is judged."""
        project, target = self.session.project, self.current
        if project is None or target is None or not target.drafts or self.model.mode is Mode.CELL:
            return
        cell = draft_cell(project, target.drafts[0])
        if cell is None:
            self.view.status.say("This item is not in the open data.")
        else:
            self.session.visit(cell)

    def show(self) -> None:
        """Show what a verdict applies to, and everybody's verdicts on it."""
        target = self.current = self._found()
        if target is None:
            self.view.set_target("")
            return
        first = target.drafts[0] if target.drafts else None
        opinions = "" if first is None else opinions_text(self.model.opinions(first), self.model.author)
        ready = first is not None and self.model.shared is not None
        title = title_text(target.title, first)
        self.view.set_target(title, target.why, target.effect, opinions, can_judge=ready)

    def _found(self) -> Target | None:
        """Return what a verdict is about in the current mode."""
        project, cell, review = self.session.project, self.session.cell, self.model.review
        if project is None:
            return None
        if self.model.mode is Mode.CELL:
            self._show_cell(project, cell)
            return None if cell is None else cell_target(project, cell, self.kind)
        if review is not None:
            return None if review.current is None else mark_target(project, review.current)
        mark = self._chosen
        return None if mark is None else mark_target(project, Item(float("nan"), mark.reason, (mark,)))

    def _show_cell(self, project: Project, cell: Cell | None) -> None:
        """Show the selected cell, and what is marked of it and around it."""
        if cell is None:
            self.view.cell.set_cell("", {})
            return
        experiment, fov, track, t = identity_of(project, cell)
        table, about = project.index(cell.part).table, {}
        for do, kind in KIND_OF.items():
            part = cell_target(project, cell, kind)
            about[do] = part_text(part, self.model.own(part.drafts[0]) if part.drafts else None)
        place = f"y {table.y[cell.row]:.1f}, x {table.x[cell.row]:.1f}"
        self.view.cell.set_cell(f"{experiment}/{fov}, track {track}, frame {t}, {place}", about)
