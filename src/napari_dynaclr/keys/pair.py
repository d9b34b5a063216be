"""Actions of the pair view: one table for buttons, keyboard shortcuts, tooltips and help."""

from __future__ import annotations

from napari_dynaclr.keys.key import KeyAction

__all__ = ("PAIR_ACTIONS", "PAIR_KEY_ACTIONS")

PAIR_ACTIONS = (
    KeyAction(
        "previous",
        "◀",
        "K",
        "Previous pair, across batches",
        repeats=True,
        act=lambda pairs: pairs.walk(-1),
    ),
    KeyAction(
        "next",
        "▶",
        "J",
        "Next pair, across batches",
        repeats=True,
        act=lambda pairs: pairs.walk(1),
    ),
    KeyAction(
        "random",
        "Random",
        "N",
        "A random pair of this epoch",
        act=lambda pairs: pairs.go_to_random(),
    ),
    KeyAction(
        "anchor",
        "This cell",
        "Q",
        "Draw positives for the selected cell only",
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
        "Back to the pair in its batch",
        act=lambda pairs: pairs.go_to_batch(),
    ),
    KeyAction(
        "back", "Back", "U", "Back to the previously selected cell", act=lambda pairs: pairs.session.back()
    ),
    KeyAction(
        "forward",
        "Forward",
        "Shift+U",
        "Forward to the cell selected after this one",
        act=lambda pairs: pairs.session.forward(),
    ),
    KeyAction("help", "?", "Shift+H", "Show or hide the keyboard shortcuts"),
)
"""The only table of actions of the pair view."""

PAIR_KEY_ACTIONS = (
    *PAIR_ACTIONS,
    KeyAction("mode", "", "H", "The next stage: augmented (network input), normalized, raw"),
)
"""The actions, and what else has a key in the pair view."""
