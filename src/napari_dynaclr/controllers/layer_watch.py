"""Follows the user's layers of a viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

from napari_dynaclr.presentation.layers import OWNER, PREVIEW

_LIST_EVENTS = ("inserted", "removed", "reordered", "renamed")
_LAYER_EVENTS = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels", "data")


class LayerWatch:
    """The user's layers of some kinds in a viewer.

    Parameters
    ----------
    viewer
        napari's viewer.
    kinds
        Classes of layers.
    changed
        Called when a layer comes, goes, moves, is renamed, or has other data or another place.
    """

    def __init__(self, viewer: Any, kinds: tuple[type, ...], changed: Callable[[], None]) -> None:
        self._viewer, self._kinds, self._changed = ref(viewer), kinds, changed
        self._watched: list[Any] = []
        for name in _LIST_EVENTS:
            getattr(viewer.layers.events, name).connect(self._on_list)
        self._watch(self.of(*kinds))

    def of(self, *kinds: Any) -> list[Any]:
        """Return the user's layers of some kinds, in the order of the viewer."""
        viewer = self._viewer()
        layers: list[Any] = [] if viewer is None else list(viewer.layers)
        return [
            layer
            for layer in layers
            if isinstance(layer, kinds) and not {OWNER, PREVIEW} & set(layer.metadata)
        ]

    def close(self) -> None:
        """Disconnect."""
        viewer = self._viewer()
        if viewer is not None:
            for name in _LIST_EVENTS:
                getattr(viewer.layers.events, name).disconnect(self._on_list)
        self._watch([])

    def _watch(self, layers: list[Any]) -> None:
        """Listen to these layers and to no others."""
        for layer in self._watched:
            for name in _LAYER_EVENTS:
                getattr(layer.events, name).disconnect(self._on_layer)
        for layer in layers:
            for name in _LAYER_EVENTS:
                getattr(layer.events, name).connect(self._on_layer)
        self._watched = layers

    def _on_list(self, event: Any) -> None:
        layers = self.of(*self._kinds)
        if layers != self._watched:
            self._watch(layers)
        self._changed()

    def _on_layer(self, event: Any) -> None:
        self._changed()
