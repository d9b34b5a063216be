"""Small things that the tabs of the training dock are made of."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

__all__ = ("Fold", "button", "words")


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


class Fold(QWidget):
    """Something that is seldom needed, under a button that shows and hides it.

    Parameters
    ----------
    title, tooltip
        Of the button.
    content
        What is shown and hidden.
    opened
        Whether it is shown at first.
    """

    def __init__(self, title: str, tooltip: str, content: QWidget, opened: bool = False) -> None:
        super().__init__()
        self._title = title
        self.head = QPushButton()
        self.head.setCheckable(True)
        self.head.setToolTip(tooltip)
        self.head.setStyleSheet("text-align: left;")
        self.content = content
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.head)
        column.addWidget(content)
        self.head.toggled.connect(self._show)
        self.head.setChecked(opened)
        self._show(opened)

    def set_title(self, title: str) -> None:
        """Name it anew."""
        self._title = title
        self._show(self.head.isChecked())

    def _show(self, opened: bool) -> None:
        self.head.setText(f"{'▾' if opened else '▸'} {self._title}")
        self.content.setVisible(opened)
