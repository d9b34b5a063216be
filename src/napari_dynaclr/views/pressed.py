"""Which letter and which action of a table a key press asks for; does nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from qtpy.QtCore import Qt

from napari_dynaclr.key_actions import KeyAction

__all__ = ("action_for", "letter_of")

_Action = TypeVar("_Action", bound=KeyAction)


def letter_of(event: Any) -> tuple[str, bool]:
    """Return the letter of a key press and whether Shift is held; "" for any other key or modifier."""
    modifiers = event.modifiers()
    shift = modifiers == Qt.KeyboardModifier.ShiftModifier
    plain = shift or modifiers == Qt.KeyboardModifier.NoModifier
    return (chr(event.key()).lower() if plain and 0x41 <= event.key() <= 0x5A else ""), shift


def action_for(event: Any, actions: Iterable[_Action]) -> _Action | None:
    """Return the action that a key press asks for, None if there is none."""
    pressed = letter_of(event)
    return next((action for action in actions if (action.key, action.shift) == pressed), None)
