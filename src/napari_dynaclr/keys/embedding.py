"""What can be done in the embedding view: one table for buttons, keys and tooltips; imports no Qt."""

from __future__ import annotations

from napari_dynaclr.keys.key import KeyAction

__all__ = ("EMBEDDING_ACTIONS",)

EMBEDDING_ACTIONS = (
    KeyAction("previous", "◀", "K", "The selected cell before", True),
    KeyAction("next", "▶", "J", "The next of the selected cells: jumps there", True),
    KeyAction("nearest", "Nearest", "N", "Go to the nearest neighbour of this cell"),
    KeyAction("find", "Find", "G", "Bring this cell to the middle of the plot"),
    KeyAction("fit", "All", "Shift+G", "Show the whole embedding"),
    KeyAction("clear", "Clear", "W", "Select no cells any more; this cell stays"),
    KeyAction("colour", "Colour", "H", "Colour by the next thing"),
    KeyAction("drag", "Move", "Q", "What dragging does: outline cells, or move the plot"),
    KeyAction("back", "↩", "U", "Back to the cell before"),
    KeyAction("forward", "↪", "Shift+U", "Forward to the cell that was gone back from"),
)
"""The only table of actions of the embedding view."""
