"""The form that makes a project of layers; emits requests only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QWidget,
)

from napari_dynaclr.widgets.layer_list import Choice, LayerList
from napari_dynaclr.widgets.parts import PlainNumber, button, words

_NUMBERS = {
    "interval": ("Interval", "Minutes between two frames", " min", "not set"),
    "pixel": (
        "Pixel size",
        "Width of a pixel; from the layer's scale where its unit is a length",
        " µm",
        "unknown",
    ),
    "z_step": (
        "Z step",
        "Distance between slices; from the layer's scale where its unit is a length",
        " µm",
        "unknown",
    ),
}
_TEXTS = {
    "condition": ("Condition", "Condition of these cells, for example infected", "control"),
    "name": ("Name", "Name of the experiment, plate and tracks: letters, digits, '.', '_', '-'", "movie"),
}


@dataclass(frozen=True, slots=True)
class Entered:
    """What was entered; 0 for a number that was not, empty for a text."""

    interval_minutes: float
    pixel_size_um: float
    z_step_um: float
    condition: str
    name: str
    folder: str
    replace: bool


class FromLayersForm(QWidget):
    """Choose images and cells among layers, say what they do not, write and open."""

    changed = Signal()
    """Something was entered."""
    image_toggled = Signal(object, bool)
    """Key of a layer, and whether it is ticked now."""
    cells_chosen = Signal(object)
    """Key of a layer."""
    name_typed = Signal()
    write_requested = Signal()
    cancel_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._ready = False
        self.images = LayerList()
        self.cells = QComboBox()
        self.cells.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.cells.setMinimumContentsLength(12)
        self.numbers = {name: PlainNumber() for name in _NUMBERS}
        self.texts = {name: QLineEdit() for name in _TEXTS}
        self.folder = QLineEdit()
        self.folder.setPlaceholderText("folder to write the project to")
        self.browse = button("Choose ...", "Choose the folder")
        self.replace = QCheckBox("replace the one of this name")
        self.note = words("What would be written")
        self.fault = words("What is missing or wrong")
        self.write = button("Write and open", "Write the layers as a project into the folder, and open it")
        self.cancel = button("Cancel", "Stop writing and delete what was written")
        self.busy = QProgressBar()
        self.busy.setToolTip("Progress")
        self._arrange()
        self._connect()
        self.set_busy(False)
        self.set_exists(False)

    def _arrange(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(2, 2, 2, 2)
        form.setVerticalSpacing(3)
        _add(
            form,
            "Channels",
            "Images to use as channels, named after their layers; Space ticks one",
            self.images,
        )
        tip = "Tracks, or labels whose values are track IDs (without divisions)"
        _add(form, "Cells", tip, self.cells)
        for name, (title, tip, suffix, unset) in _NUMBERS.items():
            box = self.numbers[name]
            box.setDecimals(6)
            box.setRange(0, 1e6)
            box.setSuffix(suffix)
            box.setSpecialValueText(unset)
            _add(form, title, tip, box)
        for name, (title, tip, hint) in _TEXTS.items():
            self.texts[name].setPlaceholderText(hint)
            _add(form, title, tip, self.texts[name])
        row = QHBoxLayout()
        row.addWidget(self.folder, 1)
        row.addWidget(self.browse)
        self.folder.setAccessibleName("Folder")
        self.folder.setToolTip("Folder of the project; an existing experiments.yaml gets one more entry")
        form.addRow("Folder", row)
        self.replace.setToolTip("Overwrite an existing plate and tracks of this name")
        form.addRow(self.replace)
        form.addRow(self.note)
        form.addRow(self.fault)
        row = QHBoxLayout()
        row.addWidget(self.write)
        row.addWidget(self.cancel)
        row.addWidget(self.busy, 1)
        form.addRow(row)

    def _connect(self) -> None:
        self.images.ticked.connect(self.image_toggled)
        self.cells.activated.connect(lambda place: self.cells_chosen.emit(self.cells.itemData(place)))
        for number in self.numbers.values():
            number.valueChanged.connect(lambda _: self.changed.emit())
        for text in (*self.texts.values(), self.folder):
            text.textChanged.connect(lambda _: self.changed.emit())
        self.texts["name"].textEdited.connect(lambda _: self.name_typed.emit())
        self.replace.toggled.connect(lambda _: self.changed.emit())
        self.browse.clicked.connect(self._choose)
        self.write.clicked.connect(lambda: self.write_requested.emit())
        self.cancel.clicked.connect(lambda: self.cancel_requested.emit())

    def _choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of the project", self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def entered(self) -> Entered:
        """Return what was entered."""
        return Entered(
            interval_minutes=self.numbers["interval"].value(),
            pixel_size_um=self.numbers["pixel"].value(),
            z_step_um=self.numbers["z_step"].value(),
            condition=self.texts["condition"].text().strip(),
            name=self.texts["name"].text().strip(),
            folder=self.folder.text().strip(),
            replace=self.replace.isChecked(),
        )

    def set_cells(self, choices: Sequence[Choice]) -> None:
        """Offer layers of cells, and show which one is chosen."""
        self.cells.blockSignals(True)
        self.cells.clear()
        for place, choice in enumerate(choices):
            self.cells.addItem(choice.title, choice.key)
            self.cells.setItemData(place, choice.tip, Qt.ItemDataRole.ToolTipRole)
            if choice.chosen:
                self.cells.setCurrentIndex(place)
        self.cells.setEnabled(bool(choices))
        self.cells.blockSignals(False)

    def set_number(self, name: str, value: float | None) -> None:
        """Show an "interval", a "pixel" size or a "z_step"; None for unknown."""
        self.numbers[name].setValue(value or 0.0)

    def set_deep(self, deep: bool) -> None:
        """Ask for the distance of slices or not."""
        form = self.layout()
        assert isinstance(form, QFormLayout)
        form.setRowVisible(self.numbers["z_step"], deep)

    def set_text(self, name: str, text: str) -> None:
        """Show a "condition" or a "name"."""
        self.texts[name].setText(text)

    def set_exists(self, there: bool) -> None:
        """Offer to replace an experiment, or not."""
        self.replace.setVisible(there)
        if not there:
            self.replace.setChecked(False)

    def set_verdict(self, note: str, fault: str) -> None:
        """Say what would be written, and why it cannot be; nothing for an empty text."""
        for label, text in ((self.note, note), (self.fault, fault)):
            label.setText(text)
            label.setVisible(bool(text))
        self._ready = not fault
        self.write.setEnabled(self._ready and self.busy.isHidden())

    def set_failure(self, text: str) -> None:
        """Say why the writing failed; it can be tried again."""
        self.fault.setText(text)
        self.fault.setVisible(True)

    def set_busy(self, busy: bool) -> None:
        """Show that it is being written, which can be canceled."""
        self.busy.setVisible(busy)
        self.cancel.setVisible(busy)
        self.write.setEnabled(not busy and self._ready)
        self.busy.setRange(0, 0)

    def set_progress(self, step: str, done: int, total: int) -> None:
        """Show how far the writing is."""
        self.busy.setRange(0, max(total, 0))
        self.busy.setValue(done)
        self.busy.setFormat(f"{step} %v/%m")


def _add(form: QFormLayout, title: str, tip: str, widget: QWidget) -> None:
    widget.setToolTip(tip)
    widget.setAccessibleName(title)
    form.addRow(title, widget)
