"""What can be done in the pair view: one table for buttons, keys, tooltips and help; imports no Qt."""

from __future__ import annotations

from collections.abc import Mapping

from napari_dynaclr.actions.key import KeyAction

__all__ = ("PAIR_ACTIONS", "PAIR_KEY_ACTIONS", "pair_keys")

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

PAIR_KEY_ACTIONS = (
    *PAIR_ACTIONS,
    KeyAction("mode", "", "h", False, "The next way of looking: as the network sees it, normalised, as read"),
)
"""The actions, and what else has a key in the pair view."""


def pair_keys(keys: Mapping[str, str]) -> str:
    """Return all keys, given by name of the action, as a small HTML table."""
    known = [(keys[action.name], action.tooltip) for action in PAIR_KEY_ACTIONS]
    rows = [f"<tr><td><code>{key}</code>&nbsp;&nbsp;</td><td>{text}</td></tr>" for key, text in known]
    note = "Keys act while this panel has the focus: click into it. Others can be chosen in the preferences."
    return f"<table>{''.join(rows)}</table>{note}"
