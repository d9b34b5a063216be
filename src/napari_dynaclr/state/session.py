"""What one viewer works on: project, selected cell, requested pair; evented, knows no Qt and no napari."""

from __future__ import annotations

from dataclasses import dataclass

from psygnal import Signal

from napari_dynaclr.state.project import Cell, Project

__all__ = ("PairRequest", "Session", "cell_of_track", "find_cell", "find_fov", "identity_of")

_MOST_REMEMBERED = 200


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
        Number among the anchors if the pair is drawn for that anchor alone, else None.
    """

    epoch: int = 0
    batch: int = 0
    place: int = 0
    anchor: int | None = None


class Session:
    """State that all widgets of a viewer share."""

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

    def __init__(self) -> None:
        self._project: Project | None = None
        self._cell: Cell | None = None
        self._request = PairRequest()
        self._back: list[Cell] = []
        self._forward: list[Cell] = []
        self.travelling = False
        """Whether the cell changes because the user goes back or forward."""

    @property
    def project(self) -> Project | None:
        """What is open."""
        return self._project

    @project.setter
    def project(self, project: Project | None) -> None:
        old, self._project = self._project, project
        self._back, self._forward = [], []
        self._cell = None if old is None or project is None else self._found_again(old, project)
        self.project_changed.emit(project)
        self.cell_changed.emit(self._cell)
        if project is not None and not self._fits(project, self._request):
            self._request = PairRequest()
        self.request_changed.emit(self._request)

    def _found_again(self, old: Project, new: Project) -> Cell | None:
        """Return the selected cell in another project: the same experiment, FOV, track and frame."""
        if self._cell is None:
            return None
        identity = identity_of(old, self._cell)
        return find_cell(new, *identity)

    @staticmethod
    def _fits(project: Project, request: PairRequest) -> bool:
        size = project.pipeline.config.sampling.batch_size
        in_epoch = request.batch < project.inspector.batches_per_epoch and request.place < size
        return in_epoch if request.anchor is None else request.anchor < len(project.inspector.dataset)

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


def identity_of(project: Project, cell: Cell) -> tuple[str, str, int, int]:
    """Return (experiment, FOV name, track id, frame) of a cell."""
    index = project.index(cell.part)
    table = index.table
    track = int(table.track[cell.row])
    entry = index.fovs[int(table.track_fov[track])]
    name = index.registry.names[entry.experiment]
    return name, entry.layout.name, int(table.track_id[track]), int(table.t[cell.row])


def cell_of_track(project: Project, part: str, fov: int, track_id: int, t: int | None = None) -> Cell | None:
    """Return an observation of a track of an FOV: that of a frame, or its first; None if there is none."""
    table = project.index(part).table
    if t is not None:
        row = int(table.find(fov, track_id, t))
    else:
        track = int(table.tracks(fov, track_id, 0))
        row = -1 if track < 0 else int(table.first_rows[track])
    return None if row < 0 else Cell(part, row)


def find_cell(project: Project, experiment: str, fov_name: str, track_id: int, t: int) -> Cell | None:
    """Return the cell of an identity, in whichever part it is; None if there is none."""
    place = find_fov(project, experiment, fov_name)
    return None if place is None else cell_of_track(project, *place, track_id, t)


def find_fov(project: Project, experiment: str, fov_name: str) -> tuple[str, int] | None:
    """Return part and code of a field of view; None if the project has none of that name."""
    codes = {part: index.fov_code(experiment, fov_name) for part, index in project.parts.items()}
    return next(((part, code) for part, code in codes.items() if code >= 0), None)
