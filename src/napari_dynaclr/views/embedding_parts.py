"""Parts of the embedding view: the choices above the plot, the legend, the selected cells by FOV."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QListWidget, QListWidgetItem, QSpinBox, QVBoxLayout, QWidget
from superqt import QFlowLayout

from napari_dynaclr.presentation.training_text import run_title
from napari_dynaclr.state.embedding_colors import Colouring
from napari_dynaclr.widgets.calm_wheel import CalmWheel
from napari_dynaclr.widgets.parts import button, words

_MOST_NAMES = 21
_STOPS = 9
_MOST_GROUPS = 40


class Source(QWidget):
    """Which run is embedded or which file is opened."""

    predict_requested = Signal(object)
    """Run folder."""
    open_requested = Signal()
    cancel_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.run = QComboBox()
        self.run.setMinimumContentsLength(10)
        self.run.setToolTip("The run whose encoder is used: the best checkpoint, else the newest one")
        self.predict = button(
            "Predict and explore", "Embed all cells of this run's data in the background, then show them"
        )
        self.open = button("Open ...", "Open an earlier embedding (a parquet file written by predict)")
        self.cancel = button("Cancel", "Cancel the running task")
        self.cancel.hide()
        row = QFlowLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.run, self.predict, self.open, self.cancel):
            row.addWidget(widget)
        self.predict.clicked.connect(self._on_predict)
        self.open.clicked.connect(lambda: self.open_requested.emit())
        self.cancel.clicked.connect(lambda: self.cancel_requested.emit())
        self.set_runs((), None)

    def set_runs(self, runs: Sequence[Path], current: Path | None) -> None:
        """Offer runs; the one that is chosen stays if it is still there."""
        chosen = self.run.currentData()
        self.run.clear()
        for path in runs:
            self.run.addItem(run_title(path.name), str(path))
            self.run.setItemData(self.run.count() - 1, str(path), Qt.ItemDataRole.ToolTipRole)
        wanted = chosen if chosen is not None and self.run.findData(chosen) >= 0 else str(current)
        self.run.setCurrentIndex(max(self.run.findData(wanted), 0) if runs else -1)
        self.run.setVisible(bool(runs))  # the layout leaves out an empty list, which would cover the buttons
        self._enable(True)

    def set_busy(self, busy: bool) -> None:
        """Offer to cancel instead of beginning anew."""
        self.cancel.setVisible(busy)
        self._enable(not busy)

    def _enable(self, idle: bool) -> None:
        there = self.run.count() > 0
        self.predict.setEnabled(idle and there)
        tip = "Embed all cells of this run's data in the background, then show them"
        self.predict.setToolTip(tip if there else "No finished run yet: watch one in Training")

    def _on_predict(self) -> None:
        self.predict_requested.emit(Path(self.run.currentData()))


class Choices(QWidget):
    """Map, colors, vectors and number of clusters."""

    chosen = Signal(str, object)
    """Field of `Look` and its value."""

    def __init__(self, layouts: Sequence[str], colours: Sequence[str], spaces: Sequence[str]) -> None:
        super().__init__()
        self._wheel = CalmWheel()
        self.layouts = self._combo(
            layouts, "layout", "What the plot shows; t-SNE and UMAP take minutes, once"
        )
        self.colours = self._combo(colours, "colour_by", "Property that colors the cells in plot and image")
        self.spaces = self._combo(
            spaces, "space", "Features are what probes use, projections what the loss compares"
        )
        self.groups = QSpinBox()
        self.groups.setRange(2, _MOST_GROUPS)
        self.groups.setKeyboardTracking(False)
        self.groups.setSuffix(" clusters")
        self.groups.setToolTip("Number of k-means clusters, from the first 50 principal components")
        self.groups.valueChanged.connect(lambda value: self.chosen.emit("groups", value))
        row = QFlowLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.layouts, self.colours, self.spaces, self.groups):
            row.addWidget(widget)
        for widget in (self.layouts, self.colours, self.spaces, self.groups):
            widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            widget.installEventFilter(self._wheel)

    def _combo(self, items: Sequence[str], field: str, tooltip: str) -> QComboBox:
        combo = QComboBox()
        combo.addItems([str(item) for item in items])
        combo.setToolTip(tooltip)
        combo.setMinimumContentsLength(max(len(str(item)) for item in items) - 1)
        combo.activated.connect(lambda _: self.chosen.emit(field, combo.currentText()))
        return combo

    def set_values(self, look: Any) -> None:
        """Show a `Look`."""
        self.layouts.setCurrentText(look.layout)
        self.colours.setCurrentText(look.colour_by)
        self.spaces.setCurrentText(look.space)
        self.groups.blockSignals(True)
        self.groups.setValue(look.groups)
        self.groups.blockSignals(False)
        self.groups.setVisible(look.colour_by == "cluster")


class SelectedList(QWidget):
    """How many cells are selected in which fields of view; a click goes there."""

    fov_clicked = Signal(int)
    """Code of a field of view."""

    def __init__(self) -> None:
        super().__init__()
        self.count = words("The cells inside the outline")
        self.fovs = QListWidget()
        self.fovs.setToolTip(
            "Click a field of view to go to its first selected cell; J and K step through them all"
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 4, 2, 2)
        column.addWidget(self.count)
        column.addWidget(self.fovs, 1)
        self.fovs.itemClicked.connect(self._on_item)
        self.fovs.itemActivated.connect(self._on_item)
        self.set_fovs(())

    def set_fovs(self, fovs: Sequence[tuple[int, str, int]]) -> None:
        """Show code, title and number of selected cells of fields of view."""
        total = sum(count for _, _, count in fovs)
        self.count.setText(
            f"<b>{_counted(total, 'cell')} in {_counted(len(fovs), 'FOV')}</b>"
            if fovs
            else "Drag around points to select their cells; with Shift to add, with Ctrl to remove."
        )
        self.fovs.clear()
        for code, title, count in fovs:
            item = QListWidgetItem(f"{count}   {title}")
            item.setData(Qt.ItemDataRole.UserRole, code)
            self.fovs.addItem(item)

    def _on_item(self, item: QListWidgetItem) -> None:
        self.fov_clicked.emit(int(item.data(Qt.ItemDataRole.UserRole)))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def legend_text(colouring: Colouring, table: npt.NDArray[np.uint8]) -> str:
    """Return what the colors mean as rich text: names with their colors, or the scale with its ends."""
    if colouring.limits is not None:
        places = np.linspace(0, len(table) - 2, _STOPS).astype(int)
        scale = "".join(_sign(table[place], "█") for place in places)
        low, high = (f"{limit:.3g}" for limit in colouring.limits)
        return f"{low} {scale} {high}"
    if not colouring.names:
        return "One color per name; colors repeat."
    parts = [
        f"{_sign(table[place], '●')} {html.escape(name)}"
        for place, name in enumerate(colouring.names[:_MOST_NAMES])
        if place < len(table) - 1
    ]
    more = len(colouring.names) - _MOST_NAMES
    return " &nbsp; ".join([*parts, f"and {more} more"] if more > 0 else parts)


def _sign(colour: npt.NDArray[np.uint8], sign: str) -> str:
    red, green, blue = colour.tolist()
    return f"<span style='color: rgb({red}, {green}, {blue})'>{sign}</span>"
