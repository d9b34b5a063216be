"""Actions of the embedding view: one table for buttons, keyboard shortcuts and tooltips."""

from __future__ import annotations

from napari_dynaclr.keys.key import KeyAction

__all__ = ("EMBEDDING_ACTIONS",)

EMBEDDING_ACTIONS = (
    KeyAction("previous", "◀", "K", "Previous selected cell", True, act=lambda at: at.walk(-1)),
    KeyAction("next", "▶", "J", "Next selected cell", True, act=lambda at: at.walk(1)),
    KeyAction(
        "nearest",
        "Nearest",
        "N",
        "Go to the nearest neighbor of this cell",
        act=lambda at: at.neighbours.nearest(),
    ),
    KeyAction("find", "Find", "G", "Center this cell in the plot"),
    KeyAction("fit", "All", "Shift+G", "Show the whole embedding"),
    KeyAction("clear", "Clear", "W", "Deselect all cells; this cell stays", act=lambda at: at.select_none()),
    KeyAction("color", "Color", "H", "Color by the next property", act=lambda at: at.next_colour()),
    KeyAction("drag", "Move", "Q", "Switch dragging between outlining cells and moving the plot"),
    KeyAction("back", "↩", "U", "Back to the previously selected cell", act=lambda at: at.session.back()),
    KeyAction(
        "forward",
        "↪",
        "Shift+U",
        "Forward to the cell selected after this one",
        act=lambda at: at.session.forward(),
    ),
)
"""The only table of actions of the embedding view."""
