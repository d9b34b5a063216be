"""Keeps the boxes of a pair visible at any zoom."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_dynaclr.controllers.own_layers import OwnLayers

_LEAST_PX = 1.6
"""Screen pixels: a thinner line falls between pixels and is not drawn, each side of a box for itself."""


class BoxLines:
    """Makes the lines of the layer of the pair wider where they would be too thin to be drawn.

    Parameters
    ----------
    layers
        The plugin's layers of a viewer.
    """

    def __init__(self, layers: OwnLayers) -> None:
        self._layers = layers
        self._known: tuple[Any, float, float] | None = None  # layer, its width at first, and the one set here
        layers.viewer.scene.camera.events.zoom.connect(self.adjust)

    def adjust(self, event: Any = None) -> None:
        """Fit the width to the zoom, unless the user has chosen another one."""
        layer = self._layers.find("pair") if self._layers.alive else None
        if layer is None:
            return
        now = float(layer.edge_width)
        if self._known is None or self._known[0] is not layer:
            self._known = layer, now, now
        _, base, ours = self._known
        if not np.isclose(now, ours):
            return
        per_pixel = float(self._layers.viewer.scene.camera.zoom) * float(layer.scale[-1])
        wanted = max(base, _LEAST_PX / per_pixel)
        if not np.isclose(wanted, now):
            layer.edge_width = wanted
            self._known = layer, base, wanted
