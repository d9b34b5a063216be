"""Shows cells and pairs in their image; owns a few layers of the viewer and touches no others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from psygnal import Signal

from dynaclr.index import MultiExperimentIndex
from napari_dynaclr.controllers.box_lines import BoxLines
from napari_dynaclr.controllers.cell_picker import CellPicker
from napari_dynaclr.controllers.own_layers import OwnLayers
from napari_dynaclr.controllers.sight import Look, Sight
from napari_dynaclr.controllers.step_queue import StepQueue
from napari_dynaclr.presentation import layers as shapes
from napari_dynaclr.presentation.lineage_layout import family_rows
from napari_dynaclr.state.cells import find_fov, identity_of
from napari_dynaclr.state.project import Cell, Project
from napari_dynaclr.state.session import Session

__all__ = ("ImageContext",)

_MOST_CHANNELS = 16
_FOV, _CELL = "field of view", "cell"  # what a step shows: a newer one of its kind replaces it


class ImageContext:
    """Layers of one field of view: channels, tracks, cells, lineage and pair.

    Parameters
    ----------
    viewer
        napari's viewer.
    session
        Whose cell and pair are shown.
    later
        Runs a function when the window has nothing else to do, so that no step blocks it for long; None
        runs all at once.
    """

    fov_changed = Signal(object)
    """(part, FOV code) that is shown, or None."""
    frame_changed = Signal(int)

    def __init__(
        self, viewer: Any, session: Session, later: Callable[[Callable[[], None]], None] | None = None
    ) -> None:
        self.session = session
        self.layers = OwnLayers(viewer, lambda layer: self.picker.listen(layer))
        self.picker = CellPicker(session, self.layers, self._in_sight)
        self.sight = Sight(self.layers)
        self._lines = BoxLines(self.layers)
        self._looks: dict[Cell, tuple[tuple[str, int], Look]] = {}  # what was seen when a cell was left
        self._steps = StepQueue(later, lambda: self.layers.is_open)
        self.shown: tuple[str, int] | None = None
        self.colour_by = shapes.COLOUR_BY[0]
        self.follow = True
        self._place: tuple[str, str] | None = None  # experiment and FOV name of what is shown
        self._size: tuple[float, float] | None = None  # of the image that is shown, in units of the world
        self._depth: int | None = None  # slices of the image that is shown
        self._seen: tuple[int, float] | None = None  # frame and slice that were seen last
        self._chosen: tuple[str, str, int, int] | None = None  # identity of the cell that was gone to
        self._pair: tuple[str, int, int | None] | None = None
        session.cell_changed.connect(self._on_cell)
        session.cell_leaving.connect(self._on_leaving)
        session.cell_wanted.connect(self._on_wanted)
        session.project_changed.connect(self._on_project)
        viewer.dims.events.current_step.connect(self._on_dims)

    @property
    def index(self) -> MultiExperimentIndex | None:
        """The index of the part that is shown."""
        project = self.session.project
        return None if project is None or self.shown is None else project.index(self.shown[0])

    def _on_project(self, project: Project | None) -> None:
        """Stay at the field of view if this project has it too; else hide what showed another one."""
        same = None if project is None or self._place is None else find_fov(project, *self._place)
        self._steps.clear()
        self._looks.clear()
        self._pair = None
        self.layers.hide("pair")
        if same is not None:
            self.show_fov(*same)
            return
        if self._place is not None:
            self.session.lose(f"the field of view on show, {' '.join(self._place)}")
        for role in self.layers.roles():
            self.layers.hide(role)
        self.shown = self._place = self._seen = self._chosen = None
        self.fov_changed.emit(None)

    def show_fov(self, part: str, fov: int, row: int | None = None, look: Look | None = None) -> None:
        """Show a field of view: its channels, tracks and cells, and go to a row, or look as before.

        Layers that are up to date stay as they are; one that was deleted is made again.
        """
        project = self.session.project
        if project is None:
            return
        index = project.index(part)
        entry = index.fovs[fov]
        name = index.registry.names[entry.experiment]
        moved, new = self._place != (name, entry.layout.name), self.shown is None
        self.shown, self._place, self._seen = (part, fov), (name, entry.layout.name), None
        self._steps.clear()
        self._steps.do(lambda: self.layers.place(*shapes.geometry(index, fov)), _FOV)
        channels = len(index.registry.channel_maps[name])
        if moved:
            self.layers.left |= {"family", "selected", "pair", "embedding"}
        for role in sorted(self.layers.left):
            self._steps.do(partial(self.layers.hide_left, role), _FOV)
        for role in [f"image {number}" for number in range(channels, _MOST_CHANNELS)]:
            self.layers.hide(role)
        if not all(self.layers.is_fresh(f"image {number}", index, fov) for number in range(channels)):
            for data in shapes.image_layers(index, fov):
                self._steps.do(partial(self._show_image, index, fov, data), _FOV)
        self._steps.do(partial(self._measure, new or row is None), _FOV)
        self._steps.do(
            lambda: self.layers.show("tracks", partial(shapes.track_layer, index, fov), index, fov), _FOV
        )
        if row is not None:
            self._steps.do(lambda: self._go_to(index, row, look), _FOV)
        self._steps.do(self._on_dims, _FOV)
        self._steps.do(self._show_cells, _FOV)
        self._steps.do(self._show_selected, _FOV)
        self._steps.do(self._show_pair, _FOV)
        self.fov_changed.emit(self.shown)

    def _show_image(self, index: MultiExperimentIndex, fov: int, data: shapes.LayerData) -> None:
        self.layers.show(data[1]["metadata"][shapes.OWNER], lambda: data, index, fov)

    def _measure(self, fit: bool) -> None:
        """Show the middle slice, and if wanted the whole image, where the one before had another size."""
        image, before = self.layers.find("image 0"), self._size
        if image is None:
            return
        shape = image.data[0].shape if image.multiscale else image.data.shape
        if self._depth is not None and shape[1] != self._depth:
            self.sight.go_to_slice((shape[1] - 1) / 2)
        self._depth = shape[1]
        self._size = float(shape[-2] * image.scale[-2]), float(shape[-1] * image.scale[-1])
        if fit and before is not None and not np.allclose(before, self._size):
            self.layers.viewer.fit_to_view(layers=[image])

    def _on_dims(self, event: Any = None) -> None:
        """Follow the sliders: napari shows the cells of the frame, we put them into the slice."""
        now, seen = self._now, self._seen
        if self.layers.at_work or now is None or now == seen:
            return
        self._seen = now
        if seen is not None and seen[1] != now[1]:
            self._show_cells()
            self._show_selected()
            self._show_pair()
        if seen is None or seen[0] != now[0]:
            self.frame_changed.emit(now[0])

    @property
    def frame(self) -> int | None:
        """The frame that the viewer shows, None if no field of view is shown."""
        return None if self._now is None else self._now[0]

    def _in_sight(self) -> tuple[str, int, int] | None:
        """Return part, code of the field of view and frame that are seen."""
        return None if self.shown is None or self.frame is None else (*self.shown, self.frame)

    @property
    def _now(self) -> tuple[int, float] | None:
        return None if self.shown is None else self.sight.now

    def _show_cells(self) -> None:
        """Show the cells in the slice that is seen, unless just these are shown."""
        index, now = self.index, self._now
        if index is None or self.shown is None or now is None:
            return
        made_from = index, self.shown[1], self.colour_by, now[1]
        there = len(shapes.frame_rows(index, self.shown[1])) > 0  # napari takes no points without any
        self.layers.show("cells", lambda: shapes.cell_layer(*made_from) if there else None, *made_from)

    def set_colour_by(self, name: str) -> None:
        """Color the cells by one of `layers.COLOUR_BY`."""
        self.colour_by = name
        self._show_cells()

    def _on_cell(self, cell: Cell | None) -> None:
        project = self.session.project
        if cell is None or project is None:
            self.layers.hide("family")
            self.layers.hide("selected")
            return
        index, fov = self._fov_of(project, cell.part, cell.row)
        identity = identity_of(project, cell)
        again, self._chosen = identity == self._chosen, identity
        here = self.shown == (cell.part, fov)
        if not here and (not self.follow or (again and self.shown is not None)):
            return
        self._steps.drop(_CELL)
        look = self._look_before(cell, (cell.part, fov))
        if not here:
            self.show_fov(cell.part, fov, cell.row, look)
            return
        if not (self.picker.picking or again):
            self._steps.do(lambda: self._go_to(index, cell.row, look), _CELL)
            self._steps.do(self._on_dims, _CELL)
        self._steps.do(self._show_cells, _CELL)
        self._steps.do(self._show_selected, _CELL)
        self._steps.do(self._show_pair, _CELL)

    def _on_wanted(self, cell: Cell) -> None:
        """Go to the selected cell again: the user has looked elsewhere since."""
        project = self.session.project
        if project is None:
            return
        index, fov = self._fov_of(project, cell.part, cell.row)
        if self.shown == (cell.part, fov):
            self._steps.do(lambda: self._go_to(index, cell.row), _CELL)
            self._steps.do(self._on_dims, _CELL)
        elif self.follow:
            self.show_fov(cell.part, fov, cell.row)

    @staticmethod
    def _fov_of(project: Project, part: str, row: int) -> tuple[MultiExperimentIndex, int]:
        index = project.index(part)
        return index, int(index.table.fov_of(np.array([row]))[0])

    @property
    def busy(self) -> bool:
        """Whether something is still to be shown."""
        return bool(self._steps)

    def _show_selected(self) -> None:
        """Show the selected cell and its family, if they are in this field of view."""
        project, cell, now = self.session.project, self.session.cell, self._now
        if project is None or cell is None or now is None:
            return
        index, fov = self._fov_of(project, cell.part, cell.row)
        if self.shown == (cell.part, fov):
            root = int(index.table.forest.root[index.table.track[cell.row]])
            self.layers.show(
                "family",
                lambda: shapes.family_layer(index, fov, family_rows(index.table, cell.row)),
                *(index, root),
            )
            made_from = index, fov, cell.row, now[1]
            self.layers.show("selected", lambda: shapes.selected_layer(*made_from), *made_from)

    def _go_to(self, index: MultiExperimentIndex, row: int, look: Look | None = None) -> None:
        """Move time and camera to a cell, or look where its field of view was looked at before."""
        if look is None:
            self.sight.go_to(float(index.table.t[row]), float(index.table.y[row]), float(index.table.x[row]))
        else:
            self.sight.restore(look)

    def _on_leaving(self, cell: Cell) -> None:
        """Keep where the viewer looks, for who comes back to this cell."""
        if self.shown is not None and self.layers.alive:
            self._looks[cell] = self.shown, self.sight.look()

    def _look_before(self, cell: Cell, shown: tuple[str, int]) -> Look | None:
        """Return where the viewer looked when a cell was left, if it is gone back to."""
        if not self.session.travelling:
            return None
        left = self._looks.get(cell)
        return left[1] if left is not None and left[0] == shown else None

    def show_pair(self, part: str, anchor: int, positive: int | None) -> None:
        """Draw the boxes of the patches of a pair at their frames."""
        self._pair = part, anchor, positive
        self._steps.do(self._show_pair, _CELL)

    def _show_pair(self) -> None:
        project, now = self.session.project, self._now
        if project is None or self._pair is None or now is None:
            return
        part, anchor, positive = self._pair
        index, fov = self._fov_of(project, part, anchor)
        made_from = index, fov, anchor, positive, now[1]
        if self.shown != (part, fov):
            self.layers.hide("pair")
        else:
            self.layers.show("pair", lambda: shapes.pair_layer(*made_from), *made_from)
            self._lines.adjust()
