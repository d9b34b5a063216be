"""An embedding and which cell of the open project each of its rows is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import DataError, listing, problem
from dynaclr.embedding import EmbeddingTable, read_embeddings, rows_in
from napari_dynaclr.state.project import Cell, Project

if TYPE_CHECKING:
    from dynaclr.index import MultiExperimentIndex

__all__ = ("Atlas", "open_atlas", "placed", "same_cells", "unplaced")

IntArray = npt.NDArray[np.int64]
_NEEDED = (
    *(keys.EXPERIMENT, keys.FOV_NAME, keys.TRACK_ID, keys.T, keys.Y, keys.X),
    *(keys.CONDITION, keys.HOURS, keys.LINEAGE_ID, keys.GLOBAL_TRACK_ID),
)


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """An embedding; N cells.

    Attributes
    ----------
    path
        Its file.
    table
        What was read.
    fov, lineage, track
        (N,) codes: of experiment and FOV, of the lineage, of the track.
    fov_names
        Experiment and FOV of each code.
    t
        (N,) frames.
    parts
        Indices, by part, of the project that the cells are found in; none while they are looked for.
    part, row
        (N,) place in `parts` and row of its table; -1 for a cell that the project does not have.
    """

    path: Path
    table: EmbeddingTable
    fov: IntArray
    lineage: IntArray
    track: IntArray
    fov_names: tuple[tuple[str, str], ...]
    t: IntArray
    parts: dict[str, MultiExperimentIndex]
    part: IntArray
    row: IntArray

    def __len__(self) -> int:
        return int(self.t.size)

    @property
    def missing(self) -> int:
        """Number of embedded cells that the project lacks."""
        return int(np.count_nonzero(self.row < 0))

    def cell(self, number: int) -> Cell | None:
        """Return the cell of a row of the embedding; None if the project does not have it."""
        if self.row[number] < 0:
            return None
        return Cell(list(self.parts)[int(self.part[number])], int(self.row[number]))

    def fits(self, project: Project) -> bool:
        """Whether the cells are found in just the data of a project: else their rows are those of another."""
        return self.parts.keys() == project.parts.keys() and all(
            index is project.index(part) for part, index in self.parts.items()
        )

    def number(self, cell: Cell | None) -> int | None:
        """Return the row of a cell in the embedding; None if it is not embedded."""
        if cell is None or cell.part not in self.parts:
            return None
        found = np.flatnonzero((self.row == cell.row) & (self.part == list(self.parts).index(cell.part)))
        return int(found[0]) if found.size else None

    def in_fov(self, experiment: str, fov_name: str) -> IntArray:
        """Return the cells of a field of view that the project has."""
        if (experiment, fov_name) not in self.fov_names:
            return np.empty(0, dtype=np.int64)
        code = self.fov_names.index((experiment, fov_name))
        return np.flatnonzero((self.fov == code) & (self.row >= 0))

    def path_of(self, number: int) -> tuple[IntArray, list[IntArray]]:
        """Return the cells of a cell's track in time, and those of each other track of its lineage."""
        family = np.flatnonzero(self.lineage == self.lineage[number])
        family = family[np.lexsort((self.t[family], self.track[family]))]
        pieces = np.split(family, np.flatnonzero(np.diff(self.track[family])) + 1)
        own = self.track[number]
        (mine,) = [piece for piece in pieces if self.track[piece[0]] == own]
        return mine, [piece for piece in pieces if piece is not mine]


def open_atlas(path: Path, project: Project) -> Atlas:
    """Read an embedding and find its cells in a project.

    Raises
    ------
    DataError
        If the file is none, holds no cells, or lacks columns that `predict` writes.
    """
    table = read_embeddings(path)
    seen = table.observations
    lacking = [name for name in _NEEDED if name not in seen]
    if lacking or not len(seen):
        found = f"no {listing(lacking)}" if lacking else "no rows"
        fix = "Embed the cells again with predict."
        what = "the embedding does not say which cells it belongs to"
        raise DataError(problem(what, file=path, found=found, fix=fix))
    fov = seen.groupby([keys.EXPERIMENT, keys.FOV_NAME], sort=True, observed=True)
    names = fov[[keys.EXPERIMENT, keys.FOV_NAME]].first()
    nowhere = np.full(len(seen), -1, dtype=np.int64)
    atlas = Atlas(
        path=path,
        table=table,
        fov=np.asarray(fov.ngroup(), dtype=np.int64),
        lineage=_codes(seen[keys.LINEAGE_ID]),
        track=_codes(seen[keys.GLOBAL_TRACK_ID]),
        fov_names=tuple(zip(names[keys.EXPERIMENT], names[keys.FOV_NAME], strict=True)),
        t=seen[keys.T].to_numpy(dtype=np.int64),
        parts={},
        part=nowhere,
        row=nowhere,
    )
    return placed(atlas, project)


def placed(atlas: Atlas, project: Project) -> Atlas:
    """Return an embedding with its cells found in a project."""
    part, row = np.full(len(atlas), -1, dtype=np.int64), np.full(len(atlas), -1, dtype=np.int64)
    for place, index in enumerate(project.parts.values()):
        found = rows_in(index, atlas.table.observations)
        part[found >= 0], row[found >= 0] = place, found[found >= 0]
    return replace(atlas, parts=project.parts, part=part, row=row)


def unplaced(atlas: Atlas) -> Atlas:
    """Return an embedding whose cells are in no project: those of another are still to be found."""
    nowhere = np.full(len(atlas), -1, dtype=np.int64)
    return replace(atlas, parts={}, part=nowhere, row=nowhere)


def same_cells(old: Atlas, numbers: IntArray, new: Atlas) -> IntArray:
    """Return the numbers that cells of one embedding have in another; those that it lacks are left out."""
    names = [keys.EXPERIMENT, keys.FOV_NAME, keys.TRACK_ID, keys.T]
    wanted = old.table.observations.iloc[numbers][names].merge(
        new.table.observations[names].assign(number=np.arange(len(new))), on=names
    )
    return np.sort(wanted["number"].to_numpy(dtype=np.int64))


def _codes(column: Any) -> IntArray:
    codes: IntArray = column.factorize()[0].astype(np.int64)
    return codes
