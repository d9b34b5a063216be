"""A frame around the widget with the keyboard focus, which napari's style does not draw."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QApplication, QWidget

_WIDTH_PX = 2


class FocusRing(QWidget):
    """Lies over the part of a view that has the focus, lets the mouse through, and goes with the view.

    Parameters
    ----------
    view
        The view; it has the ring itself when it has the focus, which says that its keys act.
    """

    def __init__(self, view: QWidget) -> None:
        super().__init__(view)
        self.around: QWidget | None = None
        """What the ring is around."""
        self._view = view
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._on_focus)
        self._on_focus(None, app.focusWidget())

    def _on_focus(self, old: QWidget | None, new: QWidget | None) -> None:
        """Go to the part of the view that has got the focus."""
        view = self._view
        inside = new is not None and (new is view or view.isAncestorOf(new))
        self.around = new if inside else None
        self.setVisible(inside)
        if self.around is not None:
            self.around.installEventFilter(self)
            self._fit()
            self.raise_()

    def _fit(self) -> None:
        """Cover the part; the ring is a child of the view, so that no layout of a part meets it."""
        if self.around is None:
            return
        rect = self.around.rect()
        rect.moveTopLeft(self.around.mapTo(self._view, rect.topLeft()))
        self.setGeometry(rect.intersected(self._view.rect()))

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the part; let everything pass."""
        kinds = (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Paint)
        if event is not None and watched is self.around and event.type() in kinds:
            self._fit()
        return False

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the frame in the color of text."""
        color = QColor(self.palette().windowText().color())
        painter = QPainter(self)
        painter.setPen(QPen(color, _WIDTH_PX))
        half = _WIDTH_PX // 2
        painter.drawRect(self.rect().adjusted(half, half, -half, -half))
        painter.end()
