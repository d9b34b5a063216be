"""What can be done in the pair view: one table for buttons, keys, tooltips and help; imports no Qt."""

from __future__ import annotations

from napari_dynaclr.key_actions import KeyAction

__all__ = ("MODE_KEY", "PAIR_ACTIONS", "pair_keys")

MODE_KEY = "h"
"""Letter that asks for the next way of looking."""


PAIR_ACTIONS = (
    KeyAction("previous", "◀", "k", False, "The pair before, over the borders of batches", True),
    KeyAction("next", "▶", "j", False, "The next pair, over the borders of batches", True),
    KeyAction("random", "Random", "n", False, "A pair of a batch that is drawn at random"),
    KeyAction("anchor", "This cell", "q", False, "Draw pairs for the selected cell alone"),
    KeyAction("again", "Draw again", "g", False, "The same anchors with the key of the next batch"),
    KeyAction(
        "batch", "In batch", "w", False, "The pair of the batch that was shown before it was drawn alone"
    ),
    KeyAction("back", "Back", "u", False, "The cell that was selected before"),
    KeyAction("forward", "Forward", "u", True, "The cell that was gone back from"),
    KeyAction("help", "?", "h", True, "Show or hide the keys"),
)
"""The only table of actions of the pair view."""


def pair_keys() -> str:
    """Return all keys as a small HTML table."""
    known = [(action.shortcut, action.tooltip) for action in PAIR_ACTIONS]
    known.append((MODE_KEY.upper(), "The next way of looking: as the network sees it, normalised, as read"))
    rows = [f"<tr><td><code>{key}</code>&nbsp;&nbsp;</td><td>{text}</td></tr>" for key, text in known]
    return f"<table>{''.join(rows)}</table>Keys act while this panel has the focus: click into it."
