"""Names of cells that outlive an index, and the search for cells and FOVs by name."""

from __future__ import annotations

from typing import NamedTuple

from dynaclr.base.numbering import AnchorNumber
from napari_dynaclr.state.project import TRAINING, Cell, Project

__all__ = (
    "CellName",
    "anchor_number",
    "cell_of_track",
    "find_cell",
    "find_fov",
    "found_again",
    "identity_of",
)


class CellName(NamedTuple):
    """Identity of an observation: it outlives the index that it was found in."""

    experiment: str
    fov_name: str
    track_id: int
    t: int

    def __str__(self) -> str:
        return f"track {self.track_id} at frame {self.t} of {self.experiment} {self.fov_name}"


def identity_of(project: Project, cell: Cell) -> CellName:
    """Return the name of a cell of a project."""
    index = project.index(cell.part)
    table = index.table
    track = int(table.track[cell.row])
    entry = index.fovs[int(table.track_fov[track])]
    name = index.registry.names[entry.experiment]
    return CellName(name, entry.layout.name, int(table.track_id[track]), int(table.t[cell.row]))


def found_again(old: Project, new: Project, cell: Cell) -> Cell | None:
    """Return a cell of one project in another; None if that does not have it."""
    return cell if new.shares_data(old) else find_cell(new, *identity_of(old, cell))


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
    """Return the cell of a name, in whichever part it is; None if there is none."""
    place = find_fov(project, experiment, fov_name)
    return None if place is None else cell_of_track(project, *place, track_id, t)


def anchor_number(project: Project, name: CellName) -> AnchorNumber | None:
    """Return the number of a cell among the anchors of the training; None if it is none of them."""
    cell = find_cell(project, *name)
    if cell is None or cell.part != TRAINING:
        return None
    return project.inspector.anchor_number(cell.row)


def find_fov(project: Project, experiment: str, fov_name: str) -> tuple[str, int] | None:
    """Return part and code of a field of view; None if the project has none of that name."""
    codes = {part: index.fov_code(experiment, fov_name) for part, index in project.parts.items()}
    return next(((part, code) for part, code in codes.items() if code >= 0), None)
