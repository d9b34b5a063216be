"""Lists of the curation view: marks and queues of any length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from dynaclr.curation import Mark
from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.presentation.mark_list import COLUMNS, GLYPHS, MarkTexts

QueueRow = tuple[str, str, str, str]
"""Verdict or blank, score, place, reason."""

_OWN_KEYS = (
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
)
_Index = QModelIndex
_ROOT = QModelIndex()


def verdict_colour(verdict: str, colours: PlotColours) -> str:
    """Return the color of a verdict; the sign says it too."""
    roles = {"exclude": "1", "accept": "0", "unsure": "muted"}
    return colours.of(roles[verdict])


class _Rows(QAbstractTableModel):
    """Rows of text with a color for the verdict in the first column."""

    titles: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self._colors: PlotColours | None = None

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self._colors = colours
        self.layoutChanged.emit()

    def columnCount(self, parent: _Index = _ROOT) -> int:
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(self.titles)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the title of a column."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.titles[section]
        return None

    def _verdict(self, verdict: str) -> QColor | None:
        if self._colors is None or not verdict:
            return None
        return QColor(verdict_colour(verdict, self._colors))


class MarkModel(_Rows):
    """Marks, in the order given."""

    titles = COLUMNS

    def __init__(self, texts: MarkTexts) -> None:
        super().__init__()
        self._texts = texts
        self.marks: list[Mark] = []

    def set_marks(self, marks: list[Mark]) -> None:
        """Replace all rows."""
        self.beginResetModel()
        self.marks = marks
        self.endResetModel()

    def rowCount(self, parent: _Index = _ROOT) -> int:
        """Return how many rows there are."""
        return 0 if parent.isValid() else len(self.marks)

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text, color or tooltip of a cell."""
        mark = self.marks[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._texts.of(mark)[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 0:
            return self._verdict(mark.verdict.value)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(f"{n}: {t}" for n, t in zip(COLUMNS, self._texts.of(mark), strict=True) if t)
        return None


class QueueModel(_Rows):
    """Entries of a queue: verdict, score, place, reason."""

    titles = ("", "Score", "Where", "Why")

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[QueueRow] = []

    def set_rows(self, rows: Sequence[QueueRow]) -> None:
        """Replace all rows."""
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def set_verdicts(self, verdicts: Sequence[str]) -> None:
        """Change the verdicts only."""
        self.rows = [(verdict, *row[1:]) for verdict, row in zip(verdicts, self.rows, strict=True)]
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, 0))

    def rowCount(self, parent: _Index = _ROOT) -> int:
        """Return how many rows there are."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return text, color or tooltip of a cell."""
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return GLYPHS.get(row[0], "") if index.column() == 0 else row[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 0:
            return self._verdict(row[0])
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == 1:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ToolTipRole:
            judged = row[0] or "not judged"
            return f"{row[2]}\n{row[3]}\n{judged}".replace("\n\n", "\n")
        return None


class Table(QTableView):
    """A list that leaves letters and digits to the view around it."""

    row_chosen = Signal(int)
    """A row that the user clicked, or went to by the arrows."""

    def __init__(self, model: _Rows, widths: Sequence[int], tooltip: str, *, several: bool = False) -> None:
        super().__init__()
        self.setModel(model)
        self.setToolTip(tooltip)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        mode = QAbstractItemView.SelectionMode
        self.setSelectionMode(mode.ExtendedSelection if several else mode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)  # the tab key leaves the list
        self.setWordWrap(False)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.fontMetrics().height() + 6)
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        columns.setHighlightSections(False)
        for column, width in enumerate(widths):
            self.setColumnWidth(column, width)
        columns.setStretchLastSection(True)
        self.setMinimumHeight(90)
        self.clicked.connect(self._on_click)

    def _on_click(self, index: QModelIndex) -> None:
        self.row_chosen.emit(index.row())

    def selected_rows(self) -> list[int]:
        """Return the rows that are selected, in order."""
        selection = self.selectionModel()
        return [] if selection is None else sorted(index.row() for index in selection.selectedRows())

    def show_row(self, row: int) -> None:
        """Select a row and scroll to it, without telling that it was chosen."""
        model = self.model()
        if model is not None and 0 <= row < model.rowCount():
            self.setCurrentIndex(model.index(row, 0))

    def keyPressEvent(self, event: Any) -> None:
        """Go along the rows by the arrows; other keys belong to the view around."""
        if event.key() not in _OWN_KEYS and not (
            event.key() == Qt.Key.Key_A and event.modifiers() == Qt.KeyboardModifier.ControlModifier
        ):
            event.ignore()
            return
        before = self.currentIndex().row()
        super().keyPressEvent(event)
        if self.currentIndex().row() != before and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.row_chosen.emit(self.currentIndex().row())
