"""Shows cells and pairs in their image: owns a few layers of the viewer and touches no others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any
from weakref import ref

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from dynaclr.index import MultiExperimentIndex
from napari_dynaclr import layers as shapes
from napari_dynaclr.layer_keys import bind_steps
from napari_dynaclr.lineage_layout import family_layout, family_rows
from napari_dynaclr.lineage_steps import Step, neighbours
from napari_dynaclr.models.project import Cell, Project
from napari_dynaclr.models.session import Session, find_fov, identity_of

__all__ = ("ImageContext",)

_OWNER, _LIMITS, _HIDDEN = "dynaclr", "dynaclr contrast", "dynaclr hidden"
_MOST_CHANNELS = 16
_CLICK_PX = 3.0  # a press and release within this distance is a click, not a drag
_FOV, _CELL = "field of view", "cell"  # what a step shows: a newer one of its kind replaces it
_NEAR_PX = 20.0  # how far from a cell's centre a click may be, screen pixels


class ImageContext:
    """Layers of one field of view: channels, tracks, cells of the frame, family and pair.

    Layers are found again by their metadata: one that was renamed is kept, one that was deleted is made
    again when it is needed. What the user changed on a layer (contrast, colour, visibility) stays.

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
        self._viewer, self.session = ref(viewer), session  # the viewer may go while its widgets are alive
        self.shown: tuple[str, int] | None = None
        self.colour_by = shapes.COLOUR_BY[0]
        self.follow = True
        self._place: tuple[str, str] | None = None  # experiment and FOV name of what is shown
        self._made: dict[str, tuple[MultiExperimentIndex, int]] = {}  # what a layer was made from
        self._seen: tuple[int, float] | None = None  # frame and slice of the cells that are shown
        self._chosen: tuple[str, str, int, int] | None = None  # identity of the cell that was gone to
        self._pair: tuple[str, int, int | None] | None = None
        self._from_image = False
        self._later, self._steps = later, deque[tuple[str, Callable[[], None]]]()
        self._planned = False
        self._at_work = False  # napari's layer list breaks if a layer is added while another is being added
        session.cell_changed.connect(self._on_cell)
        session.cell_wanted.connect(self._on_wanted)
        session.project_changed.connect(self._on_project)
        viewer.dims.events.current_step.connect(self._on_dims)

    @property
    def viewer(self) -> Any:
        """Napari's viewer."""
        viewer = self._viewer()
        if viewer is None:
            raise RuntimeError("the viewer is gone")
        return viewer

    @property
    def alive(self) -> bool:
        """Whether the viewer is still there."""
        return self._viewer() is not None

    @property
    def index(self) -> MultiExperimentIndex | None:
        """The index of the part that is shown."""
        project = self.session.project
        return None if project is None or self.shown is None else project.index(self.shown[0])

    def _on_project(self, project: Project | None) -> None:
        """Stay at the field of view if this project has it too; else hide what showed another one."""
        same = None if project is None or self._place is None else find_fov(project, *self._place)
        self._steps.clear()
        self._pair = None
        self._hide("pair")
        if same is not None:
            self.show_fov(*same)
            return
        for layer in self._own():
            self._hide(layer.metadata[_OWNER])
        self.shown = self._place = self._seen = self._chosen = None
        self.fov_changed.emit(None)

    def _own(self) -> list[Any]:
        return [layer for layer in self.viewer.layers if _OWNER in layer.metadata]

    def _find(self, role: str) -> Any | None:
        return next((layer for layer in self._own() if layer.metadata[_OWNER] == role), None)

    def show_fov(self, part: str, fov: int, row: int | None = None) -> None:
        """Show a field of view: its channels, tracks, and the cells of the current frame, or of a row's.

        Layers that are up to date stay as they are; one that was deleted is made again.
        """
        project = self.session.project
        if project is None:
            return
        index = project.index(part)
        entry = index.fovs[fov]
        name = index.registry.names[entry.experiment]
        moved = self._place != (name, entry.layout.name)
        self.shown, self._place, self._seen = (part, fov), (name, entry.layout.name), None
        self._steps.clear()
        channels = len(index.registry.channel_maps[name])
        for role in ("family", "pair", "embedding") if moved else ():
            self._hide(role)
        for role in [f"image {number}" for number in range(channels, _MOST_CHANNELS)]:
            self._hide(role)
        if not all(self._fresh(f"image {number}", index, fov) for number in range(channels)):
            for data in shapes.image_layers(index, fov):
                self._do(partial(self._show_image, index, fov, data), _FOV)
        if not self._fresh("tracks", index, fov):
            self._do(partial(self._show_tracks, index, fov), _FOV)
        if row is not None:
            self._do(lambda: self._go_to(index, row), _FOV)
        self._do(self._on_dims, _FOV)
        self._do(self._show_selected, _FOV)
        self._do(self._show_pair, _FOV)
        self.fov_changed.emit(self.shown)

    def _fresh(self, role: str, index: MultiExperimentIndex, fov: int) -> bool:
        """Whether a layer shows this field of view of this very index already."""
        made = self._made.get(role)
        known = made is not None and made[0] is index and made[1] == fov
        return known and self._find(role) is not None

    def _show_image(self, index: MultiExperimentIndex, fov: int, data: shapes.LayerData) -> None:
        role = data[1]["metadata"][_OWNER]
        self._put(role, data, _update_image)
        self._made[role] = index, fov

    def _show_tracks(self, index: MultiExperimentIndex, fov: int) -> None:
        self._put("tracks", shapes.track_layer(index, fov), _update_tracks)
        self._made["tracks"] = index, fov

    def _add(self, data: shapes.LayerData) -> None:
        """Add a layer on top; what the user has selected stays selected."""
        content, options, kind = data
        selected = set(self.viewer.layers.selection)
        layer = getattr(self.viewer, f"add_{kind}")(content, **options)
        if selected:
            self.viewer.layers.selection = selected & set(self.viewer.layers)
        if kind == "points":
            layer.mouse_drag_callbacks.append(self._on_press)
            self._bind_steps(layer)
        if kind == "image":
            layer.metadata[_LIMITS] = tuple(layer.contrast_limits)

    def _bind_steps(self, layer: Any) -> None:
        """Give a layer the keys of the lineage view; other layers and the viewer keep theirs."""
        bind_steps(layer, self.step)

    def step(self, step: Step) -> None:
        """Select a neighbour of the selected cell, if there is one."""
        cell, project = self.session.cell, self.session.project
        if cell is None or project is None:
            return
        row = neighbours(family_layout(project.index(cell.part), cell.row), cell.row)[step]
        if row is not None:
            self.session.select(Cell(cell.part, row))

    def _hide(self, role: str) -> None:
        """Hide a layer until there is something to show; removing one stops napari for half a second."""
        layer = self._find(role)
        self._made.pop(role, None)
        if layer is not None and layer.visible:
            layer.visible = False
            layer.metadata[_HIDDEN] = True

    def _put(self, role: str, data: shapes.LayerData | None, update: Callable[[Any, Any, Any], None]) -> None:
        """Update a layer in place, add it if it is missing, hide it if there is nothing to show."""
        layer = self._find(role)
        if data is None:
            self._hide(role)
            return
        self._at_work = True
        try:
            if layer is not None and layer.multiscale != data[1].get("multiscale", False):
                self.viewer.layers.remove(layer)
                layer = None
            if layer is None:
                self._add(data)
            else:
                update(layer, data[0], data[1])
                if layer.metadata.pop(_HIDDEN, False):
                    layer.visible = True
        finally:
            self._at_work = False

    def _on_dims(self, event: Any = None) -> None:
        if not self._at_work and self._now != self._seen:
            self._show_frame()

    def _base(self) -> Any | None:
        """Return a layer of the plugin whose axes are those of the field of view."""
        return next((layer for layer in map(self._find, ("image 0", "cells", "tracks")) if layer), None)

    @property
    def frame(self) -> int | None:
        """The frame that the viewer shows, None if no field of view is shown."""
        return None if self._now is None else self._now[0]

    @property
    def _now(self) -> tuple[int, float] | None:
        """Frame and slice that the viewer shows, in frames and slices; None if nothing is shown."""
        layer = self._base()
        if layer is None or self.shown is None:
            return None
        place = self.viewer.dims.ndim - layer.ndim  # axes are aligned at the right
        point = self.viewer.dims.point
        return int(np.rint(point[place])), float(np.rint(point[place + 1] / layer.scale[1]))

    def _show_frame(self) -> None:
        """Show the cells of the current frame, and the boxes of the pair, in the slice that is seen."""
        index, now, seen = self.index, self._now, self._seen
        if index is None or self.shown is None or now is None:
            return
        self._seen = now
        cells = shapes.cell_layer(index, self.shown[1], now[0], self.colour_by, now[1])
        self._put("cells", cells, _update_points)
        if seen is not None and seen[1] != now[1]:
            self._show_pair()
        if seen is None or seen[0] != now[0]:
            self.frame_changed.emit(now[0])

    def set_colour_by(self, name: str) -> None:
        """Colour the cells by one of `layers.COLOUR_BY`."""
        self.colour_by = name
        self._show_frame()

    def _on_cell(self, cell: Cell | None) -> None:
        project = self.session.project
        if cell is None or project is None:
            self._hide("family")
            return
        index, fov = self._fov_of(project, cell.part, cell.row)
        identity = identity_of(project, cell)
        again, self._chosen = identity == self._chosen, identity
        here = self.shown == (cell.part, fov)
        if not here and (not self.follow or (again and self.shown is not None)):
            return
        from_image, self._from_image = self._from_image, False
        self._drop(_CELL)
        if not here:
            self.show_fov(cell.part, fov, cell.row)
            return
        if not (from_image or again):
            self._do(lambda: self._go_to(index, cell.row), _CELL)
            self._do(self._on_dims, _CELL)
        self._do(self._show_selected, _CELL)
        self._do(self._show_pair, _CELL)

    def _on_wanted(self, cell: Cell) -> None:
        """Go to the selected cell again: the user has looked elsewhere since."""
        project = self.session.project
        if project is None:
            return
        index, fov = self._fov_of(project, cell.part, cell.row)
        if self.shown == (cell.part, fov):
            self._do(lambda: self._go_to(index, cell.row), _CELL)
            self._do(self._on_dims, _CELL)
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

    def _do(self, step: Callable[[], None], kind: str) -> None:
        """Do a step after those that wait, one at a time."""
        if self._later is None:
            step()
            return
        self._steps.append((kind, step))
        if not self._planned:
            self._planned = True
            self._later(self._next)

    def _open(self) -> bool:
        """Whether the viewer is there and its window, if it has one, is not closed."""
        window = getattr(self._viewer(), "window", None)
        if window is None:
            return self._viewer() is not None
        try:
            window.geometry()
        except (AttributeError, RuntimeError):  # how napari answers for a window that it has closed
            return False
        return True

    def _drop(self, kind: str) -> None:
        """Forget the steps of a kind that wait."""
        self._steps = deque(entry for entry in self._steps if entry[0] != kind)

    def _next(self) -> None:
        """Do the next step, and plan the one after it: the window paints and answers in between."""
        self._planned = False
        if not self._open():
            self._steps.clear()
        if not self._steps:
            return
        step = self._steps.popleft()[1]
        if self._steps and self._later is not None:
            self._planned = True
            self._later(self._next)
        step()

    def _show_selected(self) -> None:
        """Show the family of the selected cell, if it is in this field of view."""
        project, cell = self.session.project, self.session.cell
        if project is None or cell is None:
            return
        index, fov = self._fov_of(project, cell.part, cell.row)
        if self.shown == (cell.part, fov):
            family = family_rows(index.table, cell.row)
            self._put("family", shapes.family_layer(index, fov, family), _update_tracks)

    def _go_to(self, index: MultiExperimentIndex, row: int) -> None:
        """Move time and camera to a cell; the zoom stays, the cells of the frame come with `_on_dims`."""
        layer = self._base()
        if layer is None:
            return
        table = index.table
        step = self.viewer.dims.ndim - layer.ndim
        world = layer.data_to_world((float(table.t[row]), 0.0, float(table.y[row]), float(table.x[row])))
        self._at_work = True
        self.viewer.dims.set_point(step, world[0])
        self._at_work = False
        centre = self.viewer.scene.camera.center
        self.viewer.scene.camera.center = (centre[0], world[-2], world[-1])

    def show_pair(self, part: str, anchor: int, positive: int | None) -> None:
        """Draw the boxes of the patches of a pair at their frames."""
        self._pair = part, anchor, positive
        self._do(self._show_pair, _CELL)

    def _show_pair(self) -> None:
        project, now = self.session.project, self._now
        if project is None or self._pair is None or now is None:
            return
        part, anchor, positive = self._pair
        index, fov = self._fov_of(project, part, anchor)
        if self.shown == (part, fov):
            boxes = shapes.pair_layer(index, fov, anchor, positive, now[1])
            self._put("pair", boxes, _update_shapes)
        else:
            self._hide("pair")

    def show_embedding(self, shown: tuple[str, int], data: shapes.LayerData | None) -> None:
        """Show a field of view's cells coloured by an embedding, or none, if it is still the one shown."""
        if self.shown == shown:
            self._put("embedding", data, _update_points)

    @property
    def has_embedding(self) -> bool:
        """Whether cells are shown that are coloured by an embedding."""
        layer = self._find("embedding")
        return layer is not None and _HIDDEN not in layer.metadata

    def select_embedded(self, chosen: Sequence[int], colours: npt.NDArray[Any] | None = None) -> None:
        """Select some of the cells that are coloured by an embedding, and colour all (N, 4) if asked to."""
        layer = self._find("embedding")
        if layer is None:
            return
        if colours is not None:
            layer.face_color = colours
        if set(chosen) != set(layer.selected_data):
            layer.selected_data = set(chosen)

    def _on_press(self, layer: Any, event: Any) -> Iterator[None]:
        """Select the cell that is clicked; a drag moves the image as ever."""
        start = np.asarray(event.pos)
        yield
        while event.type == "mouse_move":
            yield
        if np.linalg.norm(np.asarray(event.pos) - start) <= _CLICK_PX:
            self.pick(layer.world_to_data(event.position))

    def pick(self, where: npt.ArrayLike) -> None:
        """Select the cell nearest to a place (t, z, y, x) in pixels of level 0, if one is near."""
        index, layer = self.index, self._find("cells")
        if index is None or layer is None or self.shown is None or not len(layer.data):
            return
        zoom = float(self.viewer.scene.camera.zoom) * float(layer.scale[-1])
        distance = np.linalg.norm(layer.data[:, -2:] - np.asarray(where)[-2:], axis=1)
        nearest = int(distance.argmin())
        if distance[nearest] * zoom <= max(_NEAR_PX, float(np.max(layer.size)) * zoom):
            self._from_image = True
            self.session.select(Cell(self.shown[0], int(layer.features["row"].iloc[nearest])))
            self._from_image = False


