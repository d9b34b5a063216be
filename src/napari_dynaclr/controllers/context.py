"""Shows cells and pairs in their image: owns a few layers of the viewer and touches no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from weakref import ref

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from dynaclr.index import MultiExperimentIndex
from napari_dynaclr import layers as shapes
from napari_dynaclr.lineage_layout import family_rows
from napari_dynaclr.models.project import Cell, Project
from napari_dynaclr.models.session import Session

__all__ = ("ImageContext",)

_OWNER = "dynaclr"
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
    """

    fov_changed = Signal(object)
    """(part, FOV code) that is shown, or None."""
    frame_changed = Signal(int)

    def __init__(self, viewer: Any, session: Session) -> None:
        self._viewer, self.session = ref(viewer), session  # the viewer may go while its widgets are alive
        self.shown: tuple[str, int] | None = None
        self.colour_by = shapes.COLOUR_BY[0]
        self.follow = True
        self._pair: tuple[int, int] | None = None
        self._frame: int | None = None
        self._from_image = False
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
        self.shown, self._pair, self._frame = None, None, None
        self.fov_changed.emit(None)

    def _own(self) -> list[Any]:
        return [layer for layer in self.viewer.layers if _OWNER in layer.metadata]

    def _find(self, role: str) -> Any | None:
        return next((layer for layer in self._own() if layer.metadata[_OWNER] == role), None)

    def show_fov(self, part: str, fov: int) -> None:
        """Show a field of view: its channels, tracks, and the cells of the current frame."""
        project = self.session.project
        if project is None or self.shown == (part, fov):
            return
        index = project.index(part)
        kept = {layer.metadata[_OWNER]: _looks(layer) for layer in self._own()}
        self.clear()
        self.shown = (part, fov)
        self._at_work = True
        try:
            for data in shapes.image_layers(index, fov):
                self._add(data, kept)
            tracks = shapes.track_layer(index, fov)
            if tracks is not None:
                self._add(tracks, kept)
        finally:
            self._at_work = False
        self._show_frame()
        self.fov_changed.emit(self.shown)

    def _add(self, data: shapes.LayerData, kept: dict[str, dict[str, Any]] | None = None) -> Any:
        """Add a layer below none of the user's concern: selection and view stay as they are."""
        content, options, kind = data
        options = {**options, **(kept or {}).get(options["metadata"][_OWNER], {})}
        selected = set(self.viewer.layers.selection)
        layer = getattr(self.viewer, f"add_{kind}")(content, **options)
        if selected:
            self.viewer.layers.selection = selected & set(self.viewer.layers)
        if kind == "points":
            layer.mouse_drag_callbacks.append(self._on_press)
        return layer

    def _put(self, role: str, data: shapes.LayerData | None, update: Callable[[Any, Any, Any], None]) -> None:
        """Update a layer in place, add it if it is missing, remove it if there is nothing to show."""
        layer = self._find(role)
        self._at_work = True
        try:
            if data is None:
                if layer is not None:
                    self.viewer.layers.remove(layer)
            elif layer is None:
                self._add(data)
            else:
                update(layer, data[0], data[1])
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
        self.show_fov(cell.part, fov)
        from_image, self._from_image = self._from_image, False
        if not from_image:
            self._go_to(index, cell.row)
        family = family_rows(index.table, cell.row)
        self._put(
            "family", shapes.family_layer(index, fov, family) if len(family) > 1 else None, _update_tracks
        )

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
        self._pair = (anchor, -1 if positive is None else positive)
        if self.shown == (part, fov):
            self._put("pair", shapes.pair_layer(index, fov, anchor, positive), _update_shapes)

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


def _looks(layer: Any) -> dict[str, Any]:
    """Return what a user changes on a layer and wants to keep in the next field of view."""
    names = ["visible", "opacity", "blending"]
    if hasattr(layer, "contrast_limits"):
        names += ["colormap", "gamma"]
    return {name: getattr(layer, name) for name in names}


def _update_points(layer: Any, data: Any, options: Any) -> None:
    layer.data = data
    layer.features = options["features"]
    layer.border_color = options["border_color"]


def _update_tracks(layer: Any, data: Any, options: Any) -> None:
    layer.graph = {}
    layer.data = data
    layer.features = options["features"]
    layer.graph = options["graph"]


def _update_shapes(layer: Any, data: Any, options: Any) -> None:
    layer.data = []
    layer.add(
        data, shape_type="rectangle", edge_color=options["edge_color"], edge_width=options["edge_width"]
    )
