"""Finds the nearest neighbors of the selected cell and reads their patches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from dynaclr.base import keys
from dynaclr.embedding import Nearest, NeighborSearch, Space
from napari_dynaclr.presentation.batch_tiles import channel_colours
from napari_dynaclr.presentation.thumbnails import composite, contrast, middle_slice
from napari_dynaclr.state.atlas import Atlas
from napari_dynaclr.state.embedding import EmbeddingModel
from napari_dynaclr.state.patches_of import embedded_patches
from napari_dynaclr.state.project import Cell, Project
from napari_dynaclr.state.session import Session
from napari_dynaclr.views.contact_sheet import Tile
from napari_dynaclr.views.neighbour_panel import NeighbourPanel
from napari_dynaclr.workers import Jobs, Tell

__all__ = ("SEARCHING", "NeighbourController")

SEARCHING, READING = "nearest neighbors", "pictures of neighbors"
_AT_ONCE = 32
_NO_CELL = "Select a cell: click a point above, or a cell in the image."
_LOOKED_FOR = "Finding the embedded cells in the open data ..."
_NOT_EMBEDDED = "The selected cell is not in this embedding: predict again, or select another one."


class NeighbourController:
    """Connects session, embedding and the panel of neighbors.

    Parameters
    ----------
    session
        Whose cell's neighbors are shown.
    jobs
        Where they are searched and read.
    model
        The embedding.
    panel
        Where they are shown.
    """

    found = Signal(object)
    """Numbers of the neighbors in the embedding."""

    def __init__(self, session: Session, jobs: Jobs, model: EmbeddingModel, panel: NeighbourPanel) -> None:
        self.session, self.jobs, self.model, self.panel = session, jobs, model, panel
        self.rows: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._search: tuple[Atlas, Space, NeighborSearch] | None = None
        self._of: Atlas | None = None  # the embedding that `rows` are numbers in
        self._shown: tuple[object, ...] | None = None
        self._limits: npt.NDArray[np.float64] | None = None
        session.cell_changed.connect(self._on_cell)
        model.atlas_changed.connect(self._on_atlas)
        model.look_changed.connect(self.look)
        panel.count_chosen.connect(lambda count: model.choose(neighbours=count))
        panel.others_toggled.connect(lambda others: model.choose(other_lineages=others))
        panel.place_clicked.connect(self._go)
        panel.sheet.pictures_wanted.connect(self._on_wanted)
        self.look()

    def close(self) -> None:
        """Disconnect from session and model, and cancel searches."""
        self.session.cell_changed.disconnect(self._on_cell)
        self.model.atlas_changed.disconnect(self._on_atlas)
        self.model.look_changed.disconnect(self.look)
        self.jobs.leave(SEARCHING, READING)

    def _on_cell(self, cell: Cell | None) -> None:
        self.look()

    def _on_atlas(self) -> None:
        self._shown, self._limits = None, None
        if self._of is None or self.model.atlas is None or self._of.table is not self.model.atlas.table:
            self.rows = np.empty(0, dtype=np.int64)  # numbers in another embedding
        self.look()

    def look(self) -> None:
        """Search the neighbors of the selected cell, unless they are already shown."""
        atlas, cell, look = self.model.atlas, self.session.cell, self.model.look
        self.panel.set_options(look.neighbours, look.other_lineages)
        wanted = (atlas, cell, look.space, look.neighbours, look.other_lineages)
        if self._shown == wanted:
            return
        number = None if atlas is None else atlas.number(cell)
        if atlas is None or number is None:
            self._shown, self.rows = None, np.empty(0, dtype=np.int64)
            self.jobs.cancel(SEARCHING)
            self.found.emit(self.rows)
            none = _NO_CELL if cell is None or atlas is None else _NOT_EMBEDDED
            self.panel.set_nothing(none if atlas is None or atlas.parts else _LOOKED_FOR)
            return
        self._shown = wanted
        known = self._search

        def work(tell: Tell) -> tuple[NeighborSearch, Nearest]:
            if known is not None and known[0].table is atlas.table and known[1] is look.space:
                search = known[2]
            else:
                search = NeighborSearch(atlas.table.vectors(look.space))
            tell("searching", 0, 1)
            excluded = atlas.row < 0
            if look.other_lineages:
                excluded |= atlas.lineage == atlas.lineage[number]
            return search, search.nearest(number, look.neighbours, excluded)

        def done(found: tuple[NeighborSearch, Nearest]) -> None:
            if self._shown is wanted:
                self._search = (atlas, look.space, found[0])
                self._show(atlas, number, found[1])

        self.jobs.start(SEARCHING, work, done, self.panel.set_nothing, quiet=True)

    def _show(self, atlas: Atlas, number: int, found: Nearest) -> None:
        self._of, self.rows = atlas, np.r_[number, found.rows]
        self.panel.set_neighbours(*_tiles(atlas, self.rows, found.similarity))
        self.found.emit(found.rows)

    def nearest(self) -> None:
        """Go to the nearest neighbor."""
        if self.rows.size > 1:
            self._go(1)

    def _go(self, place: int) -> None:
        atlas = self.model.atlas
        cell = None if atlas is None or place >= self.rows.size else atlas.cell(int(self.rows[place]))
        if cell is not None:
            self.session.select(cell)

    def _on_wanted(self, places: Sequence[int]) -> None:
        """Read the pictures of some places; what is still missing is asked for again."""
        project, atlas, rows = self.session.project, self.model.atlas, self.rows
        if project is None or atlas is None or self.jobs.running(READING):
            return
        chosen, known = list(places)[:_AT_ONCE], self._limits
        cells = [atlas.cell(int(rows[place])) for place in chosen]

        def work(tell: Tell) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8]]:
            return _pictures(project, cells, known)

        def done(result: tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8]]) -> None:
            if self.rows is rows:
                self._limits = result[0]
                self.panel.sheet.set_pictures(chosen, result[1], result[1])
            else:
                self.panel.sheet.ask()

        self.jobs.start(READING, work, done, self.panel.sheet.set_message)


def _pictures(
    project: Project, cells: Sequence[Cell | None], limits: npt.NDArray[np.float64] | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8]]:
    """Return the contrast, the same for all pictures, and pictures (n, Y, X, 3) of cells."""
    pixels = middle_slice(embedded_patches(project, cells))
    known = contrast(pixels) if limits is None else limits
    colors = [channel.rgb for channel in channel_colours(project.inspector)]
    return known, composite(pixels, known, colors)


def _tiles(
    atlas: Atlas, rows: npt.NDArray[np.int64], similarity: npt.NDArray[np.float64]
) -> tuple[list[Tile], str]:
    """Return what is said of a cell and its neighbors, and what they have in common."""
    seen = atlas.table.observations.iloc[rows]
    condition = seen[keys.CONDITION].astype(str).to_numpy()
    names = sorted(set(atlas.table.observations[keys.CONDITION].astype(str)))
    experiment, fov = seen[keys.EXPERIMENT].to_numpy(), seen[keys.FOV_NAME].to_numpy()
    track, t, hours = (seen[name].to_numpy() for name in (keys.TRACK_ID, keys.T, keys.HOURS))
    tiles = []
    for place in range(rows.size):
        near = "the selected cell" if not place else f"cosine {similarity[place - 1]:.4f}"
        about = (
            f"{near}\n{experiment[place]} {fov[place]}, {condition[place]}\n"
            f"track {track[place]}, frame {t[place]}, {hours[place]:.3g} h"
        )
        caption = "this cell" if not place else f"{similarity[place - 1]:.3f}"
        tiles.append(Tile(caption, about, not place, names.index(condition[place])))
    others = rows.size - 1
    if not others:
        return tiles, "No other cell is left to compare with."
    same = [int(np.count_nonzero(values[1:] == values[0])) for values in (condition, experiment, fov)]
    apart = float(np.median(np.abs(hours[1:] - hours[0])))
    text = (
        f"Of {others} neighbors, {same[0]} share its condition ({condition[0]}), {same[1]} its experiment, "
        f"{same[2]} its FOV; half are within {apart:.3g} h."
    )
    return tiles, text
