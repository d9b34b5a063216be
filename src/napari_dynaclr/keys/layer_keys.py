"""Keyboard shortcuts of the steps through a lineage, on layers of the plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary, ref

from napari_dynaclr.keys.choices import CHOICES
from napari_dynaclr.keys.steps import STEP_ACTIONS, Step
from napari_dynaclr.keys.tables import NO_KEY

_SECTION = "lineage_keys"


class _StepKeys:
    """Keeps the keys of one layer those that are chosen."""

    def __init__(self, layer: Any, step: Callable[[Step], None]) -> None:
        self._layer, self._step = ref(layer), step
        self._bound: list[str] = []
        CHOICES.changed.connect(self._on_changed)
        self._on_changed(_SECTION)

    def _on_changed(self, section: str) -> None:
        layer = self._layer()
        if section != _SECTION or layer is None:
            return
        for key in self._bound:
            layer.bind_key(key, None)
        chosen = [(CHOICES.of(_SECTION)[action.name], action.step) for action in STEP_ACTIONS]
        self._bound = [key for key, _ in chosen if key != NO_KEY]
        for key, step in chosen:
            if key != NO_KEY:
                layer.bind_key(key, lambda _, step=step: self._step(step))


_OF_LAYER: WeakKeyDictionary[Any, _StepKeys] = WeakKeyDictionary()


def bind_steps(layer: Any, step: Callable[[Step], None]) -> None:
    """Give a layer the keys of the steps, from now on; other layers and the viewer keep theirs.

    Parameters
    ----------
    layer
        A layer of the plugin.
    step
        Makes a step; must not keep the layer alive.
    """
    _OF_LAYER[layer] = _StepKeys(layer, step)
