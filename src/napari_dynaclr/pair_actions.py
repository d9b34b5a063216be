"""What can be done in the pair view: one table for buttons, keys, tooltips and help; imports no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ("PAIR_ACTIONS", "PairAction", "pair_keys")

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
    PairAction(
        "batch", "In batch", "w", False, "The pair of the batch that was shown before it was drawn alone"
    ),
    PairAction("back", "Back", "u", False, "The cell that was selected before"),
    PairAction("forward", "Forward", "u", True, "The cell that was gone back from"),
    PairAction("help", "?", "h", True, "Show or hide the keys"),
)
"""The only table of actions of the pair view."""


def pair_keys() -> str:
    """Return all keys as a small HTML table."""
    known = [(action.shortcut, action.tooltip) for action in PAIR_ACTIONS]
    known.append((_MODE_KEY.upper(), "The next way of looking: as the network sees it, normalised, as read"))
    rows = [f"<tr><td><code>{key}</code>&nbsp;&nbsp;</td><td>{text}</td></tr>" for key, text in known]
    return f"<table>{''.join(rows)}</table>Keys act while this panel has the focus: click into it."
