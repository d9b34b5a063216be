"""The dock of trainings: start, watch, and the runs of a folder; puts its tabs together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import ref

from qtpy.QtCore import QEvent, QObject, Signal
from qtpy.QtWidgets import QMainWindow, QMessageBox, QTabWidget, QVBoxLayout, QWidget

from napari_dynaclr.colours import DARK, plot_colours
from napari_dynaclr.views.runs_tab import RunsTab
from napari_dynaclr.views.start_tab import StartTab
from napari_dynaclr.views.watch_tab import WatchTab

__all__ = ("TrainingView",)


class TrainingView(QWidget):
    """Three tabs, and the question that closing the window asks."""

    closing = Signal()
    """The window is about to close."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.start, self.watch, self.runs = StartTab(), WatchTab(plot_colours(DARK)), RunsTab()
        self.tabs = QTabWidget()
        for tab, title, tip in (
            (self.start, "Start", "Put a training together and start it"),
            (self.watch, "Watch", "Curves, progress and log of runs"),
            (self.runs, "Runs", "All runs of a folder"),
        ):
            self.tabs.addTab(tab, title)
            self.tabs.setTabToolTip(self.tabs.count() - 1, tip)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 2, 2, 2)
        column.addWidget(self.tabs)
        self._window: ref[QMainWindow] | None = None  # a window must not live on because its dock does

    def show_tab(self, tab: QWidget) -> None:
        """Bring a tab to the front."""
        self.tabs.setCurrentWidget(tab)

    def set_theme(self, theme: Mapping[str, str]) -> None:
        """Follow a theme, at least "background" and "text"."""
        self.watch.set_colours(plot_colours(theme))

    def showEvent(self, event: Any) -> None:
        """Learn which window this dock belongs to, to hear of its end."""
        super().showEvent(event)
        place: QWidget | None = self.parentWidget()
        while place is not None and not isinstance(place, QMainWindow):
            place = place.parentWidget()
        if isinstance(place, QMainWindow) and not self._is_window(place):
            self._window = ref(place)
            place.installEventFilter(self)

    def _is_window(self, thing: object) -> bool:
        return self._window is not None and self._window() is thing

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Tell that the window closes."""
        if event is not None and event.type() == QEvent.Type.Close and self._is_window(watched):
            self.closing.emit()
        return False

    def ask_leave(self, names: str) -> bool:
        """Ask whether runs that go on are left running when the window closes; that is the default."""
        box = QMessageBox(self)
        box.setWindowTitle("Trainings go on")
        box.setText(f"Still training: {names}.")
        box.setInformativeText(
            "They go on by themselves and can be watched again, or they stop and can be resumed."
        )
        leave = box.addButton("Leave running", QMessageBox.ButtonRole.AcceptRole)
        box.addButton("Stop them", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(leave)
        box.setEscapeButton(leave)
        box.exec()
        return box.clickedButton() is leave