def _rename(layer: Any, options: Any) -> None:
    """Give a layer its new name unless the user has named it."""
    if layer.name.startswith(shapes.PREFIX) and layer.name != options["name"]:
        layer.name = options["name"]
    if tuple(layer.scale) != options["scale"]:
        layer.scale, layer.units = options["scale"], options["units"]


def _update_image(layer: Any, data: Any, options: Any) -> None:
    """Show other pixels; contrast follows them only where the user left it as it was."""
    untouched = tuple(layer.contrast_limits) == layer.metadata.get(_LIMITS)
    layer.data = data
    if untouched:
        limits = options.get("contrast_limits")
        if limits is None:
            layer.reset_contrast_limits()
        else:
            layer.contrast_limits = limits
        layer.metadata[_LIMITS] = tuple(layer.contrast_limits)
    _rename(layer, options)


def _update_points(layer: Any, data: Any, options: Any) -> None:
    layer.data = data
    layer.features = options["features"]
    _rename(layer, options)
    for name in {"border_color", "face_color"} & set(options):
        setattr(layer, name, options[name])


def _update_tracks(layer: Any, data: Any, options: Any) -> None:
    layer.graph = {}
    layer.data = data
    layer.features = options["features"]
    layer.graph = options["graph"]
    _rename(layer, options)


def _update_shapes(layer: Any, data: Any, options: Any) -> None:
    layer.data = []
    looks = {name: options[name] for name in ("shape_type", "edge_color", "edge_width", "face_color")}
    layer.add(data, **looks)
    _rename(layer, options)
