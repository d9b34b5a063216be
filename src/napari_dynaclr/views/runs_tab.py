"""The tab with the runs of a folder: states, watching, going on, copies, deletion; emits requests only."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHeaderView,
    QMessageBox,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)
from superqt import QFlowLayout

from dynaclr.runs.record.listing import RunSummary
from dynaclr.runs.record.states import State
from napari_dynaclr.presentation.training_text import GLYPH_OF, run_title
from napari_dynaclr.state.memory import project_folder
from napari_dynaclr.widgets.parts import button, words

_EMPTY = (
    "<b>No runs here</b><br><br>Start one in the tab Start, or choose another folder of runs, for example "
    "one that a cluster writes to."
)
_COLUMNS = {
    "": "Ticked runs are watched",
    "run": "Name and time of the run",
    "state": "State of its process",
    "done": "Fraction of the steps done",
    "loss": "Loss of the last step",
    "val": "Loss of the last validation",
}
_NAME = 1


class RunsTab(QWidget):
    """One line a run; buttons act on the selected one."""

    folder_chosen = Signal(str)
    watch_toggled = Signal(object, bool)
    """Run folder, and whether it is to be watched."""
    look_requested = Signal(object)
    """Run folder that is to be shown in the tab Watch."""
    resume_requested = Signal(object, str)
    """Run folder, and "newest" or "best"."""
    clone_requested = Signal(object)
    delete_requested = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._summaries: tuple[RunSummary, ...] = ()
        self.folder = words("The folder whose runs are listed")
        self.choose = button("Other folder ...", "List the runs of another folder")
        self.table = QTableWidget(0, len(_COLUMNS))
        for column, (title, tip) in enumerate(_COLUMNS.items()):
            head = QTableWidgetItem(title)
            head.setToolTip(tip)
            self.table.setHorizontalHeaderItem(column, head)
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.table.setWordWrap(False)
        self.table.setToolTip("Tick a run to watch it; double-click shows it")
        header, side = self.table.horizontalHeader(), self.table.verticalHeader()
        assert header is not None and side is not None
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        side.hide()
        self.look = button("Watch", "Show this run; it may have been started anywhere")
        self.resume = button("Resume", "Continue from the newest checkpoint, in the same folder")
        self.resume_best = button("Resume best", "Continue from best.ckpt; later steps are discarded")
        self.clone = button("Copy", "Set up a new training with the options of this run")
        self.delete = button("Delete ...", "Delete the run folder with its checkpoints; asks first")
        self._arrange()
        self._connect()
        self.set_runs(())

    def _arrange(self) -> None:
        empty = words("What to do first", _EMPTY)
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setMargin(24)
        self.pages = QStackedWidget()
        self.pages.addWidget(empty)
        self.pages.addWidget(self.table)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 4, 2, 2)
        column.addWidget(self.folder)
        column.addWidget(self.pages, 1)
        row = QFlowLayout()
        for item in (self.look, self.resume, self.resume_best, self.clone, self.delete, self.choose):
            row.addWidget(item)
        column.addLayout(row)

    def _connect(self) -> None:
        self.table.itemSelectionChanged.connect(self._on_selection)
        self.table.itemChanged.connect(self._on_item)
        self.table.cellDoubleClicked.connect(lambda row, column: self._on_look())
        self.look.clicked.connect(self._on_look)
        self.resume.clicked.connect(lambda: self._emit_resume("newest"))
        self.resume_best.clicked.connect(lambda: self._emit_resume("best"))
        self.clone.clicked.connect(self._on_clone)
        self.delete.clicked.connect(self._on_delete)
        self.choose.clicked.connect(self._on_choose)

    @property
    def selected(self) -> RunSummary | None:
        """The selected run."""
        row = self.table.currentRow()
        chosen = bool(self.table.selectedItems()) and 0 <= row < len(self._summaries)
        return self._summaries[row] if chosen else None

    def set_folder(self, folder: Path | None) -> None:
        """Name the folder."""
        self.folder.setText("" if folder is None else f"Runs in {folder}")

    def set_runs(self, summaries: Sequence[RunSummary], watched: Collection[Path] = ()) -> None:
        """Show runs; the selection stays."""
        before = self.selected
        self._summaries = tuple(summaries)
        self.pages.setCurrentIndex(1 if summaries else 0)
        self.table.blockSignals(True)
        self.table.setRowCount(len(summaries))
        for row, item in enumerate(summaries):
            self._set_row(row, item, item.path in watched)
        paths = [item.path for item in summaries]
        if before is not None and before.path in paths:
            self.table.selectRow(paths.index(before.path))
        else:
            self.table.clearSelection()
        self.table.blockSignals(False)
        self._on_selection()

    def _set_row(self, row: int, item: RunSummary, watched: bool) -> None:
        done = "" if item.progress is None else f"{100 * item.progress:.0f} %"
        state, losses = f"{GLYPH_OF[item.state]} {item.state}", (item.loss, item.val_loss)
        texts = ("", run_title(item.name), state, done, *map(_number, losses))
        tip = "\n".join(
            line
            for line in (str(item.path), f"{item.state}: {item.reason}".rstrip(": "), item.holder)
            if line
        )
        for column, text in enumerate(texts):
            cell = self.table.item(row, column)
            if cell is None:
                cell = QTableWidgetItem()
                self.table.setItem(row, column, cell)
            cell.setText(text)
            cell.setToolTip(tip)
            if column == 0:
                cell.setFlags(cell.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                cell.setCheckState(Qt.CheckState.Checked if watched else Qt.CheckState.Unchecked)

    def _on_selection(self) -> None:
        item = self.selected
        ended = item is not None and (item.state.ended or item.state is State.LOST)
        self.look.setEnabled(item is not None)
        self.clone.setEnabled(item is not None)
        for control in (self.resume, self.resume_best, self.delete):
            control.setEnabled(ended)

    def _on_item(self, item: QTableWidgetItem) -> None:
        if item.column() == 0 and item.row() < len(self._summaries):
            ticked = item.checkState() == Qt.CheckState.Checked
            self.watch_toggled.emit(self._summaries[item.row()].path, ticked)

    def _on_look(self) -> None:
        if self.selected is not None:
            self.look_requested.emit(self.selected.path)

    def _emit_resume(self, where: str) -> None:
        if self.selected is not None:
            self.resume_requested.emit(self.selected.path, where)

    def _on_clone(self) -> None:
        if self.selected is not None:
            self.clone_requested.emit(self.selected.path)

    def _on_delete(self) -> None:
        item = self.selected
        if item is not None and self.confirm(item):
            self.delete_requested.emit(item.path)

    def confirm(self, item: RunSummary) -> bool:
        """Ask whether a run is to be deleted."""
        text = f"Delete the run {item.name} with its checkpoints and curves? This cannot be undone."
        if item.state is State.LOST:
            text += f"\n\nIt may still be running on {item.host or 'another computer'}."
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        return QMessageBox.question(self, "Delete a run", text, yes | no, no) == yes

    def confirm_gone(self, name: str, held: str) -> bool:
        """Ask whether what may still write a run on another computer is gone for certain."""
        text = (
            f"The run {name} was written by {held}. Whether it is still training cannot be told "
            "from here.\n\nAre you sure that it has ended? If not, two trainings will write to one folder "
            "and corrupt it."
        )
        box = QMessageBox(QMessageBox.Icon.Question, "Resume a run of another computer", text, parent=self)
        gone = box.addButton("It has ended, resume", QMessageBox.ButtonRole.AcceptRole)
        leave = box.addButton("Do not resume", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(leave)
        box.setEscapeButton(leave)
        box.exec()
        return box.clickedButton() is gone

    def _on_choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of runs", str(project_folder()))
        if chosen:
            self.folder_chosen.emit(chosen)


def _number(value: float | None) -> str:
    return "" if value is None else "not finite" if not math.isfinite(value) else f"{value:.3g}"
