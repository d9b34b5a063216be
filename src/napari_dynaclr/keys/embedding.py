"""What can be done in the embedding view: one table for buttons, keys and tooltips; imports no Qt."""

from __future__ import annotations

from napari_dynaclr.keys.key import KeyAction

__all__ = ("EMBEDDING_ACTIONS",)

EMBEDDING_ACTIONS = (
    KeyAction("previous", "◀", "K", "The selected cell before", True, act=lambda at: at.walk(-1)),
    KeyAction("next", "▶", "J", "Go to the next of the selected cells", True, act=lambda at: at.walk(1)),
    KeyAction(
        "nearest",
        "Nearest",
        "N",
        "Go to the nearest neighbor of this cell",
        act=lambda at: at.neighbours.nearest(),
    ),
    KeyAction("find", "Find", "G", "Bring this cell to the middle of the plot"),
    KeyAction("fit", "All", "Shift+G", "Show the whole embedding"),
    KeyAction("clear", "Clear", "W", "Deselect all cells; this cell stays", act=lambda at: at.select_none()),
    KeyAction("colour", "Colour", "H", "Color by the next property", act=lambda at: at.next_colour()),
    KeyAction("drag", "Move", "Q", "What dragging does: outline cells, or move the plot"),
    KeyAction("back", "↩", "U", "Back to the cell before", act=lambda at: at.session.back()),
    KeyAction(
        "forward",
        "↪",
        "Shift+U",
        "Forward to the cell that was gone back from",
        act=lambda at: at.session.forward(),
    ),
)
"""The only table of actions of the embedding view."""
