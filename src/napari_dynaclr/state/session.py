"""State of one viewer: project, selected cell, requested pair; evented."""

from __future__ import annotations

from dataclasses import dataclass

from psygnal import Signal

from napari_dynaclr.state.cells import CellName, anchor_number, found_again, identity_of
from napari_dynaclr.state.project import Cell, Project

__all__ = ("PairRequest", "Session")

_MOST_REMEMBERED = 200
_GONE = "No longer in the open data, and deselected: {}."


@dataclass(frozen=True, slots=True)
class PairRequest:
    """Which pair is looked at: a place in a training batch, or one anchor drawn by itself.

    Attributes
    ----------
    epoch, batch
        Address of the batch, counted over all ranks; for an anchor alone, `batch` counts its draws.
    place
        Place in the batch.
    anchor
        The cell if the pair is drawn for that anchor alone, else None.
    """

    epoch: int = 0
    batch: int = 0
    place: int = 0
    anchor: CellName | None = None

    def __str__(self) -> str:
        if self.anchor is not None:
            return f"the pair drawn for {self.anchor}"
        return f"pair {self.place} of batch {self.batch} of epoch {self.epoch}"

    def fits(self, project: Project) -> bool:
        """Whether a project has such a pair."""
        if self.anchor is not None:
            return anchor_number(project, self.anchor) is not None
        size = project.pipeline.config.sampling.batch_size
        return self.batch < project.inspector.batches_per_epoch and self.place < size


class Session:
    """State that all widgets of a viewer share.

    Rows and numbers are those of the project that is open: when another one is opened, cells and pairs are
    found again by name, or let go with a word.
    """

    project_changed = Signal(object)
    """Project | None."""
    cell_changed = Signal(object)
    """Cell | None."""
    cell_leaving = Signal(object)
    """The `Cell` that is selected, before another one is."""
    cell_wanted = Signal(object)
    """The `Cell` that is selected already: the user wants to see it again."""
    request_changed = Signal(object)
    """PairRequest."""
    marks_changed = Signal()
    """The marks on disk are others now."""
    let_go = Signal(str)
    """What was looked at and is not in the project that was opened, in words."""

    def __init__(self) -> None:
        self._project: Project | None = None
        self._cell: Cell | None = None
        self._request = PairRequest()
        self._back: list[Cell] = []
        self._forward: list[Cell] = []
        self._lost: list[str] | None = None  # collected while another project is taken in
        self.travelling = False
        """Whether the cell changes because the user goes back or forward."""

    @property
    def project(self) -> Project | None:
        """What is open."""
        return self._project

    @project.setter
    def project(self, project: Project | None) -> None:
        old, self._project = self._project, project
        self._lost = []
        if old is None or project is None:
            self._cell, self._back, self._forward = None, [], []
        elif not project.shares_data(old):
            self._carry_over(old, project)
        if project is not None and not self._request.fits(project):
            self.lose(str(self._request))
            self._request = PairRequest()
        self.project_changed.emit(project)
        self.cell_changed.emit(self._cell)
        self.request_changed.emit(self._request)
        lost, self._lost = self._lost, None
        if lost and project is not None:
            self.let_go.emit(_GONE.format("; ".join(lost)))

    def _carry_over(self, old: Project, new: Project) -> None:
        """Find the selected cell, and those that can be gone back to, in the other project."""
        cell, self._cell = self._cell, None
        if cell is not None:
            self._cell = found_again(old, new, cell)
            if self._cell is None:
                self.lose(f"the selected cell, {identity_of(old, cell)}")
        self._back, self._forward = (
            [found for left in cells if (found := found_again(old, new, left)) is not None]
            for cells in (self._back, self._forward)
        )

    def lose(self, what: str) -> None:
        """Say that something is let go because the project that is open, or being opened, lacks it."""
        if self._lost is None:
            self.let_go.emit(_GONE.format(what))
        else:
            self._lost.append(what)

    @property
    def cell(self) -> Cell | None:
        """The selected observation."""
        return self._cell

    def select(self, cell: Cell | None) -> None:
        """Select an observation; the one before can be gone back to."""
        if cell == self._cell:
            return
        if self._cell is not None:
            self.cell_leaving.emit(self._cell)
            self._back = [*self._back, self._cell][-_MOST_REMEMBERED:]
            self._forward = []
        self._cell = cell
        self.cell_changed.emit(cell)

    def visit(self, cell: Cell) -> None:
        """Select an observation because the user wants to see it, also if it is selected already."""
        if cell == self._cell:
            self.cell_wanted.emit(cell)
        else:
            self.select(cell)

    @property
    def can_go(self) -> tuple[bool, bool]:
        """Whether there is a cell to go back to, and one to go forward to."""
        return bool(self._back), bool(self._forward)

    def back(self) -> None:
        """Select the cell before."""
        self._travel(self._back, self._forward)

    def forward(self) -> None:
        """Select again the cell that was left with `back`."""
        self._travel(self._forward, self._back)

    def _travel(self, source: list[Cell], target: list[Cell]) -> None:
        if not source:
            return
        if self._cell is not None:
            self.cell_leaving.emit(self._cell)
            target.append(self._cell)
        self._cell, self.travelling = source.pop(), True
        try:
            self.cell_changed.emit(self._cell)
        finally:
            self.travelling = False

    @property
    def request(self) -> PairRequest:
        """The pair that is looked at."""
        return self._request

    def ask(self, request: PairRequest) -> None:
        """Look at another pair."""
        if request != self._request:
            self._request = request
            self.request_changed.emit(request)
