"""The dock of trainings: start, watch, and the runs of a folder; puts its tabs together."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from napari_dynaclr.presentation.colors import DARK, plot_colours
from napari_dynaclr.views.runs_tab import RunsTab
from napari_dynaclr.views.start_tab import StartTab
from napari_dynaclr.views.watch_tab import WatchTab

__all__ = ("TrainingView",)


class TrainingView(QWidget):
    """Three tabs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.start, self.watch, self.runs = StartTab(), WatchTab(plot_colours(DARK)), RunsTab()
        self.tabs = QTabWidget()
        for tab, title, tip in (
            (self.start, "Start", "Set up and start a training"),
            (self.watch, "Watch", "Curves, progress and log of runs"),
            (self.runs, "Runs", "All runs of a folder"),
        ):
            self.tabs.addTab(tab, title)
            self.tabs.setTabToolTip(self.tabs.count() - 1, tip)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 2, 2, 2)
        column.addWidget(self.tabs)

    def show_tab(self, tab: QWidget) -> None:
        """Bring a tab to the front."""
        self.tabs.setCurrentWidget(tab)

    def set_theme(self, theme: Mapping[str, str]) -> None:
        """Follow a theme, at least "background" and "text"."""
        colors = plot_colours(theme)
        self.watch.set_colours(colors)
        self.start.form.set_warning(colors.of("4"))
