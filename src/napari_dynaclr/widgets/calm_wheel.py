"""Ignores the mouse wheel over fields without the focus."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QWidget


class CalmWheel(QObject):
    """Lets the wheel pass fields that have no focus, so that scrolling a form changes nothing."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Hold the wheel back."""
        if event is None or event.type() != QEvent.Type.Wheel or not isinstance(watched, QWidget):
            return False
        if watched.hasFocus():
            return False
        event.ignore()
        return True


def calm_wheels(view: QWidget) -> None:
    """Hold the wheel back from the numbers and choices that a view holds now; a click focuses them."""
    calm = CalmWheel(view)
    for field in (*view.findChildren(QAbstractSpinBox), *view.findChildren(QComboBox)):
        if field.focusPolicy() == Qt.FocusPolicy.WheelFocus:
            field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        field.installEventFilter(calm)
