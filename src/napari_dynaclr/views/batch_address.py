"""Which batch: epoch, number, rank and world size."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSpinBox, QWidget

from napari_dynaclr.keys.batch import BATCH_ACTIONS
from napari_dynaclr.keys.tables import hint
from napari_dynaclr.presentation.batch_name import BatchName

_MOST = 2_000_000_000


class BatchAddress(QWidget):
    """Numbers of a batch as a training with several ranks counts them."""

    address_wished = Signal(int, int)
    """(epoch, number over all ranks)."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch = _spin(0, _MOST, "Epoch of the training, from 0")
        self.batch = _spin(0, 0, "Batch of this rank in the epoch, from 0")
        self.rank = _spin(0, 0, "Rank (process) whose batches are counted, from 0")
        self.world = _spin(1, 4096, "Number of ranks (processes) that train together")
        self.steps = {action.name: _step(action.label) for action in BATCH_ACTIONS}
        self.back, self.on = self.steps["previous"], self.steps["next"]
        self.about = QLabel()
        self.about.setToolTip(
            "Address of the batch: the same numbers give the same batch in a training. The hash is the "
            "start of the SHA-256 of its pixels, which a run records in its folder previews."
        )
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.about.setWordWrap(True)
        self._per_epoch, self._words = 1, ""
        self._name: BatchName | None = None
        self.batch.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)  # the arrows beside it step
        self.batch.setStyleSheet("min-width: 40px; padding: 1px 4px")  # napari's would cover them
        self._arrange()
        for box in (self.epoch, self.batch, self.rank):
            box.valueChanged.connect(self._on_changed)
        self.world.valueChanged.connect(self._on_world)
        self.back.clicked.connect(lambda: self.batch.setValue(self.batch.value() - 1))
        self.on.clicked.connect(lambda: self.batch.setValue(self.batch.value() + 1))

    def _arrange(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(4, 4, 4, 0)
        grid.setVerticalSpacing(3)
        steps = QHBoxLayout()
        steps.setSpacing(2)
        for widget in (self.back, self.batch, self.on):
            steps.addWidget(widget)
        grid.addWidget(QLabel("epoch"), 0, 0)
        grid.addWidget(self.epoch, 0, 1)
        grid.addWidget(QLabel("batch"), 0, 2)
        grid.addLayout(steps, 0, 3)
        for column, (name, spin) in enumerate((("rank", self.rank), ("of", self.world))):
            grid.addWidget(QLabel(name), 1, 2 * column)
            grid.addWidget(spin, 1, 2 * column + 1)
        grid.addWidget(self.about, 2, 0, 1, 5)
        grid.setColumnStretch(1, 2)
        grid.setColumnStretch(3, 3)
        grid.setColumnStretch(4, 1)

    def set_keys(self, keys: Mapping[str, str]) -> None:
        """Say the keys, given by name of the action, in the tooltips."""
        for action in BATCH_ACTIONS:
            self.steps[action.name].setToolTip(hint(action.tooltip, keys[action.name]))

    @property
    def address(self) -> tuple[int, int]:
        """Epoch, and number over all ranks."""
        return self.epoch.value(), self.rank.value() + self.batch.value() * self.world.value()

    def set_address(self, epoch: int, number: int, per_epoch: int, text: str) -> None:
        """Show a batch, counted over all ranks, and say how many there are; tells nobody."""
        self._per_epoch = per_epoch
        ranks = self.world.value()
        self._block(True)
        self.epoch.setValue(epoch)
        self._set_limits()
        self.rank.setValue(number % ranks)
        self.batch.setValue(number // ranks)
        self._block(False)
        self._words = text
        self._show_about()
        self._show_steps()

    def set_name(self, name: BatchName | None) -> None:
        """Show the hash of a batch as soon as that batch is shown; None is not about a batch."""
        if name is not None:
            self._name = name
            self._show_about()

    def _show_about(self) -> None:
        """Say which batch this is, with rank and hash."""
        rank = f"rank {self.rank.value()} of {self.world.value()}"
        hashed = self._name is not None and (self._name.epoch, self._name.batch) == self.address
        digest = f"hash {self._name.digest or '...'}" if self._name is not None and hashed else ""
        self.about.setText("; ".join(filter(None, (self._words, self._words and rank, digest))))

    def _set_limits(self) -> None:
        self.world.setMaximum(max(self._per_epoch, 1))
        self.rank.setMaximum(self.world.value() - 1)
        self.batch.setMaximum(max(self._per_epoch // self.world.value() - 1, 0))
        self.batch.setToolTip(f"Batch of this rank in the epoch, 0 to {self.batch.maximum()}")

    def _block(self, block: bool) -> None:
        for box in (self.epoch, self.batch, self.rank, self.world):
            box.blockSignals(block)

    def _show_steps(self) -> None:
        self.back.setEnabled(self.batch.value() > 0)
        self.on.setEnabled(self.batch.value() < self.batch.maximum())

    def _on_changed(self) -> None:
        self._show_steps()
        self._show_about()
        self.address_wished.emit(*self.address)

    def _on_world(self) -> None:
        self._block(True)
        self._set_limits()
        self._block(False)
        self._on_changed()


def _spin(low: int, high: int, tooltip: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setToolTip(tooltip)
    box.setKeyboardTracking(False)
    box.setMinimumWidth(56)
    box.setMaximumWidth(180)
    return box


def _step(text: str) -> QPushButton:
    button = QPushButton(text)
    button.setFixedWidth(26)
    button.setAutoRepeat(True)
    return button
