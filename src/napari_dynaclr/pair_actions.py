"""What can be done in the pair view: one table for buttons, keys, tooltips and help; imports no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ("PAIR_ACTIONS", "PairAction")

_MODE_KEY = "h"


@dataclass(frozen=True, slots=True)
class PairAction:
    """An action as button and key: `key` is a letter, with Shift if `shift`."""

    name: str
    label: str
    key: str
    shift: bool
    tooltip: str
    repeats: bool = False

    @property
    def shortcut(self) -> str:
        """The key as people write it."""
        return f"Shift+{self.key.upper()}" if self.shift else self.key.upper()

    @staticmethod
    def of_event(key: int, modifiers: Any, qt: Any) -> str | None:
        """Return the name of the action that a key press asks for, "mode" for the next way of looking."""
        shift = modifiers == qt.KeyboardModifier.ShiftModifier
        if not (shift or modifiers == qt.KeyboardModifier.NoModifier) or not 0x41 <= key <= 0x5A:
            return None
        letter = chr(key).lower()
        if letter == _MODE_KEY and not shift:
            return "mode"
        return next((a.name for a in PAIR_ACTIONS if (a.key, a.shift) == (letter, shift)), None)


PAIR_ACTIONS = (
    PairAction("previous", "◀", "k", False, "The pair before, over the borders of batches", True),
    PairAction("next", "▶", "j", False, "The next pair, over the borders of batches", True),
    PairAction("random", "Random", "n", False, "A pair of a batch that is drawn at random"),
    PairAction("anchor", "This cell", "q", False, "Draw pairs for the selected cell alone"),
    PairAction("again", "Draw again", "g", False, "The same anchors with the key of the next batch"),
    PairAction("back", "Back", "u", False, "The cell that was selected before"),
    PairAction("forward", "Forward", "u", True, "The cell that was gone back from"),
)
"""The only table of actions of the pair view."""
