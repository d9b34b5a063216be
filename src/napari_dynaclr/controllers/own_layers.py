"""The plugin's own layers in a viewer, by role; touches no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import ref

import numpy as np
import pandas as pd

from napari_dynaclr.presentation import layers as shapes

__all__ = ("OwnLayers", "set_tracks")

_LIMITS, _EMPTY = f"{shapes.OWNER} contrast", f"{shapes.OWNER} empty"
"""Keys of the metadata: contrast that nobody has changed; whether an empty layer was seen before."""


class OwnLayers:
    """Finds, adds, updates and hides layers by their role.

    Layers are found by their metadata: one that was renamed is kept, one that was deleted is made again when
    it is needed. What the user changed on a layer (contrast, color, visibility) stays.

    Parameters
    ----------
    viewer
        napari's viewer, which may go while this is alive.
    on_added
        Called with every layer that is added.
    """

    def __init__(self, viewer: Any, on_added: Callable[[Any], None]) -> None:
        self._viewer, self._on_added = ref(viewer), on_added
        self._made: dict[str, tuple[Any, ...]] = {}
        self.left: set[str] = set()
        """Roles whose layers still show a field of view that is no longer on show."""
        self.at_work = False
        """Whether a layer is being changed: napari's list of layers breaks if one is added meanwhile."""

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
    def is_open(self) -> bool:
        """Whether the viewer is there and its window, if it has one, is not closed."""
        window = getattr(self._viewer(), "window", None)
        if window is None:
            return self.alive
        try:
            window.geometry()
        except (AttributeError, RuntimeError):  # how napari answers for a window that it has closed
            return False
        return True

    def roles(self) -> list[str]:
        """Return the roles of the layers that are there, the lowest layer first."""
        return [
            layer.metadata[shapes.OWNER] for layer in self.viewer.layers if shapes.OWNER in layer.metadata
        ]

    def find(self, role: str) -> Any | None:
        """Return the layer of a role."""
        return next((layer for layer in self.viewer.layers if layer.metadata.get(shapes.OWNER) == role), None)

    def shows(self, role: str) -> bool:
        """Whether the layer of a role is there and has something to show."""
        layer = self.find(role)
        return layer is not None and _EMPTY not in layer.metadata

    def is_fresh(self, role: str, *made_from: Any) -> bool:
        """Whether the layer of a role is there and was made from just this."""
        return self._made.get(role) == made_from and self.find(role) is not None

    def show(self, role: str, make: Callable[[], shapes.LayerData | None], *made_from: Any) -> None:
        """Show what `make` returns in the layer of a role, unless it was made from just this already."""
        if not self.is_fresh(role, *made_from):
            self.put(role, make())
            self._made[role] = made_from

    def hide(self, role: str) -> None:
        """Empty and hide a layer until there is something to show: removing it stops napari for long.

        What it showed is let go, as sliders go to the end of hidden layers too.
        """
        layer = self.find(role)
        self._made.pop(role, None)
        self.left.discard(role)
        if layer is None or _EMPTY in layer.metadata:
            return
        with self.working():
            _empty(layer)
            _forget_extent(layer)
            layer.metadata[_EMPTY] = bool(layer.visible)
            layer.visible = False

    def hide_left(self, role: str) -> None:
        """Hide a layer unless it has got something else to show since it was left."""
        if role in self.left:
            self.hide(role)

    def place(self, scale: Sequence[float], units: Sequence[str]) -> None:
        """Give all layers one scale and units at once: napari warns of layers whose units differ."""
        for role in self.roles():
            _place(self.find(role), scale, units)

    def put(self, role: str, data: shapes.LayerData | None) -> None:
        """Update a layer in place, add it if it is missing, hide it if there is nothing to show."""
        if data is None:
            self.hide(role)
            return
        layer = self.find(role)
        self.left.discard(role)
        with self.working():
            if layer is not None and layer.multiscale != data[1].get("multiscale", False):
                self.viewer.layers.remove(layer)
                layer = None
            if layer is None:
                self._add(data)
            else:
                _UPDATES[data[2]](layer, data[0], data[1])
                _forget_extent(layer)
                if layer.metadata.pop(_EMPTY, False):
                    layer.visible = True

    @contextmanager
    def working(self) -> Iterator[None]:
        """Say with `at_work` that layers or sliders are being changed."""
        self.at_work = True
        try:
            yield
        finally:
            self.at_work = False

    def _add(self, data: shapes.LayerData) -> None:
        """Add a layer on top; what the user has selected stays selected."""
        content, options, kind = data
        selected = set(self.viewer.layers.selection)
        layer = getattr(self.viewer, f"add_{kind}")(content, **options)
        if selected:
            self.viewer.layers.selection = selected & set(self.viewer.layers)
        if kind == "image":
            layer.metadata[_LIMITS] = tuple(layer.contrast_limits)
            self._put_under(layer)
        self._on_added(layer)

    def _put_under(self, image: Any) -> None:
        """Move a new image below what is drawn over images: other recordings have more channels."""
        layers = self.viewer.layers
        over = [
            place
            for place, layer in enumerate(layers)
            if not layer.metadata.get(shapes.OWNER, "image").startswith("image")
        ]
        if over:
            layers.move(layers.index(image), over[0])


