"""Small things that the tabs of the training dock are made of."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QPushButton

__all__ = ("button", "words")


def button(text: str, tooltip: str) -> QPushButton:
    """Return a button that is as narrow as its text."""
    made = QPushButton(text)
    made.setToolTip(tooltip)
    made.setMinimumWidth(made.fontMetrics().horizontalAdvance(text) + 14)
    return made


def words(tooltip: str, text: str = "") -> QLabel:
    """Return a text that wraps and can be copied."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setToolTip(tooltip)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
