"""What a cell is whichever index it is found in: its name; and cells and FOVs of a project found by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

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
    tracks = ((table.track_fov == fov) & (table.track_id == track_id)).nonzero()[0]
    if not tracks.size:
        return None
    if t is None:
        return Cell(part, int((table.track == tracks[0]).argmax()))
    key = (int(table.fov_first_frame[fov]) + t) * table.n_tracks + int(tracks[0])
    row = int(table.frame_key.searchsorted(key))
    return Cell(part, row) if row < len(table) and int(table.frame_key[row]) == key else None


def find_cell(project: Project, experiment: str, fov_name: str, track_id: int, t: int) -> Cell | None:
    """Return the cell of a name, in whichever part it is; None if there is none."""
    for part, fov in _fovs(project, experiment, fov_name):
        cell = cell_of_track(project, part, fov, track_id, t)
        if cell is not None:
            return cell
    return None


def anchor_number(project: Project, name: CellName) -> int | None:
    """Return the number of a cell among the anchors of the training; None if it is none of them."""
    cell = find_cell(project, *name)
    if cell is None or cell.part != TRAINING:
        return None
    return project.inspector.anchor_number(cell.row)


def find_fov(project: Project, experiment: str, fov_name: str) -> tuple[str, int] | None:
    """Return part and code of a field of view; None if the project has none of that name."""
    return next(_fovs(project, experiment, fov_name), None)


def _fovs(project: Project, experiment: str, fov_name: str) -> Iterator[tuple[str, int]]:
    """Yield part and code of the fields of view of that name."""
    for part, index in project.parts.items():
        if experiment not in index.registry.names:
            continue
        code = index.registry.names.index(experiment)
        for fov, entry in enumerate(index.fovs):
            if (entry.experiment, entry.layout.name) == (code, fov_name):
                yield part, fov
