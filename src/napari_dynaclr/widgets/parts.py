"""Small things that the tabs of the training dock are made of."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QDoubleSpinBox, QLabel, QPushButton, QSizePolicy, QWidget
from superqt import QCollapsible

_ANY_HEIGHT = 2**24 - 1

__all__ = ("Fold", "PlainNumber", "button", "words")


def button(text: str, tooltip: str) -> QPushButton:
    """Return a button that is as narrow as its text."""
    made = QPushButton(text)
    made.setToolTip(tooltip)
    made.setMinimumWidth(made.fontMetrics().horizontalAdvance(text) + 14)
    return made


class _Words(QLabel):
    """A text that wraps and gets the height it needs, also inside a scroll area, which asks for none."""

    def resizeEvent(self, event: Any) -> None:
        """Ask for the height at this width."""
        super().resizeEvent(event)
        self._fit()

    def setText(self, text: str | None) -> None:
        """Show a text, and ask for its height."""
        super().setText(text)
        self._fit()

    def _fit(self) -> None:
        if self.wordWrap():
            self.setMinimumHeight(max(self.heightForWidth(self.width()), 0))


def words(tooltip: str, text: str = "") -> QLabel:
    """Return a text that wraps and can be copied."""
    label = _Words(text)
    label.setWordWrap(True)
    label.setToolTip(tooltip)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


class PlainNumber(QDoubleSpinBox):
    """A number without zeros at its end."""

    def textFromValue(self, value: float) -> str:
        """Return what is shown."""
        locale = self.locale()
        return locale.toString(value, "g", 6).replace(locale.groupSeparator(), "")


class Fold(QCollapsible):
    """Something that is seldom needed, under a button that shows and hides it.

    superqt's section, at once and without the limit that it sets to the height of what it shows: texts that
    come later may make that higher. What is hidden gets no focus. The arrow is a part of the title, as an
    icon would keep the color of the theme in which it was made.

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
        self._title = title
        self._instead: tuple[QWidget, ...] = ()
        super().__init__(title, expandedIcon=QIcon(), collapsedIcon=QIcon())
        self.head: QPushButton = self.toggleButton()
        self.head.setToolTip(tooltip)
        self.head.setStyleSheet("text-align: left;")
        self.setDuration(0)
        column = self.layout()
        assert column is not None
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.removeWidget(self.content())
        self.content().deleteLater()
        self.setContent(content)
        self.toggled.connect(self._show)
        self.set_open(opened)

    @property
    def is_open(self) -> bool:
        """Whether the content is shown."""
        return bool(self.isExpanded())

    def set_open(self, opened: bool) -> None:
        """Show or hide the content."""
        (self.expand if opened else self.collapse)(animate=False)

    def set_title(self, title: str) -> None:
        """Name it anew."""
        self._title = title
        self._show(self.is_open)

    def hide_while_open(self, *others: QWidget) -> None:
        """Hide other parts while the content is shown: there is no room for both."""
        self._instead = others

    def _show(self, opened: bool) -> None:
        self.head.setText(f"{'▾' if opened else '▸'} {self._title}")
        self.content().setMaximumHeight(_ANY_HEIGHT)
        policy = QSizePolicy.Policy
        self.setSizePolicy(policy.Preferred, policy.Preferred if opened else policy.Maximum)
        parts = [(self.content(), opened), *((other, not opened) for other in self._instead)]
        for part, shown in sorted(parts, key=lambda part: part[1]):
            part.setVisible(shown)  # what goes goes first: a window that had to grow for both stays high
