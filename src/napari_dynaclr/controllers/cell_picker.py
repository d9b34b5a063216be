"""Selects a cell by a click or a key in the image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Points
from psygnal import Signal

from napari_dynaclr.controllers.own_layers import OwnLayers
from napari_dynaclr.keys.layer_keys import bind_steps
from napari_dynaclr.keys.steps import Step, neighbours
from napari_dynaclr.presentation.layers import frame_rows
from napari_dynaclr.presentation.lineage_layout import family_layout
from napari_dynaclr.state.project import Cell
from napari_dynaclr.state.session import Session

__all__ = ("CellPicker",)

_CLICK_PX = 3.0  # a press and release within this distance is a click, not a drag
_NEAR_PX = 20.0  # how far from a cell's center a click may be, screen pixels


class CellPicker:
    """Selects the clicked cell, or a neighbor of the selected one in its lineage.

    Parameters
    ----------
    session
        Where cells are selected.
    layers
        The plugin's layers.
    seen
        Returns part, code of the field of view and frame that the viewer shows, None if it shows none.
    """

    picked = Signal(object)
    """The `Cell` that was clicked, after it is selected."""

    def __init__(
        self, session: Session, layers: OwnLayers, seen: Callable[[], tuple[str, int, int] | None]
    ) -> None:
        self.session, self.layers, self._seen = session, layers, seen
        self.picking = False
        """Whether a cell is being selected by a click: it is in sight already."""

    def listen(self, layer: Any) -> None:
        """Select cells by a click whichever layer of ours is chosen; the cells have the keys of steps too."""
        layer.mouse_drag_callbacks.append(self._on_press)
        if isinstance(layer, Points):
            bind_steps(layer, self.step)

    def step(self, step: Step) -> None:
        """Select a neighbor of the selected cell, if there is one."""
        cell, project = self.session.cell, self.session.project
        if cell is None or project is None:
            return
        row = neighbours(family_layout(project.index(cell.part), cell.row), cell.row)[step]
        if row is not None:
            self.session.select(Cell(cell.part, row))

    def _on_press(self, layer: Any, event: Any) -> Iterator[None]:
        """Select the cell that is clicked; a drag moves the image as ever."""
        start = np.asarray(event.pos)
        yield
        while event.type == "mouse_move":
            yield
        if np.linalg.norm(np.asarray(event.pos) - start) <= _CLICK_PX:
            cells = self.layers.find("cells")
            if cells is not None:
                self.pick(cells.world_to_data(event.position))

    def pick(self, where: npt.ArrayLike) -> None:
        """Select the cell nearest to a place (t, z, y, x) in pixels of level 0, if one is near."""
        project, layer, seen = self.session.project, self.layers.find("cells"), self._seen()
        if project is None or layer is None or seen is None or not len(layer.data):
            return
        part, fov, frame = seen
        index = project.index(part)
        rows = frame_rows(index, fov, frame)
        if not rows.size:
            return
        zoom = float(self.layers.viewer.scene.camera.zoom) * float(layer.scale[-1])
        y, x = np.asarray(where)[-2:]
        distance = np.hypot(index.table.y[rows] - y, index.table.x[rows] - x)
        nearest = int(distance.argmin())
        if distance[nearest] * zoom <= max(_NEAR_PX, float(np.max(layer.size)) * zoom):
            cell = Cell(part, int(rows[nearest]))
            self.picking = True
            self.session.select(cell)
            self.picking = False
            self.picked.emit(cell)
