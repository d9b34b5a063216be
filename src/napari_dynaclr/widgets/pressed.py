"""Maps key presses to actions of a view, and keeps a view up to date with the chosen shortcuts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakMethod

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QWidget

from napari_dynaclr.keys.choices import CHOICES


class KeyFollower:
    """Tells a view its keys, now and whenever others are chosen; the view keeps it, and ends it.

    Parameters
    ----------
    view
        The view; once it is destroyed, it is told nothing more.
    section
        Section of `napari_dynaclr.keys.tables.TABLES`.
    apply
        Method of the view that gets the keys by name of the action.
    """

    def __init__(self, view: QWidget, section: str, apply: Callable[[Mapping[str, str]], None]) -> None:
        self._section, self._apply = section, WeakMethod(apply)
        CHOICES.changed.connect(self._on_changed)
        view.destroyed.connect(self._end)
        apply(CHOICES.of(section))

    def _on_changed(self, section: str) -> None:
        apply = self._apply()
        if section == self._section and apply is not None:
            apply(CHOICES.of(section))

    def _end(self) -> None:
        CHOICES.changed.disconnect(self._on_changed)


def action_for(event: Any, section: str) -> str | None:
    """Return the name of the action of a section that a key press asks for, None if there is none."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    pressed = QKeySequence(modifiers.value | event.key()).toString(QKeySequence.SequenceFormat.PortableText)
    return next((name for name, key in CHOICES.of(section).items() if key == pressed), None)
