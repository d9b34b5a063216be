"""A label for a text of any length that takes few lines, and scrolls beyond."""

from __future__ import annotations

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea


class LongWords(QScrollArea):
    """A text that wraps, can be copied, and never takes more than a number of lines.

    Parameters
    ----------
    tooltip
        What the text says.
    lines
        Most lines that are shown at once.
    """

    def __init__(self, tooltip: str, lines: int) -> None:
        super().__init__()
        self._lines = lines
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.label.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.label.setToolTip(tooltip)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidgetResizable(True)
        self.setWidget(self.label)
        self.setToolTip(tooltip)

    def text(self) -> str:
        """Return the text."""
        return self.label.text()

    def setText(self, text: str) -> None:
        """Show a text from its beginning."""
        self.label.setText(text)
        self._fit()
        bar = self.verticalScrollBar()
        assert bar is not None
        bar.setValue(0)

    def changeEvent(self, event: QEvent | None) -> None:
        """Fit again when a style gives other fonts and margins."""
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Take the height that the text needs at this width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        line = self.fontMetrics().lineSpacing()
        needed = max(self.label.heightForWidth(self.width()), line)
        most = self._lines * line
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(
            policy.ScrollBarAlwaysOn if needed > most else policy.ScrollBarAlwaysOff
        )
        self.setFixedHeight(min(needed, most))
