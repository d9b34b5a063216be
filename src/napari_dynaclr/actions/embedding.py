"""What can be done in the embedding view: one table for buttons, keys and tooltips; imports no Qt."""

from __future__ import annotations

from napari_dynaclr.actions.key import KeyAction

__all__ = ("EMBEDDING_ACTIONS",)

EMBEDDING_ACTIONS = (
    KeyAction("previous", "◀", "k", False, "The selected cell before", True),
    KeyAction("next", "▶", "j", False, "The next of the selected cells: jumps there", True),
    KeyAction("nearest", "Nearest", "n", False, "Go to the nearest neighbour of this cell"),
    KeyAction("find", "Find", "g", False, "Bring this cell to the middle of the plot"),
    KeyAction("fit", "All", "g", True, "Show the whole embedding"),
    KeyAction("clear", "Clear", "w", False, "Select no cells any more; this cell stays"),
    KeyAction("colour", "Colour", "h", False, "Colour by the next thing"),
    KeyAction("drag", "Move", "q", False, "What dragging does: outline cells, or move the plot"),
    KeyAction("back", "↩", "u", False, "Back to the cell before"),
    KeyAction("forward", "↪", "u", True, "Forward to the cell that was gone back from"),
)
"""The only table of actions of the embedding view."""
