"""The form that imports tracks of another tool: image, file, what was found, what is open, where to write.

Shows what it is given and tells what the user wishes; knows no layers and reads no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qtpy.QtCore import QEvent, QObject, QSize, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_dynaclr.widgets.calm_wheel import calm_wheels
from napari_dynaclr.widgets.layer_list import Choice
from napari_dynaclr.widgets.long_words import LongWords
from napari_dynaclr.widgets.parts import PlainNumber, button, words

_NOT_SET = "not set"
_ROLES = {
    "track_id": ("Track", "Column of the track's number"),
    "t": ("Frame", "Column of the frame, or of the time"),
    "y": ("y", "Column of the row, downwards"),
    "x": ("x", "Column of the column, to the right"),
    "z": ("z", "Column of the slice"),
    "id": ("ID", "Column of the number of an observation"),
    "parent_track_id": ("Parent track", "Column of the mother's track"),
    "parent_id": ("Parent ID", "Column of the observation before"),
}
_UNITS = {"": "from file", "pixel": "pixel", "um": "µm", "nm": "nm", "mm": "mm", "inch": "inch"}
_FIRST = {"": _NOT_SET, "0": "0", "1": "1"}
_FAULTS = ("image", "source", "columns", "first_frame", "unit", "pixel", "time_step", "target")
_REPORT_LINES = 7
_LEAST_HEIGHT = 320


@dataclass(frozen=True, slots=True)
class SourceEntered:
    """What was said about image and file; empty, None or 0 for what was not.

    Attributes
    ----------
    layer
        Key of a layer; None for a plate.
    """

    layer: object
    plate: str
    fov: str
    source: str
    first_frame: int | None
    unit: str
    pixel_size_um: float
    time_step: float


@dataclass(frozen=True, slots=True)
class TargetEntered:
    """What was said about the project to write."""

    name: str
    condition: str
    interval_minutes: float
    folder: str
    replace: bool


class _Page(QScrollArea):
    """Scrolls what is higher than the dock: the window is never higher than the screen for it."""

    def __init__(self, page: QWidget) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(page)
        page.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Be as wide as the page has to be."""
        page = self.widget()
        if event is not None and page is watched and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return False

    def minimumSizeHint(self) -> QSize:
        """Return the width of the page beside a scroll bar, and enough height to work in it."""
        page, bar = self.widget(), self.verticalScrollBar()
        assert page is not None and bar is not None
        return QSize(page.minimumSizeHint().width() + bar.sizeHint().width(), _LEAST_HEIGHT)

    def sizeHint(self) -> QSize:
        """Return the same width, and the height of the page."""
        page = self.widget()
        assert page is not None
        return QSize(self.minimumSizeHint().width(), page.sizeHint().height())


