"""What can be done in the pair view: one table for buttons, keys, tooltips and help; imports no Qt."""

from __future__ import annotations

from napari_dynaclr.keys.key import KeyAction

__all__ = ("PAIR_ACTIONS", "PAIR_KEY_ACTIONS")

PAIR_ACTIONS = (
    KeyAction(
        "previous",
        "◀",
        "K",
        "The pair before, over the borders of batches",
        repeats=True,
        act=lambda pairs: pairs.walk(-1),
    ),
    KeyAction(
        "next",
        "▶",
        "J",
        "The next pair, over the borders of batches",
        repeats=True,
        act=lambda pairs: pairs.walk(1),
    ),
    KeyAction(
        "random",
        "Random",
        "N",
        "A pair of a batch that is drawn at random",
        act=lambda pairs: pairs.go_to_random(),
    ),
    KeyAction(
        "anchor",
        "This cell",
        "Q",
        "Draw pairs for the selected cell alone",
        act=lambda pairs: pairs.draw_for_selected(),
    ),
    KeyAction(
        "again",
        "Draw again",
        "G",
        "Redraw positives for the same anchors",
        act=lambda pairs: pairs.draw_again(),
    ),
    KeyAction(
        "batch",
        "In batch",
        "W",
        "The pair of the batch that was shown before it was drawn alone",
        act=lambda pairs: pairs.go_to_batch(),
    ),
    KeyAction(
        "back", "Back", "U", "The cell that was selected before", act=lambda pairs: pairs.session.back()
    ),
    KeyAction(
        "forward",
        "Forward",
        "Shift+U",
        "The cell that was gone back from",
        act=lambda pairs: pairs.session.forward(),
    ),
    KeyAction("help", "?", "Shift+H", "Show or hide the keys"),
)
"""The only table of actions of the pair view."""

PAIR_KEY_ACTIONS = (
    *PAIR_ACTIONS,
    KeyAction("mode", "", "H", "The next stage: augmented (network input), normalized, raw"),
)
"""The actions, and what else has a key in the pair view."""
