"""What set-up found in each experiment, as a table that fits a narrow dock."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtGui import QFontMetrics, QResizeEvent
from qtpy.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from dynaclr.index import ExperimentReport

_COLUMNS = {
    "FOVs": "Fields of view used, out of those on the plate",
    "cells": "Observations: each cell counted in each frame",
    "divisions": "Cells that divide",
    "anchors": "Observations that can be anchors",
    "lost": "Observations that cannot be anchors; the line below says why",
}
_MOST_LINES = 30
_ROOM = 8
"""Pixels that a cell keeps free at its left and right, and above and below, together."""


class SetupTable(QTableWidget):
    """Experiments: a line with the name, one with numbers, one with why observations are no anchors."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_COLUMNS), parent)
        self.setHorizontalHeaderLabels(list(_COLUMNS))
        for column, tip in enumerate(_COLUMNS.values()):
            title = self.horizontalHeaderItem(column)
            assert title is not None
            title.setToolTip(tip)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setToolTip("What set-up found; hover a row for details")
        self.setTabKeyNavigation(False)  # the tab key leaves the table
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        across, down = self.horizontalHeader(), self.verticalHeader()
        assert across is not None and down is not None
        across.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        down.hide()
        down.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)

    def set_experiments(self, items: Sequence[ExperimentReport]) -> None:
        """Show what was found in each."""
        self.clearSpans()
        self.setRowCount(0)
        for item in items:
            tip = "\n".join([item.name, *_details(item)][:_MOST_LINES])
            self._add_text(_title(item), tip, bold=True)
            row = self._add()
            lost = sum(item.lost.values())
            numbers = (f"{item.fovs_used} of {item.fovs_found}", item.observations, item.divisions)
            for column, number in enumerate((*numbers, item.anchors, lost)):
                self._set(row, column, str(number), tip)
            if lost:
                causes = ", ".join(f"{name} {count}" for name, count in item.lost.items() if count)
                self._add_text(f"lost: {causes}", tip)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        """Return a width at which no title is cut."""
        across = self.horizontalHeader()
        assert across is not None
        widest = max(across.sectionSizeHint(column) for column in range(len(_COLUMNS)))
        return QSize(len(_COLUMNS) * widest + _ROOM, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Give texts the height that they need at this width."""
        super().resizeEvent(event)
        self._fit()

    def _add(self) -> int:
        row = self.rowCount()
        self.insertRow(row)
        return row

    def _add_text(self, text: str, tip: str, bold: bool = False) -> None:
        """Add a line that is as wide as the table."""
        row = self._add()
        cell = self._set(row, 0, text, tip)
        font = cell.font()
        font.setBold(bold)
        cell.setFont(font)
        self.setSpan(row, 0, 1, self.columnCount())

    def _set(self, row: int, column: int, text: str, tip: str) -> QTableWidgetItem:
        cell = QTableWidgetItem(text)
        cell.setToolTip(tip)
        self.setItem(row, column, cell)
        return cell

    def _fit(self) -> None:
        """Make lines as high as their wrapped texts."""
        view = self.viewport()
        assert view is not None
        line = self.fontMetrics().height()
        for row in range(self.rowCount()):
            height = line
            cell = self.item(row, 0)
            if cell is not None and self.columnSpan(row, 0) > 1:
                room = QRect(0, 0, max(view.width() - _ROOM, 1), 100 * line)
                needed = QFontMetrics(cell.font()).boundingRect(room, Qt.TextFlag.TextWordWrap, cell.text())
                height = max(needed.height(), line)
            self.setRowHeight(row, height + _ROOM)


def _title(item: ExperimentReport) -> str:
    held = any("held out" in check for check in item.checks)
    return item.name + (" (held out)" if held else "")


def _details(item: ExperimentReport) -> list[str]:
    low, high = item.tau_frames
    skipped = (f"{fov} skipped: {why}" for fov, why in item.skipped.items())
    return [f"tau {low} to {high} frames at {item.interval_minutes:g} min", *item.checks, *skipped]
