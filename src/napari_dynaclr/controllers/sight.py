"""The view of the viewer: frame, slice and camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_dynaclr.controllers.own_layers import OwnLayers

__all__ = ("Look", "Sight")


@dataclass(frozen=True, slots=True)
class Look:
    """Sliders and camera of a viewer at a moment."""

    point: tuple[float, ...]
    centre: tuple[float, ...]
    zoom: float


class Sight:
    """Reads and moves sliders and camera by the axes (T, Z, Y, X) of the plugin's layers.

    Parameters
    ----------
    layers
        The plugin's layers; axes are found by them, whatever other layers there are.
    """

    def __init__(self, layers: OwnLayers) -> None:
        self._layers = layers

    def _base(self) -> Any | None:
        """Return a layer of the plugin whose axes are those of the field of view."""
        found = map(self._layers.find, ("image 0", "cells", "tracks"))
        return next((layer for layer in found if layer is not None), None)

    @property
    def now(self) -> tuple[int, float] | None:
        """Frame and slice that the viewer shows, in frames and slices; None if the plugin shows nothing."""
        layer = self._base()
        if layer is None:
            return None
        dims = self._layers.viewer.dims
        place = dims.ndim - layer.ndim  # axes are aligned at the right
        return int(np.rint(dims.point[place])), float(np.rint(dims.point[place + 1] / layer.scale[1]))

    def go_to(self, t: float, y: float, x: float) -> None:
        """Move time and camera to a place, in frames and pixels of level 0; slice and zoom stay."""
        layer = self._base()
        if layer is None:
            return
        viewer = self._layers.viewer
        world = layer.data_to_world((t, 0.0, y, x))
        with self._layers.working():
            viewer.dims.set_point(viewer.dims.ndim - layer.ndim, world[0])
        camera = viewer.scene.camera
        camera.center = (camera.center[0], world[-2], world[-1])

    def go_to_slice(self, z: float) -> None:
        """Move to a slice; all else stays."""
        layer = self._base()
        if layer is not None:
            dims = self._layers.viewer.dims
            with self._layers.working():
                dims.set_point(dims.ndim - layer.ndim + 1, layer.data_to_world((0.0, z, 0.0, 0.0))[1])

    def look(self) -> Look:
        """Return where the viewer looks."""
        viewer = self._layers.viewer
        camera = viewer.scene.camera
        return Look(tuple(viewer.dims.point), tuple(camera.center), float(camera.zoom))

    def restore(self, look: Look) -> None:
        """Look there again; sliders stay where they are if the viewer has another number of axes now."""
        viewer = self._layers.viewer
        if len(look.point) == viewer.dims.ndim:
            with self._layers.working():
                viewer.dims.set_point(range(viewer.dims.ndim), look.point)
        camera = viewer.scene.camera
        camera.center, camera.zoom = look.centre, look.zoom
