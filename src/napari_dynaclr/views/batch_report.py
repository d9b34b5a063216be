"""The report over many batches, as figures and as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QGuiApplication, QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from dynaclr.composition import Composition, table
from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.state.memory import project_folder
from napari_dynaclr.views.batch_panel import CompositionPanel

_EMPTY = (
    "<b>No report yet</b><br><br>Choose how many batches to draw and press <b>Draw</b>: experiments and "
    "conditions, hours, times to the positives, exclusions, coverage, brightness and confounds over all. "
    "Some patches are read to measure their brightness."
)
_COLUMNS = ("section", "name", "value", "reference", "look")
_WIDEST_PX = 220
_MEASURED_ROWS = 100


class _Records(QAbstractTableModel):
    """Records of text as a table; cells are asked for when they are seen, so that any number is quick."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[dict[str, Any]] = []

    def set_records(self, records: list[dict[str, Any]]) -> None:
        """Show others."""
        self.beginResetModel()
        self.records = records
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of records."""
        return len(self.records)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        return len(_COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        """Return the text of a cell, which is its tooltip too."""
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        return str(self.records[index.row()][_COLUMNS[index.column()]])

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | None:
        """Return the title of a column."""
        named = orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return _COLUMNS[section] if named else None


class _Table(QTableView):
    """The report as rows; copies what is selected, or everything."""

    def __init__(self) -> None:
        super().__init__()
        self.records = _Records()
        self.setModel(self.records)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setToolTip("All numbers; select rows and copy them")
        self.setTabKeyNavigation(False)  # the tab key leaves the table
        vertical, horizontal = self.verticalHeader(), self.horizontalHeader()
        assert vertical is not None
        assert horizontal is not None
        vertical.hide()
        horizontal.setResizeContentsPrecision(_MEASURED_ROWS)

    def set_rows(self, rows: list[dict[str, Any]]) -> None:
        """Show records."""
        self.records.set_records(rows)
        self.resizeColumnsToContents()
        for column in range(len(_COLUMNS)):
            self.setColumnWidth(column, min(self.columnWidth(column), _WIDEST_PX))

    def copy(self) -> None:
        """Put the selected rows, or all, on the clipboard, tabs between cells."""
        known = self.records.records
        chosen = sorted({index.row() for index in self.selectedIndexes()}) or range(len(known))
        lines = ["\t".join(str(known[row][name]) for name in _COLUMNS) for row in chosen]
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText("\n".join(["\t".join(_COLUMNS), *lines]))

    def keyPressEvent(self, event: Any) -> None:
        """Copy with the usual key."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)


class BatchReport(QWidget):
    """How many batches, progress, figures, table, and buttons to save."""

    report_requested = Signal(int)
    cancel_requested = Signal()
    save_requested = Signal(object)
    """Path that ends with .csv or .png."""

    def __init__(self, colours: PlotColours) -> None:
        super().__init__()
        self.count = QSpinBox()
        self.count.setRange(1, 100_000)
        self.count.setValue(200)
        self.count.setSuffix(" batches")
        self.count.setToolTip("Number of batches to draw, from the first of the epoch above")
        self.start = QPushButton("Draw")
        self.start.setToolTip("Draw the batches and compute their statistics; reads no pixels")
        self.start.clicked.connect(self._on_start)
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.bar.setToolTip("Batches drawn")
        self.bar.hide()
        self.shown = QComboBox()
        self.shown.addItems(["Figures", "Table"])
        self.shown.setToolTip("Figures or table")
        self.panel, self.rows = CompositionPanel(colours, pooled=True), _Table()
        self._running = False
        self._arrange()

    def _arrange(self) -> None:
        empty = QLabel(_EMPTY)
        empty.setWordWrap(True)
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setMargin(24)
        self.pages = QStackedWidget()
        for page in (empty, self.panel, self.rows):
            self.pages.addWidget(page)
        self.csv = self._button("Save CSV ...", "Save all numbers as a table", "report.csv", "Table (*.csv)")
        self.png = self._button("Save PNG ...", "Save the figures as an image", "report.png", "Image (*.png)")
        self.copy = QPushButton("Copy")
        self.copy.setToolTip("Copy the table")
        self.copy.clicked.connect(self.rows.copy)
        self.shown.currentIndexChanged.connect(lambda place: self.pages.setCurrentIndex(place + 1))
        top, bottom, column = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        top.addWidget(self.count)
        top.addWidget(self.start)
        top.addWidget(self.bar, 1)
        top.addStretch(0)
        for widget in (self.shown, self.csv, self.png, self.copy):
            bottom.addWidget(widget)
        column.setContentsMargins(2, 4, 2, 2)
        column.addLayout(top)
        column.addWidget(self.pages, 1)
        column.addLayout(bottom)
        self._enable(False)

    def _button(self, text: str, tooltip: str, name: str, kind: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tooltip)
        button.clicked.connect(lambda: self._on_save(text, name, kind))
        return button

    def _enable(self, there: bool) -> None:
        for widget in (self.shown, self.csv, self.png, self.copy):
            widget.setEnabled(there)

    def set_running(self, running: bool) -> None:
        """Say whether batches are being drawn."""
        self._running = running
        self.start.setText("Cancel" if running else "Draw")
        self.start.setToolTip("Stop drawing" if running else "Draw the batches and compute their statistics")
        self.bar.setVisible(running)
        self.bar.setRange(0, 0)

    def set_progress(self, step: str, done: int, total: int) -> None:
        """Show how many batches are drawn."""
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.bar.setFormat(f"{step} %v / %m")

    def set_report(self, composition: Composition | None) -> None:
        """Show a report; None says how to get one."""
        self._enable(composition is not None)
        if composition is None:
            self.pages.setCurrentIndex(0)
            return
        self.panel.set_composition(composition)
        self.rows.set_rows(table(composition))
        self.pages.setCurrentIndex(self.shown.currentIndex() + 1)

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self.panel.set_colours(colours)

    def _on_start(self) -> None:
        if self._running:
            self.cancel_requested.emit()
        else:
            self.report_requested.emit(self.count.value())

    def _on_save(self, title: str, name: str, kind: str) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, title, str(project_folder() / name), kind)
        if chosen:
            ending = Path(name).suffix
            self.save_requested.emit(chosen if chosen.endswith(ending) else f"{chosen}{ending}")
