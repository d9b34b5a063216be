"""What can be done in the pair view: one table for buttons, keys, tooltips and help; imports no Qt."""

from __future__ import annotations

from napari_dynaclr.keys.key import KeyAction

__all__ = ("PAIR_ACTIONS", "PAIR_KEY_ACTIONS")

PAIR_ACTIONS = (
    KeyAction("previous", "◀", "K", "The pair before, over the borders of batches", True),
    KeyAction("next", "▶", "J", "The next pair, over the borders of batches", True),
    KeyAction("random", "Random", "N", "A pair of a batch that is drawn at random"),
    KeyAction("anchor", "This cell", "Q", "Draw pairs for the selected cell alone"),
    KeyAction("again", "Draw again", "G", "The same anchors with the key of the next batch"),
    KeyAction("batch", "In batch", "W", "The pair of the batch that was shown before it was drawn alone"),
    KeyAction("back", "Back", "U", "The cell that was selected before"),
    KeyAction("forward", "Forward", "Shift+U", "The cell that was gone back from"),
    KeyAction("help", "?", "Shift+H", "Show or hide the keys"),
)
"""The only table of actions of the pair view."""

PAIR_KEY_ACTIONS = (
    *PAIR_ACTIONS,
    KeyAction("mode", "", "H", "The next way of looking: as the network sees it, normalised, as read"),
)
"""The actions, and what else has a key in the pair view."""
