"""Actions of the batch view and their keyboard shortcuts."""

from __future__ import annotations

from napari_dynaclr.keys.key import KeyAction

__all__ = ("BATCH_ACTIONS",)

BATCH_ACTIONS = (
    KeyAction(
        "previous",
        "\N{BLACK LEFT-POINTING TRIANGLE}",
        "K",
        "Previous batch",
        True,
        act=lambda at: at.step("previous"),
    ),
    KeyAction(
        "next",
        "\N{BLACK RIGHT-POINTING TRIANGLE}",
        "J",
        "Next batch",
        True,
        act=lambda at: at.step("next"),
    ),
)
"""The only table of actions of the batch view."""
