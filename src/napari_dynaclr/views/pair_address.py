"""Which pair: epoch, batch and place in it, and which slice of its stacks."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QSpinBox, QWidget

_BUTTONS_PX = 44  # what the buttons of a number and the ends of its field take
_LONGEST = "9999"


class PairAddress(QWidget):
    """Numbers of a pair and of the slice that is shown of it."""

    address_wished = Signal(int, int, int)
    """Epoch, batch and place that the user wants."""
    slice_wished = Signal(object)
    """Slice, None for the maximum over all."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch = _numbered("Epoch", "Epoch of the training that the batch belongs to")
        self.batch = _numbered("Batch", "Number of the batch in its epoch, counted over all ranks")
        self.place = _numbered("Pair", "Place of the pair in the batch")
        self.slice = _spin("Slice of the stack; 'max' is the maximum projection")
        self.slice.setRange(-1, 0)
        self.slice.setSpecialValueText("max")
        self.slice.setValue(-1)
        self.counts: dict[str, QLabel] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(4)
        grid.setVerticalSpacing(1)
        for place, (title, spin) in enumerate(
            (("Epoch", self.epoch), ("Batch", self.batch), ("Pair", self.place), ("Slice", self.slice))
        ):
            label = self.counts[title] = QLabel(title)
            grid.addWidget(label, 0, place)
            grid.addWidget(spin, 1, place)
            grid.setColumnStretch(place, 1)
        for spin in (self.epoch, self.batch, self.place):
            spin.valueChanged.connect(self._on_address)
        self.slice.valueChanged.connect(lambda z: self.slice_wished.emit(None if z < 0 else z))

    def _on_address(self) -> None:
        self.address_wished.emit(self.epoch.value(), self.batch.value(), self.place.value())

    def set_limits(self, epochs: int, batches: int, pairs: int) -> None:
        """Set how many epochs, batches of an epoch and pairs of a batch can be chosen."""
        for spin, count in ((self.epoch, epochs), (self.batch, batches), (self.place, pairs)):
            spin.blockSignals(True)
            spin.setMaximum(max(count - 1, 0))
            spin.blockSignals(False)
        self.counts["Batch"].setText(f"Batch / {batches}")
        self.counts["Pair"].setText(f"Pair / {pairs}")

    def set_address(self, epoch: int, batch: int, place: int, can_change: bool) -> None:
        """Show which pair this is, and whether another can be chosen; tells nobody."""
        for spin, value in ((self.epoch, epoch), (self.batch, batch), (self.place, place)):
            spin.blockSignals(True)
            spin.setValue(value)
            spin.setEnabled(can_change)
            spin.blockSignals(False)

    def set_depth(self, depth: int) -> None:
        """Set how many slices can be chosen."""
        self.slice.setMaximum(depth - 1)
        self.slice.setEnabled(depth > 1)


def _spin(tip: str) -> QSpinBox:
    """Return a number with the room it needs and no more: four of them stand side by side."""
    spin = QSpinBox()
    needed = _BUTTONS_PX + spin.fontMetrics().horizontalAdvance(_LONGEST)
    spin.setStyleSheet(f"min-width: {needed}px; padding: 1px 0px")
    spin.setToolTip(tip)
    return spin


def _numbered(title: str, tip: str) -> QSpinBox:
    spin = _spin(tip)
    spin.setRange(0, 0)
    spin.setKeyboardTracking(False)
    spin.setAccessibleName(title)
    spin.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return spin
