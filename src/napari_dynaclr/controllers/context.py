"""Shows cells and pairs in their image: owns a few layers of the viewer and touches no others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from weakref import ref

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from dynaclr.index import MultiExperimentIndex
from napari_dynaclr import layers as shapes
from napari_dynaclr.lineage_layout import family_layout, family_rows
from napari_dynaclr.lineage_steps import STEP_ACTIONS, Step, neighbours
from napari_dynaclr.models.project import Cell, Project
from napari_dynaclr.models.session import Session

__all__ = ("ImageContext",)

_OWNER, _LIMITS, _HIDDEN = "dynaclr", "dynaclr contrast", "dynaclr hidden"
_MOST_CHANNELS = 16
_CLICK_PX = 3.0  # a press and release within this distance is a click, not a drag
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
        self._frame: int | None = None
        self._from_image = False
        self._later, self._steps = later, deque[Callable[[], None]]()
        self._at_work = False  # napari's layer list breaks if a layer is added while another is being added
        session.cell_changed.connect(self._on_cell)
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
        """Take away what showed another project."""
        self.clear()

    def clear(self) -> None:
        """Remove the layers that are the plugin's own."""
        for layer in self._own():
            self.viewer.layers.remove(layer)
        self.shown, self._frame = None, None
        self._steps.clear()
        self.fov_changed.emit(None)

    def _own(self) -> list[Any]:
        return [layer for layer in self.viewer.layers if _OWNER in layer.metadata]

    def _find(self, role: str) -> Any | None:
        return next((layer for layer in self._own() if layer.metadata[_OWNER] == role), None)

    def show_fov(self, part: str, fov: int, row: int | None = None) -> None:
        """Show a field of view: its channels, tracks, and the cells of the current frame, or of a row's."""
        project = self.session.project
        if project is None or self.shown == (part, fov):
            return
        index = project.index(part)
        self.shown, self._frame = (part, fov), None
        images = shapes.image_layers(index, fov)
        for data in images:
            self._put(data[1]["metadata"][_OWNER], data, _update_image)
        for role in (
            "family",
            "pair",
            "embedding",
            *(f"image {n}" for n in range(len(images), _MOST_CHANNELS)),
        ):
            self._hide(role)
        self._put("tracks", shapes.track_layer(index, fov), _update_tracks)
        if row is not None:
            self._at_work = True
            self._go_to(index, row)
            self._at_work = False
        self._show_frame()
        self.fov_changed.emit(self.shown)

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
        for action in STEP_ACTIONS:
            key = f"Shift-{action.key.upper()}" if action.shift else action.key.upper()
            layer.bind_key(key, lambda _, step=action.step: self.step(step))

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
            if layer is None:
                self._add(data)
            else:
                update(layer, data[0], data[1])
                if layer.metadata.pop(_HIDDEN, False):
                    layer.visible = True
        finally:
            self._at_work = False

    def _on_dims(self, event: Any = None) -> None:
        frame = None if self._at_work else self.frame
        if frame is not None and frame != self._frame:
            self._show_frame()

    @property
    def frame(self) -> int | None:
        """The frame that the viewer shows, None if no field of view is shown."""
        layer = self._find("image 0")
        if layer is None:
            return None
        place = self.viewer.dims.ndim - layer.ndim  # axes are aligned at the right
        return int(np.rint(self.viewer.dims.point[place]))

    def _show_frame(self) -> None:
        """Show the cells of the current frame."""
        index, frame = self.index, self.frame
        if index is None or self.shown is None or frame is None:
            return
        self._frame = frame
        self._put("cells", shapes.cell_layer(index, self.shown[1], frame, self.colour_by), _update_points)
        self.frame_changed.emit(frame)

    def set_colour_by(self, name: str) -> None:
        """Colour the cells by one of `layers.COLOUR_BY`."""
        self.colour_by = name
        self._show_frame()

    def _on_cell(self, cell: Cell | None) -> None:
        project = self.session.project
        if cell is None or project is None:
            return
        index = project.index(cell.part)
        fov = int(index.table.fov_of(np.array([cell.row]))[0])
        if not self.follow and self.shown != (cell.part, fov):
            return
        from_image, self._from_image = self._from_image, False
        self._steps.clear()
        if self.shown != (cell.part, fov):
            self._do(lambda: self.show_fov(cell.part, fov, cell.row))
        elif not from_image:
            self._do(lambda: self._go_to(index, cell.row))
        self._do(lambda: self._show_family(index, fov, cell.row))

    @property
    def busy(self) -> bool:
        """Whether something is still to be shown."""
        return bool(self._steps)

    def _do(self, step: Callable[[], None]) -> None:
        """Do a step after those that wait, one at a time."""
        if self._later is None:
            step()
            return
        self._steps.append(step)
        self._later(self._next)

    def _next(self) -> None:
        if self._steps and self._viewer() is not None:
            self._steps.popleft()()

    def _show_family(self, index: MultiExperimentIndex, fov: int, row: int) -> None:
        family = family_rows(index.table, row)
        self._put("family", shapes.family_layer(index, fov, family), _update_tracks)

    def _go_to(self, index: MultiExperimentIndex, row: int) -> None:
        """Move time and camera to a cell; the zoom stays."""
        layer = self._find("image 0")
        if layer is None:
            return
        table = index.table
        step = self.viewer.dims.ndim - layer.ndim
        z = (layer.data.shape[1] - 1) // 2 if not layer.multiscale else 0
        world = layer.data_to_world((float(table.t[row]), float(z), float(table.y[row]), float(table.x[row])))
        self.viewer.dims.set_point(step, world[0])
        centre = self.viewer.scene.camera.center
        self.viewer.scene.camera.center = (centre[0], world[-2], world[-1])

    def show_pair(self, part: str, anchor: int, positive: int | None) -> None:
        """Draw the boxes of the patches of a pair at their frames."""
        project = self.session.project
        if project is None:
            return
        index = project.index(part)
        fov = int(index.table.fov_of(np.array([anchor]))[0])

        def draw() -> None:
            if self.shown == (part, fov):
                self._put("pair", shapes.pair_layer(index, fov, anchor, positive), _update_shapes)

        self._do(draw)

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