class ImportTracksView(QWidget):
    """Choose an image and a file of tracks, correct what was understood, write and open."""

    source_changed = Signal()
    """Something was said about image or file."""
    column_chosen = Signal(str, str)
    """What a column is, and its name in the file; empty for none."""
    target_changed = Signal()
    """Something was said about the project to write."""
    plate_changed = Signal()
    """Another plate was named."""
    write_requested = Signal()
    cancel_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._ready = False
        self._named = ""  # the name that nobody typed
        self.image = _combo("Image that the tracks belong to: a layer, or a field of view of a plate")
        self.plate, self.fov = QLineEdit(), _combo("Field of view of the plate")
        self.plate.setPlaceholderText("plate.zarr")
        self.browse_plate = button("Choose ...", "Choose the folder of the plate")
        self.source = QLineEdit()
        self.source.setPlaceholderText("TrackMate, GEFF, CTC, ultrack, btrack, any table")
        self.browse_file = button("File ...", "Choose a file: XML, CSV, parquet, HDF5")
        self.browse_folder = button(
            "Folder ...", "Choose a folder: GEFF, Cell Tracking Challenge, TrackMate tables"
        )
        self.report = LongWords("What was found in the file, and what was left out", _REPORT_LINES)
        self.columns = {name: _combo(tip) for name, (_, tip) in _ROLES.items()}
        self.first_frame = _combo("Number that the first frame of the image has in the file")
        self.unit = _combo("Unit of the positions in the file")
        self.unit.setMinimumContentsLength(8)
        self.pixel, self.time_step = PlainNumber(), PlainNumber()
        self.name, self.condition, self.folder = QLineEdit(), QLineEdit(), QLineEdit()
        self.interval = PlainNumber()
        self.browse = button("Choose ...", "Choose the folder of the project")
        self.replace = QCheckBox("replace what is there")
        self.faults = {name: words("What is wrong or open here") for name in _FAULTS}
        self.write = button("Write and open", "Write the tracks as a project into the folder, and open it")
        self.cancel = button("Cancel", "Stop; what was written is deleted")
        self.busy = QProgressBar()
        self._fill()
        self._arrange()
        self._connect()
        calm_wheels(self)
        self.setFocusProxy(self.image)
        self.set_columns((), {})
        self.set_report("Choose the image and the file of its tracks.")
        self.set_plate_asked(False)
        self.set_busy(False)
        self.set_exists(False)
        for name in _FAULTS:
            self.set_fault(name, "")

    def _fill(self) -> None:
        for box, choices in ((self.first_frame, _FIRST), (self.unit, _UNITS)):
            for value, text in choices.items():
                box.addItem(text, value)
        for number, suffix, unset, tip in (
            (self.pixel, " µm", "of the image", "Width of a pixel of the image in the lengths of the file"),
            (self.time_step, "", "frames", "Time between frames in the unit of the file, if it has times"),
            (self.interval, " min", _NOT_SET, "Time between frames of the recording"),
        ):
            number.setDecimals(6)
            number.setRange(0, 1e6)
            number.setSuffix(suffix)
            number.setSpecialValueText(unset)
            number.setToolTip(tip)
            number.setMinimumWidth(1)
        for line, hint, tip in (
            (self.plate, "plate.zarr", "Folder of an OME-Zarr plate"),
            (self.source, self.source.placeholderText(), "File or folder of tracks; found by its content"),
            (self.name, "movie", "Name of the experiment: letters, digits, '.', '_', '-'"),
            (self.condition, "control", "Condition of these cells, for example infected"),
            (
                self.folder,
                "folder to write the project to",
                "An existing experiments.yaml gets one more entry",
            ),
        ):
            line.setPlaceholderText(hint)
            line.setToolTip(tip)
        self.replace.setToolTip("Replace tracks, and an image that was written before, of this name")
        self.busy.setToolTip("Progress")

    def _arrange(self) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(3)
        column.addLayout(self._sources())
        column.addWidget(self.report)
        column.addWidget(self._mapping())
        column.addLayout(self._targets())
        column.addStretch(1)
        area = _Page(page)
        row = QHBoxLayout()
        row.setContentsMargins(4, 0, 4, 4)
        for item in (self.write, self.cancel):
            row.addWidget(item)
        row.addWidget(self.busy, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area, 1)
        outer.addLayout(row)

    def _sources(self) -> QFormLayout:
        form = _form()
        form.addRow("Image", self.image)
        self.plate_row = _row(self.plate, self.browse_plate)
        self.fov_row = self.fov
        form.addRow("Plate", self.plate_row)
        form.addRow("FOV", self.fov_row)
        form.addRow(self.faults["image"])
        form.addRow("Tracks", _row(self.source, self.browse_file, self.browse_folder))
        form.addRow(self.faults["source"])
        self._upper = form
        return form

    def _mapping(self) -> QGroupBox:
        self.understood = QGroupBox("How the file is understood")
        column = QVBoxLayout(self.understood)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(3)
        self.table = QWidget()
        grid = QGridLayout(self.table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        for place, (name, (title, tip)) in enumerate(_ROLES.items()):
            self.columns[name].setAccessibleName(f"Column: {title}")
            _into(grid, place, title, tip, self.columns[name])
        column.addWidget(self.table)
        column.addWidget(self.faults["columns"])
        grid = QGridLayout()
        grid.setVerticalSpacing(2)
        for place, (title, field) in enumerate((("First frame", self.first_frame), ("Unit", self.unit))):
            field.setAccessibleName(title)
            _into(grid, place, title, field.toolTip(), field)
        column.addLayout(grid)
        form = _form()  # numbers with their units need a row each
        for title, number in (("Pixel", self.pixel), ("Time step", self.time_step)):
            number.setAccessibleName(title)
            form.addRow(title, number)
        column.addLayout(form)
        for name in ("first_frame", "unit", "pixel", "time_step"):
            column.addWidget(self.faults[name])
        return self.understood

    def _targets(self) -> QFormLayout:
        form = _form()
        grid = QGridLayout()
        grid.setVerticalSpacing(2)
        for place, (title, field) in enumerate((("Name", self.name), ("Condition", self.condition))):
            field.setAccessibleName(title)
            _into(grid, place, title, field.toolTip(), field)
        form.addRow(grid)
        self.interval.setAccessibleName("Interval")
        form.addRow("Interval", self.interval)
        self.folder.setAccessibleName("Folder")
        form.addRow("Folder", _row(self.folder, self.browse))
        form.addRow(self.replace)
        form.addRow(self.faults["target"])
        return form

    def _connect(self) -> None:
        for box in (self.image, self.fov, self.first_frame, self.unit):
            box.activated.connect(lambda _: self.source_changed.emit())
        for name, box in self.columns.items():
            box.activated.connect(
                lambda _, name=name, box=box: self.column_chosen.emit(name, box.currentData())
            )
        for number in (self.pixel, self.time_step):
            number.valueChanged.connect(lambda _: self.source_changed.emit())
        self.source.textChanged.connect(lambda _: self.source_changed.emit())
        self.plate.textChanged.connect(lambda _: self.plate_changed.emit())
        for line in (self.name, self.condition, self.folder):
            line.textChanged.connect(lambda _: self.target_changed.emit())
        self.interval.valueChanged.connect(lambda _: self.target_changed.emit())
        self.replace.toggled.connect(lambda _: self.target_changed.emit())
        self.browse_plate.clicked.connect(lambda: self._choose_folder("Plate (OME-Zarr)", self.plate))
        self.browse_folder.clicked.connect(lambda: self._choose_folder("Folder of tracks", self.source))
        self.browse.clicked.connect(lambda: self._choose_folder("Folder of the project", self.folder))
        self.browse_file.clicked.connect(self._choose_file)
        self.write.clicked.connect(lambda: self.write_requested.emit())
        self.cancel.clicked.connect(lambda: self.cancel_requested.emit())

    def _choose_folder(self, title: str, line: QLineEdit) -> None:
        chosen = QFileDialog.getExistingDirectory(self, title, line.text())
        if chosen:
            line.setText(chosen)

    def _choose_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "File of tracks", self.source.text())
        if chosen:
            self.source.setText(chosen)

    def source_entered(self) -> SourceEntered:
        """Return what was said about image and file."""
        first = self.first_frame.currentData()
        return SourceEntered(
            layer=self.image.currentData(),
            plate=self.plate.text().strip(),
            fov=self.fov.currentText(),
            source=self.source.text().strip(),
            first_frame=int(first) if first else None,
            unit=self.unit.currentData(),
            pixel_size_um=self.pixel.value(),
            time_step=self.time_step.value(),
        )

    def target_entered(self) -> TargetEntered:
        """Return what was said about the project to write."""
        return TargetEntered(
            name=self.name.text().strip(),
            condition=self.condition.text().strip(),
            interval_minutes=self.interval.value(),
            folder=self.folder.text().strip(),
            replace=self.replace.isChecked(),
        )

    def set_images(self, choices: Sequence[Choice]) -> None:
        """Offer images, and show which one is chosen."""
        self.image.clear()
        for place, choice in enumerate(choices):
            self.image.addItem(choice.title, choice.key)
            self.image.setItemData(place, choice.tip, Qt.ItemDataRole.ToolTipRole)
            if choice.chosen:
                self.image.setCurrentIndex(place)

    def set_plate_asked(self, asked: bool) -> None:
        """Ask for a plate and its field of view, or not."""
        for row in (self.plate_row, self.fov_row):
            self._upper.setRowVisible(row, asked)

    def set_fovs(self, names: Sequence[str]) -> None:
        """Offer the fields of view of the plate; the chosen one stays if it is there."""
        chosen = self.fov.currentText()
        self.fov.clear()
        self.fov.addItems(list(names))
        self.fov.setCurrentIndex(max(self.fov.findText(chosen), 0) if names else -1)

    def set_columns(self, there: Sequence[str], chosen: Mapping[str, str]) -> None:
        """Offer the columns of a table, and show which one is what; none for other formats."""
        for name, box in self.columns.items():
            box.clear()
            box.addItem("", "")
            for column in there:
                box.addItem(column, column)
            box.setCurrentIndex(max(box.findData(chosen.get(name, "")), 0))
        self.table.setVisible(bool(there))

    def set_report(self, text: str) -> None:
        """Say what was found."""
        self.report.setText(text)

    def set_fault(self, name: str, text: str) -> None:
        """Say what is wrong or open at a field; nothing for an empty text."""
        label = self.faults[name]
        label.setText(text)
        label.setVisible(bool(text))

    def set_unsaid(self) -> None:
        """Forget what was said about another file."""
        for box in (self.first_frame, self.unit):
            box.setCurrentIndex(0)
        for number in (self.pixel, self.time_step):
            number.blockSignals(True)
            number.setValue(0)
            number.blockSignals(False)

    def set_done(self, text: str) -> None:
        """Say that a file was written; the next one is another."""
        self.source.blockSignals(True)
        self.source.clear()
        self.source.blockSignals(False)
        self.set_columns((), {})
        self.set_unsaid()
        self.set_report(text)
        self.set_exists(False)
        self.set_ready(False)

    def set_target(self, name: str, interval_minutes: float | None) -> None:
        """Show a name and an interval where there is none yet."""
        if self.name.text() in ("", self._named):
            self.name.setText(name)
            self._named = name
        if interval_minutes and not self.interval.value():
            self.interval.setValue(interval_minutes)

    def set_exists(self, there: bool) -> None:
        """Offer to replace what is there, or not."""
        self.replace.setVisible(there)
        if not there:
            self.replace.setChecked(False)

    def set_ready(self, ready: bool) -> None:
        """Whether it can be written."""
        self._ready = ready
        self.write.setEnabled(ready and self.busy.isHidden())

    def set_busy(self, busy: bool) -> None:
        """Show that something is read or written, which can be canceled."""
        self.busy.setVisible(busy)
        self.cancel.setVisible(busy)
        self.write.setEnabled(self._ready and not busy)
        self.busy.setRange(0, 0)
        self.busy.setFormat("")

    def set_progress(self, step: str, done: int, total: int) -> None:
        """Show how far it is."""
        self.busy.setRange(0, max(total, 0))
        self.busy.setValue(done)
        self.busy.setFormat(f"{step} %v/%m" if total else step)


def _combo(tip: str) -> QComboBox:
    """Return a choice that is as narrow as the dock wants it."""
    box = QComboBox()
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(4)
    box.setToolTip(tip)
    return box


def _form() -> QFormLayout:
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setVerticalSpacing(3)
    return form


def _row(*parts: QWidget) -> QWidget:
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(3)
    for place, part in enumerate(parts):
        row.addWidget(part, int(place == 0))
    return made


def _into(grid: QGridLayout, place: int, title: str, tip: str, field: QWidget) -> None:
    """Put a field with its title into the next of two places of a row."""
    label = QLabel(title)
    label.setToolTip(tip)
    label.setBuddy(field)
    grid.addWidget(label, place // 2, 2 * (place % 2))
    grid.addWidget(field, place // 2, 2 * (place % 2) + 1)
    for column in (1, 3):
        grid.setColumnStretch(column, 1)
