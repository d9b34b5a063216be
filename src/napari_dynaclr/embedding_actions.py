"""What can be done in the embedding view: one table for buttons, keys and tooltips; imports no Qt."""

from __future__ import annotations

from napari_dynaclr.pair_actions import PairAction

__all__ = ("EMBEDDING_ACTIONS", "action_of")

EMBEDDING_ACTIONS = (
    PairAction("previous", "◀", "k", False, "The selected cell before", True),
    PairAction("next", "▶", "j", False, "The next of the selected cells: jumps there", True),
    PairAction("nearest", "Nearest", "n", False, "Go to the nearest neighbour of this cell"),
    PairAction("find", "Find", "g", False, "Bring this cell to the middle of the plot"),
    PairAction("fit", "All", "g", True, "Show the whole embedding"),
    PairAction("clear", "Clear", "w", False, "Select no cells any more; this cell stays"),
    PairAction("colour", "Colour", "h", False, "Colour by the next thing"),
    PairAction("drag", "Move", "q", False, "What dragging does: outline cells, or move the plot"),
    PairAction("back", "↩", "u", False, "Back to the cell before"),
    PairAction("forward", "↪", "u", True, "Forward to the cell that was gone back from"),
)
"""The only table of actions of the embedding view."""


def action_of(letter: str, shift: bool) -> PairAction | None:
    """Return the action of a key, None if it has none."""
    return next((a for a in EMBEDDING_ACTIONS if (a.key, a.shift) == (letter, shift)), None)
