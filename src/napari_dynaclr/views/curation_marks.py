"""The page of the curation view that lists all marks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QFileDialog, QHBoxLayout, QLabel, QLineEdit, QWidget

from dynaclr.curation import Mark, MarkKind, Verdict
from napari_dynaclr.keys.curation import Do
from napari_dynaclr.presentation.mark_list import MarkFilter, MarkTexts
from napari_dynaclr.state.memory import project_folder
from napari_dynaclr.views.curation_pages import page_column
from napari_dynaclr.views.curation_parts import ActionButton, button
from napari_dynaclr.views.curation_tables import MarkModel, Table

_DESCENDING = Qt.SortOrder.DescendingOrder


class MarksPage(QWidget):
    """All marks, filtered and sorted, and what they remove."""

    mark_chosen = Signal(object)
    """The `Mark` that was clicked."""
    delete_requested = Signal(object)
    """List of marks."""
    merge_requested = Signal(str)
    """Path of another person's file."""
    author_entered = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._all: tuple[Mark, ...] = ()
        self._texts = MarkTexts()
        self._dirty = False
        self._sort = (5, True)
        self.model = MarkModel(self._texts)
        self.table = Table(
            self.model,
            (74, 92, 118, 130, 60, 110),
            "All marks; click one to go there, a title sorts, Del deletes what is selected",
            several=True,
        )
        self.table.row_chosen.connect(self._on_row)
        header = self.table.horizontalHeader()
        assert header is not None
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setSortIndicator(*(5, _DESCENDING))
        header.sortIndicatorChanged.connect(self._on_sort)
        self._add_filters()
        self.count, self.removed = QLabel(), QLabel()
        self.count.setToolTip("Number of marks that match the filter")
        self.removed.setWordWrap(True)
        self.removed.setToolTip("What the marks removed from the data when last applied")
        self.delete = ActionButton(Do.DELETE)
        self.delete.requested.connect(self._on_delete)
        self.export = ActionButton(Do.EXPORT)
        self.merge = button(
            "Merge a file ...",
            "Import the marks of another annotator; shows where you disagree",
            self._choose,
        )
        self._arrange()

    def _add_filters(self) -> None:
        self.text = QLineEdit()
        self.text.setPlaceholderText("filter")
        self.text.setClearButtonEnabled(True)
        self.text.setToolTip("Words that must all occur: a track, an FOV, a reason, a date")
        self.text.textChanged.connect(self._show)
        self.kind = _choices(
            "any kind", [kind.value for kind in MarkKind], "Show marks of one kind", self._show
        )
        self.verdict = _choices(
            "any verdict", [item.value for item in Verdict], "Show marks of one verdict", self._show
        )
        self.author = _choices("anybody", [], "Show marks of one annotator", self._show)
        self.conflicts = QCheckBox("conflicts")
        self.conflicts.setToolTip("Show only items on which annotators disagree")
        self.conflicts.toggled.connect(self._show)
        self.name = QLineEdit()
        self.name.setMaximumWidth(110)
        self.name.setToolTip("Your name, stored with every mark; also in napari's preferences")
        self.name.editingFinished.connect(self._on_name)

    def _arrange(self) -> None:
        column = page_column(self)
        for widgets in (
            (self.text, self.conflicts),
            (self.kind, self.verdict, self.author),
            (self.table,),
            (self.count, self.delete, self.merge),
            (QLabel("Annotator"), self.name, self.export),
            (self.removed,),
        ):
            row = QHBoxLayout()
            for widget in widgets:
                row.addWidget(widget, 1 if widget in (self.text, self.count, self.removed, self.table) else 0)
            if self.name in widgets:
                row.insertStretch(2, 1)
            column.addLayout(row, 1 if self.table in widgets else 0)

    def set_marks(self, marks: Sequence[Mark], authors: Sequence[str]) -> None:
        """Replace the marks, oldest first; the list is made when it is seen."""
        self._all = tuple(marks)
        shown = [self.author.itemText(place) for place in range(1, self.author.count())]
        if shown != list(authors):
            chosen = self.author.currentText()
            self.author.blockSignals(True)
            del shown[:]
            while self.author.count() > 1:
                self.author.removeItem(1)
            self.author.addItems(list(authors))
            self.author.setCurrentIndex(max(self.author.findText(chosen), 0))
            self.author.blockSignals(False)
        self._show()

    def selected(self) -> list[Mark]:
        """Return the marks that are selected."""
        return [self.model.marks[row] for row in self.table.selected_rows()]

    @property
    def wanted(self) -> MarkFilter:
        """The filter as it is set."""
        kind, verdict, author = (
            box.currentText() if box.currentIndex() > 0 else ""
            for box in (self.kind, self.verdict, self.author)
        )
        return MarkFilter(self.text.text(), kind, verdict, author, self.conflicts.isChecked())

    def _on_row(self, row: int) -> None:
        self.mark_chosen.emit(self.model.marks[row])

    def _on_delete(self) -> None:
        self.delete_requested.emit(self.selected())

    def _on_name(self) -> None:
        self.author_entered.emit(self.name.text())

    def _on_sort(self, column: int, order: Qt.SortOrder) -> None:
        self._sort = (column, order == _DESCENDING)
        self._show()

    def _show(self, *_: object) -> None:
        """Filter and sort now if the list is seen, else when it will be."""
        self._dirty = not self.isVisible()
        if self._dirty:
            return
        selected = {mark.identity for mark in self.selected()}
        scroll = self.table.verticalScrollBar()
        place = 0 if scroll is None else scroll.value()
        marks = self._texts.select(self._all, self.wanted, *self._sort)
        self.model.set_marks(marks)
        if selected:
            row = next((n for n, mark in enumerate(marks) if mark.identity in selected), -1)
            self.table.show_row(row)
        if scroll is not None:
            scroll.setValue(place)
        every = f"{len(self._all)} mark{'' if len(self._all) == 1 else 's'}"
        self.count.setText(f"{len(marks)} of {every}" if len(marks) < len(self._all) else every)

    def showEvent(self, event: object) -> None:
        """Make the list if it is not up to date."""
        super().showEvent(event)  # type: ignore[arg-type] # an event of Qt
        if self._dirty:
            self._show()

    def _choose(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Marks of another annotator", str(project_folder()), "Marks (*.csv)"
        )
        if chosen:
            self.merge_requested.emit(chosen)


def _choices(every: str, items: Sequence[str], tooltip: str, on_change: Callable[..., None]) -> QComboBox:
    box = QComboBox()
    box.addItems([every, *items])
    box.setToolTip(tooltip)
    box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    box.currentIndexChanged.connect(on_change)
    return box
