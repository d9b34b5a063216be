"""The dialog that exports tracks: format, folder, and what was written; reads and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from napari_dynaclr.widgets.long_words import LongWords
from napari_dynaclr.widgets.parts import button

_FORMATS = {
    "csv": (
        "CSV, a table a field of view",
        "Opens in every table program; this program reads it as track files",
    ),
    "geff": ("GEFF, graphs of cells", "For motile, Mastodon, trackastra, napari-geff ..."),
    "ctc": ("CTC, table and masks", "Cell Tracking Challenge: res_track.txt and a mask a frame"),
}
_LINES = 8
_WIDTH = 460


@dataclass(frozen=True, slots=True)
class ExportEntered:
    """What was entered."""

    format: str
    folder: str
    keep_excluded: bool
    replace: bool


class ExportTracksDialog(QDialog):
    """Choose format and folder of the tracks of a project; stays open while they are written.

    Parameters
    ----------
    parent
        The dock that it belongs to.
    """

    write_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export tracks")
        self.format = QComboBox()
        for name, (title, tip) in _FORMATS.items():
            self.format.addItem(title, name)
            self.format.setItemData(self.format.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.format.setToolTip("Format to write")
        self.format.setAccessibleName("Format")
        self.folder = QLineEdit()
        self.folder.setPlaceholderText("folder to write to")
        self.folder.setToolTip("Gets <experiment>/<row>/<column>/<fov>, each with its file")
        self.folder.setAccessibleName("Folder")
        self.browse = button("Choose ...", "Choose the folder")
        self.keep = QCheckBox("keep excluded observations; the column verdict tells them")
        self.keep.setToolTip("Otherwise what marks exclude is left out")
        self.replace = QCheckBox("replace files that are there")
        self.replace.setToolTip("Otherwise nothing is overwritten")
        self.report = LongWords("What was written, or why not", _LINES)
        self.write = button("Export", "Write the tracks")
        self.cancel = button("Cancel", "Stop; nothing is written then")
        self.done_ = button("Close", "Close this window")
        self.busy = QProgressBar()
        self.busy.setToolTip("Progress")
        self._arrange()
        self.folder.textChanged.connect(lambda _: self._check())
        self.browse.clicked.connect(self._choose)
        self.write.clicked.connect(lambda: self.write_requested.emit())
        self.cancel.clicked.connect(lambda: self.cancel_requested.emit())
        self.done_.clicked.connect(self.close)
        self.set_busy(False)
        self.set_text(
            "What marks exclude is left out, links that they exclude are cut, and marks are columns."
        )

    def _arrange(self) -> None:
        form = QFormLayout()
        form.addRow("Format", self.format)
        row = QHBoxLayout()
        row.addWidget(self.folder, 1)
        row.addWidget(self.browse)
        form.addRow("Folder", row)
        form.addRow(self.keep)
        form.addRow(self.replace)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.report)
        column.addStretch(1)
        row = QHBoxLayout()
        row.addWidget(self.write)
        row.addWidget(self.cancel)
        row.addWidget(self.busy, 1)
        row.addStretch(0)
        row.addWidget(self.done_)
        column.addLayout(row)
        self.setMinimumWidth(_WIDTH)

    def _choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder to export to", self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def entered(self) -> ExportEntered:
        """Return what was entered."""
        return ExportEntered(
            self.format.currentData(),
            self.folder.text().strip(),
            self.keep.isChecked(),
            self.replace.isChecked(),
        )

    def _check(self) -> None:
        self.write.setEnabled(bool(self.folder.text().strip()) and self.busy.isHidden())

    def set_text(self, text: str) -> None:
        """Say what was written, or why not."""
        self.report.setText(text)

    def set_busy(self, busy: bool) -> None:
        """Show that it is being written, which can be canceled."""
        self.busy.setVisible(busy)
        self.cancel.setVisible(busy)
        self.busy.setRange(0, 0)
        self._check()

    def set_progress(self, step: str, done: int, total: int) -> None:
        """Show how far it is."""
        self.busy.setRange(0, max(total, 0))
        self.busy.setValue(done)
        self.busy.setFormat(f"{step} %v/%m")
