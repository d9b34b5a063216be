"""The view of an embedding: plot, legend, selected cells, neighbors; emits requests only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QProgressBar, QSplitter, QTabWidget, QVBoxLayout, QWidget
from superqt import QFlowLayout

from napari_dynaclr.keys.embedding import EMBEDDING_ACTIONS
from napari_dynaclr.keys.tables import hint
from napari_dynaclr.presentation.colors import DARK, plot_colours
from napari_dynaclr.state.embedding_colors import Colouring
from napari_dynaclr.views.embedding_parts import Choices, SelectedList, Source, legend_text
from napari_dynaclr.views.neighbour_panel import NeighbourPanel
from napari_dynaclr.widgets.empty_page import with_empty_page
from napari_dynaclr.widgets.parts import button, words
from napari_dynaclr.widgets.pressed import KeyFollower, action_for
from napari_dynaclr.widgets.scatter_plot import ScatterPlot

_EMPTY = (
    "<b>No embedding is open</b><br><br>{} the "
    "parquet file that <code>predict</code> wrote. A run that is opened or attached brings its own."
)
_WITH_RUNS = "Choose a run above and press <i>Predict and explore</i>, or open"
_WITHOUT_RUNS = (
    "No finished run yet: start one in the dock <i>Training</i>, or watch one there; "
    "or open with <i>Open ...</i>"
)
_STATE_TIP = "Current embedding, or the task in progress"
_MOST_LINES = 3
_REPEATED = {action.name for action in EMBEDDING_ACTIONS if action.repeats}
_PLOT_TIP = (
    "Each point is a cell in a frame. Drag around points to select them (Shift adds, Ctrl removes), "
    "click one to go there; the wheel zooms, the middle button moves."
)


class EmbeddingView(QWidget):
    """Source and progress above, then choices, plot, legend, buttons, and two tabs."""

    action_requested = Signal(str)
    """Name of an action of `EMBEDDING_ACTIONS` that the view cannot do alone."""

    def __init__(self, layouts: Sequence[str], colours: Sequence[str], spaces: Sequence[str]) -> None:
        super().__init__()
        self.colours = plot_colours(DARK)
        self._coloring: Colouring | None = None
        self.number: int | None = None
        self.source = Source()
        self.bar = QProgressBar()
        self.state = words(_STATE_TIP)
        self.choices = Choices(layouts, colours, spaces)
        self.scatter = ScatterPlot(self.colours)
        self.scatter.plot.setToolTip(_PLOT_TIP)
        self.scatter.setMinimumHeight(180)
        self.legend = words("What the colors mean")
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.selected = SelectedList()
        self.neighbours = NeighbourPanel(self.colours)
        self.buttons = {action.name: button(action.label, action.tooltip) for action in EMBEDDING_ACTIONS}
        self.buttons["drag"].setCheckable(True)
        self.tabs = QTabWidget()
        self._arrange()
        for name, item in self.buttons.items():
            item.clicked.connect(lambda _=False, name=name: self._do(name))
            item.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys stay with the view
        self._follower = KeyFollower(self, "embedding_keys", self._set_keys)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.set_progress("", 0, 0, False)

    def _set_keys(self, keys: Mapping[str, str]) -> None:
        """Say the keys in the tooltips."""
        for action in EMBEDDING_ACTIONS:
            self.buttons[action.name].setToolTip(hint(action.tooltip, keys[action.name]))

    def _arrange(self) -> None:
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        row = QFlowLayout()
        row.setSpacing(3)
        for item in self.buttons.values():
            row.addWidget(item)
        column.addWidget(self.choices)
        column.addWidget(self.scatter, 1)
        column.addWidget(self.legend)
        column.addLayout(row)
        self.tabs.addTab(self.neighbours, "Neighbors")
        self.tabs.addTab(self.selected, "Selected")
        self.tabs.setTabToolTip(0, "Cells whose vectors are most similar to that of the selected cell")
        self.tabs.setTabToolTip(1, "Cells inside the outline, by field of view")
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(upper)
        splitter.addWidget(self.tabs)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        splitter.setChildrenCollapsible(False)
        content = QWidget()
        self.empty = QLabel(_EMPTY.format(_WITHOUT_RUNS))
        self.pages = with_empty_page(content, self.empty, splitter)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(2, 2, 2, 2)
        outer.setSpacing(3)
        for widget in (self.source, self.bar, self.state):
            outer.addWidget(widget)
        outer.addWidget(content, 1)

    def set_progress(self, step: str, done: int, total: int, busy: bool = True) -> None:
        """Show how far the work is; a total of 0 is not known."""
        self.bar.setVisible(busy)
        self.source.set_busy(busy)
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.bar.setFormat("%v of %m")
        self.bar.setToolTip(step)

    def set_state(self, text: str) -> None:
        """Say what is shown or done: its first lines, all of it as the tooltip."""
        lines = text.splitlines()
        more = len(lines) > _MOST_LINES
        self.state.setText("\n".join(lines[:_MOST_LINES]) + (" ..." if more else ""))
        self.state.setToolTip(text if more else _STATE_TIP)

    def set_runs(self, runs: Sequence[Path], current: Path | None) -> None:
        """Offer runs, and say what to do first."""
        self.source.set_runs(runs, current)
        self.empty.setText(_EMPTY.format(_WITH_RUNS if runs else _WITHOUT_RUNS))

    def set_embedding(self, there: bool) -> None:
        """Show what to do, or the plot."""
        self.pages.setCurrentIndex(1 if there else 0)

    def set_points(
        self, points: npt.NDArray[Any], order: npt.NDArray[np.int64], axes: tuple[str, str]
    ) -> None:
        """Show other points (N, 2), painted in an order (N,)."""
        self.scatter.set_points(points, order)
        self.scatter.set_axes(*axes)
        self.number = None

    def set_colouring(self, colouring: Colouring) -> None:
        """Color the points and say what that means."""
        self._coloring = colouring
        table = colouring.table(self.colours.cycle)
        self.scatter.set_codes(colouring.codes, table)
        self.legend.setText(legend_text(colouring, table))

    def set_cell(
        self, number: int | None, track: npt.NDArray[np.int64], family: Sequence[npt.NDArray[np.int64]]
    ) -> None:
        """Mark the selected cell, the path of its track, and those of its family."""
        self.number = number
        self.scatter.set_path(number, track, family)
        for name in ("find", "nearest"):
            self.buttons[name].setEnabled(number is not None)

    def set_travel(self, back: bool, forward: bool, walk: bool) -> None:
        """Say where the buttons lead."""
        self.buttons["back"].setEnabled(back)
        self.buttons["forward"].setEnabled(forward)
        for name in ("previous", "next", "clear"):
            self.buttons[name].setEnabled(walk)

    def set_theme(self, theme: Mapping[str, str]) -> None:
        """Follow a theme, at least "background" and "text"."""
        self.colours = plot_colours(theme)
        self.scatter.set_colours(self.colours)
        self.neighbours.sheet.set_colours(self.colours)
        if self._coloring is not None:
            self.set_colouring(self._coloring)

    def _do(self, name: str) -> None:
        """Do an action, or ask for it."""
        if name == "fit":
            self.scatter.fit()
        elif name == "find":
            if self.number is not None:
                self.scatter.centre(self.number)
        elif name == "drag":
            self.scatter.set_outlining(not self.buttons["drag"].isChecked())
        else:
            self.action_requested.emit(name)

    def keyPressEvent(self, event: Any) -> None:
        """Do the action of a key."""
        name = action_for(event, "embedding_keys")
        if name is None:
            super().keyPressEvent(event)
        elif event.isAutoRepeat() and name not in _REPEATED:
            return
        elif self.buttons[name].isEnabled():
            self.buttons[name].click()
