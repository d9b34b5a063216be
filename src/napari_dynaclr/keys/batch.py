"""What can be done by keys in the batch view; imports no Qt."""

from __future__ import annotations

from napari_dynaclr.keys.key import KeyAction

__all__ = ("BATCH_ACTIONS",)

BATCH_ACTIONS = (
    KeyAction(
        "previous",
        "\N{BLACK LEFT-POINTING TRIANGLE}",
        "K",
        "The batch before",
        True,
        act=lambda at: at.step("previous"),
    ),
    KeyAction(
        "next",
        "\N{BLACK RIGHT-POINTING TRIANGLE}",
        "J",
        "The next batch",
        True,
        act=lambda at: at.step("next"),
    ),
)
"""The only table of actions of the batch view."""
