"""The panel of the project: what is open, what set-up found, which field of view is shown; emits wishes."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from dynaclr.report import SetupReport
from napari_dynaclr.layers import COLOUR_BY
from napari_dynaclr.views.calm_wheel import calm_wheels
from napari_dynaclr.views.fov_box import FovBox
from napari_dynaclr.views.from_layers import FromLayersForm
from napari_dynaclr.views.training_parts import Fold

__all__ = ("ProjectView",)

_COLUMNS = ("experiment", "FOVs", "cells", "divisions", "anchors", "lost")
_MOST_RECENT = 8


class ProjectView(QWidget):
    """Choose a configuration, read what is in it, choose what is shown."""

    open_requested = Signal(str)
    sample_requested = Signal()
    cancel_requested = Signal()
    attach_requested = Signal(str)
    """Folder of a run that the batches are to be compared with."""
    fov_chosen = Signal(str, int)
    """Part and FOV code."""
    colour_chosen = Signal(str)
    follow_toggled = Signal(bool)
    track_typed = Signal(str)
    """A track of the field of view that is shown, "12", or one of its frames, "12 @ 5"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path = QComboBox()
        self.path.setEditable(True)
        self.path.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.path.setMinimumContentsLength(12)
        self.path.setToolTip("A training's YAML, an experiments.yaml or a run folder; Return opens it")
        line = self.path.lineEdit()
        assert line is not None
        self.line = line
        self.line.setPlaceholderText("train.yaml, experiments.yaml or a run folder")
        self.browse = _button("Choose ...", "Choose a YAML file")
        self.sample = _button("Sample data", "Make two small synthetic experiments and open them")
        self.attach = _button("Attach run ...", "Compare with the batches that a run recorded")
        self.cancel = _button("Cancel", "Give the set-up up")
        self.busy = QProgressBar()
        self.busy.setTextVisible(True)
        self.busy.setToolTip("What set-up is doing")
        self.state = QLabel("Nothing is open.")
        self.state.setWordWrap(True)
        self.state.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.state.setToolTip("What is open, or why it could not be opened")
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(list(_COLUMNS))
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setToolTip("What set-up found; hover a row for details")
        self.table.setTabKeyNavigation(False)  # the tab key leaves the table
        header = self.table.horizontalHeader()
        assert header is not None
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.warnings = QLabel()
        self.warnings.setWordWrap(True)
        self.warnings.setToolTip("What a person should know before training")
        self.fov = FovBox()
        self.colour = QComboBox()
        self.colour.addItems(list(COLOUR_BY))
        self.colour.setToolTip("What cells are coloured by")
        self.follow = QCheckBox("image follows the selected cell")
        self.follow.setChecked(True)
        self.follow.setToolTip("Change field of view, time and place when another cell is selected")
        self.track = QLineEdit()
        self.track.setPlaceholderText("12, or 12 @ 5 for its frame 5")
        self.track.setToolTip("Return selects this track of the field of view that is shown")
        self.from_layers = FromLayersForm()
        self.layers_fold = Fold(
            "From layers ...", "Make a project of images and tracks that are open in napari", self.from_layers
        )
        self._arrange()
        self._connect()
        calm_wheels(self)
        self.setFocusProxy(self.path)
        self.set_busy(False)
        self.set_fovs((), None)

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        top = QHBoxLayout()
        top.addWidget(self.path, 1)
        top.addWidget(self.browse)
        column.addLayout(top)
        second = QHBoxLayout()
        for button in (self.sample, self.attach, self.cancel):
            second.addWidget(button)
        second.addStretch(1)
        column.addLayout(second)
        column.addWidget(self.busy)
        column.addWidget(self.state)
        column.addWidget(self.layers_fold)
        self.view_box = QGroupBox("Image")
        form = QFormLayout(self.view_box)
        form.addRow("Field of view", self.fov)
        form.addRow("Go to track", self.track)
        form.addRow("Colour by", self.colour)
        form.addRow(self.follow)
        column.addWidget(self.view_box)
        column.addWidget(self.table, 1)
        self.notes = QCollapsible("Warnings")
        self.notes.setToolTip("What the set-up warns of; click to show or hide it")
        self.notes.setContent(self.warnings)
        column.addWidget(self.notes)
        column.addStretch(0)

    def _connect(self) -> None:
        self.layers_fold.head.toggled.connect(self._make_room)
        self.line.returnPressed.connect(self._open)
        self.path.activated.connect(lambda number: self._open())
        self.browse.clicked.connect(self._choose)
        self.sample.clicked.connect(lambda: self.sample_requested.emit())
        self.attach.clicked.connect(self._choose_run)
        self.cancel.clicked.connect(lambda: self.cancel_requested.emit())
        self.fov.chosen.connect(self.fov_chosen)
        self.colour.currentTextChanged.connect(self.colour_chosen)
        self.follow.toggled.connect(self.follow_toggled)
        self.track.returnPressed.connect(lambda: self.track_typed.emit(self.track.text()))

    def _open(self) -> None:
        text = self.path.currentText().strip().strip("'\"").strip()
        if text:
            self.open_requested.emit(text)

    def _make_room(self, asked: bool) -> None:
        """Hide what is said of the open project while another is made of layers."""
        for part in (self.view_box, self.table, self.notes):
            part.setVisible(not asked)

    def _choose(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Training or list of experiments", "", "YAML (*.yaml *.yml)"
        )
        if chosen:
            self.set_path(chosen)
            self._open()

    def _choose_run(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Run folder")
        if chosen:
            self.attach_requested.emit(chosen)

    def set_path(self, path: str) -> None:
        """Show a path in the field."""
        self.path.setEditText(path)

    def set_recent(self, paths: Sequence[str]) -> None:
        """Offer paths that were open before; the field keeps its text."""
        text = self.path.currentText()
        self.path.blockSignals(True)
        self.path.clear()
        self.path.addItems(list(paths)[:_MOST_RECENT])
        self.path.setEditText(text)
        self.path.blockSignals(False)

    def set_busy(self, busy: bool) -> None:
        """Show that set-up is at work; it can be cancelled."""
        self.busy.setVisible(busy)
        self.cancel.setEnabled(busy)
        self.attach.setEnabled(not busy and self.table.rowCount() > 0)
        self.busy.setRange(0, 0)
        self.busy.setFormat("")

    def set_progress(self, step: str, done: int, total: int) -> None:
        """Show how far set-up is."""
        self.busy.setRange(0, max(total, 0))
        self.busy.setValue(done)
        self.busy.setFormat(f"{step} %v/%m")

    def set_state(self, text: str) -> None:
        """Say what is open, or why it is not."""
        self.state.setText(text)

    def set_report(self, report: SetupReport | None, warnings: Sequence[str] = ()) -> None:
        """Show what set-up found; None for nothing."""
        items = [] if report is None else report.experiments
        self.table.setRowCount(len(items))
        for row, item in enumerate(items):
            held = any("held out" in check for check in item.checks)
            lost = ", ".join(f"{name} {count}" for name, count in item.lost.items() if count) or "none"
            values = (
                item.name + (" (held out)" if held else ""),
                f"{item.fovs_used} of {item.fovs_found}",
                str(item.observations),
                str(item.divisions),
                str(item.anchors),
                lost,
            )
            details = [*item.checks, *(f"{fov} skipped: {why}" for fov, why in item.skipped.items())]
            low, high = item.tau_frames
            details.insert(0, f"tau {low} to {high} frames at {item.interval_minutes:g} min")
            for column, text in enumerate(values):
                cell = QTableWidgetItem(text)
                cell.setToolTip("\n".join(details[:30]))
                self.table.setItem(row, column, cell)
        texts = [] if report is None else list(dict.fromkeys([*report.warnings, *warnings]))
        self.warnings.setText("\n\n".join(texts) or "none")
        self.notes.setText(f"Warnings ({len(texts)})")
        self.notes.expand(animate=False) if texts else self.notes.collapse(animate=False)

    def set_fovs(self, entries: Sequence[tuple[str, str, int]], shown: tuple[str, int] | None) -> None:
        """Offer fields of view (title, part, code), and mark the one that is shown."""
        self.fov.set_entries(entries)
        self.fov.set_shown(shown)
        self.view_box.setEnabled(bool(entries))

    def set_shown(self, shown: tuple[str, int] | None) -> None:
        """Mark the field of view that is shown."""
        self.fov.set_shown(shown)


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    return button
