"""The panel of the project: what is open, what set-up found, which field of view is shown; emits wishes."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from dynaclr.base.paths import absolute_path
from dynaclr.index import SetupReport
from napari_dynaclr.presentation.layers import COLOUR_BY
from napari_dynaclr.views.from_layers import FromLayersForm
from napari_dynaclr.views.setup_table import SetupTable
from napari_dynaclr.widgets.calm_wheel import calm_wheels
from napari_dynaclr.widgets.fov_box import FovBox
from napari_dynaclr.widgets.long_words import LongWords
from napari_dynaclr.widgets.parts import Fold, button

_MOST_RECENT = 8
_LINES = 7


class ProjectView(QWidget):
    """Choose a configuration, read what is in it, choose what is shown."""

    open_requested = Signal(str)
    sample_requested = Signal()
    cancel_requested = Signal()
    attach_requested = Signal(str)
    import_requested = Signal()
    export_requested = Signal()
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
        self.browse = button("Choose ...", "Choose a YAML file")
        self.open_typed = button("Open", "Open the path in the field; Return does the same")
        self.sample = button("Sample data", "Make two small synthetic experiments and open them")
        self.attach = button("Attach run ...", "Compare with the batches that a run recorded")
        self.cancel = button("Cancel", "Cancel the set-up")
        self.import_tracks = button(
            "Import tracks ...", "Make a project of an image or a plate and the tracks of another tool"
        )
        self.export_tracks = button(
            "Export tracks ...", "Write the tracks of this project, with its marks, as CSV, GEFF or CTC"
        )
        self.busy = QProgressBar()
        self.busy.setTextVisible(True)
        self.busy.setToolTip("Progress of the set-up")
        self.state = LongWords("What is open, or why it could not be opened", _LINES)
        self.state.setText("No project is open. Choose a file, or try the sample data.")
        self.table = SetupTable()
        self.warnings = LongWords("What to know before training", _LINES)
        self.fov = FovBox()
        self.colour = QComboBox()
        self.colour.addItems(list(COLOUR_BY))
        self.colour.setToolTip("Property that colors the cells")
        self.follow = QCheckBox("image follows the selected cell")
        self.follow.setChecked(True)
        self.follow.setToolTip("Change field of view, time and position when another cell is selected")
        self.track = QLineEdit()
        self.track.setPlaceholderText("12, or 12 @ 5 for its frame 5")
        self.track.setToolTip("Return selects this track in the field of view shown")
        self.from_layers = FromLayersForm()
        self.layers_fold = Fold(
            "From layers ...", "Make a project of images and tracks that are open in napari", self.from_layers
        )
        self.notes = Fold("Warnings", "Warnings from the set-up; click to show or hide them", self.warnings)
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
        for item in (self.open_typed, self.sample, self.attach, self.cancel):
            second.addWidget(item)
        second.addStretch(1)
        column.addLayout(second)
        third = QHBoxLayout()
        third.addWidget(self.import_tracks)
        third.addWidget(self.export_tracks)
        third.addStretch(1)
        column.addLayout(third)
        column.addWidget(self.busy)
        column.addWidget(self.state)
        column.addWidget(self.layers_fold)
        self.view_box = QGroupBox("Field of view")  # a row of its own is wide enough for its name
        form = QFormLayout(self.view_box)
        form.addRow(self.fov)
        form.addRow("Go to track", self.track)
        form.addRow("Color by", self.colour)
        form.addRow(self.follow)
        column.addWidget(self.view_box)
        column.addWidget(self.table, 1)
        column.addWidget(self.notes)
        column.addStretch(0)  # below the form of layers, which is not higher than it must be
        self.layers_fold.hide_while_open(self.view_box, self.table, self.notes)

    def _connect(self) -> None:
        self.line.returnPressed.connect(self._open)
        self.path.activated.connect(lambda number: self._open())
        self.browse.clicked.connect(self._choose)
        self.open_typed.clicked.connect(lambda: self._open())
        self.sample.clicked.connect(lambda: self.sample_requested.emit())
        self.attach.clicked.connect(self._choose_run)
        self.cancel.clicked.connect(lambda: self.cancel_requested.emit())
        self.import_tracks.clicked.connect(lambda: self.import_requested.emit())
        self.export_tracks.clicked.connect(lambda: self.export_requested.emit())
        self.fov.chosen.connect(self.fov_chosen)
        self.colour.currentTextChanged.connect(self.colour_chosen)
        self.follow.toggled.connect(self.follow_toggled)
        self.track.returnPressed.connect(lambda: self.track_typed.emit(self.track.text()))

    def _open(self) -> None:
        text = self.path.currentText().strip().strip("'\"").strip()
        if text:
            self.open_requested.emit(text)

    def _choose(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Training or list of experiments", self._folder(), "YAML (*.yaml *.yml)"
        )
        if chosen:
            self.set_path(chosen)
            self._open()

    def _choose_run(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Run folder", self._folder())
        if chosen:
            self.attach_requested.emit(chosen)

    def _folder(self) -> str:
        """Return the folder of the path in the field, where dialogs begin; nothing for no path."""
        text = self.path.currentText().strip()
        return str(absolute_path(text).parent) if text else ""

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
        """Show that set-up is at work; it can be canceled."""
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
        self.table.set_experiments(items)
        self.export_tracks.setEnabled(report is not None)
        texts = [] if report is None else list(dict.fromkeys([*report.warnings, *warnings]))
        self.warnings.setText("\n\n".join(texts) or "none")
        self.notes.set_title(f"Warnings ({len(texts)})")
        self.notes.head.setChecked(bool(texts))

    def set_fovs(self, entries: Sequence[tuple[str, str, int]], shown: tuple[str, int] | None) -> None:
        """Offer fields of view (title, part, code), and mark the one that is shown."""
        self.fov.set_entries(entries)
        self.fov.set_shown(shown)
        self.view_box.setEnabled(bool(entries))

    def set_shown(self, shown: tuple[str, int] | None) -> None:
        """Mark the field of view that is shown."""
        self.fov.set_shown(shown)
