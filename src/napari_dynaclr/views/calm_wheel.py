"""Holds the wheel back from fields without the focus; knows no field."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QWidget

__all__ = ("CalmWheel",)


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