def _empty(layer: Any) -> None:
    """Let go of what a layer shows: napari wants one voxel of an image, and one vertex of tracks."""
    if hasattr(layer, "graph"):
        layer.graph = {}
        layer.data = np.zeros((1, layer.data.shape[1]))
    elif hasattr(layer, "contrast_limits"):
        voxel = np.zeros((1,) * layer.ndim, dtype=layer.dtype)
        layer.data = [voxel] if layer.multiscale else voxel
    else:
        layer.data = np.empty((0, *layer.data.shape[1:]))


def _forget_extent(layer: Any) -> None:
    """Have sliders end where the data of a layer end: napari keeps the extent that a hidden layer had."""
    if not layer.visible:
        layer.translate = layer.translate


def _rename(layer: Any, options: Any) -> None:
    """Give a layer its new name unless the user has named it, and its geometry."""
    if layer.name.startswith(shapes.PREFIX) and layer.name != options["name"]:
        layer.name = options["name"]
    _place(layer, options["scale"], options["units"])


def _place(layer: Any, scale: Sequence[float], units: Sequence[str]) -> None:
    """Give a layer its scale and units; napari draws it anew whenever a scale is set."""
    if tuple(layer.scale) != tuple(scale):
        layer.scale = scale
    layer.units = units


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
    """Show other points or vectors; what is the same is not set: each is drawn anew."""
    if not np.array_equal(layer.data, data):
        layer.data = data
        if not layer.visible:  # napari keeps the slice of what was there before, and colors are set by it
            layer.set_view_slice()
    features = pd.DataFrame(options["features"])
    if not features.equals(layer.features):
        layer.features = features
    _rename(layer, options)
    for name in {"border_color", "face_color", "edge_color"} & set(options):
        colors = options[name]
        if not (isinstance(colors, np.ndarray) and np.allclose(getattr(layer, name), colors, atol=1e-6)):
            setattr(layer, name, colors)


def _update_tracks(layer: Any, data: Any, options: Any) -> None:
    """Show other tracks under their name."""
    set_tracks(layer, data, options)
    _rename(layer, options)


def set_tracks(layer: Any, data: Any, options: Any) -> None:
    """Give a layer other tracks.

    napari forgets features and graph when it is given data, and crashes if it draws the graph meanwhile.
    """
    with layer.events.rebuild_graph.blocker():
        layer.data = data
        if "features" in options:
            layer.features = options["features"]
    layer.graph = options["graph"]


_UPDATES: dict[str, Callable[[Any, Any, Any], None]] = {
    "image": _update_image,
    "points": _update_points,
    "tracks": _update_tracks,
    "vectors": _update_points,
}
