"""The tab in which a training is put together and started; emits requests only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from dynaclr.options.spec import RunSpec
from dynaclr.runs.control.devices import Device
from napari_dynaclr.views.cluster_form import ClusterForm
from napari_dynaclr.views.training_form import TrainingForm
from napari_dynaclr.widgets.empty_page import with_empty_page
from napari_dynaclr.widgets.parts import Fold, button, words

__all__ = ("StartTab",)

_EMPTY = (
    "<b>Nothing to train on</b><br><br>Open a configuration, an experiments.yaml or the sample data in the "
    "Project panel. Then set up a training here."
)


class StartTab(QWidget):
    """What to begin with, all options, device, cost, and the buttons that start."""

    origin_chosen = Signal(str)
    """Key of what to begin with, as `set_origins` was told it."""
    option_changed = Signal(str, object)
    estimate_requested = Signal()
    estimate_cancelled = Signal()
    start_requested = Signal()
    copy_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._estimating = False
        self.origin = QComboBox()
        self.origin.setMinimumContentsLength(10)
        self.origin.setToolTip("Starting point of the options below: a preset, the open training or a run")
        self.device = QComboBox()
        self.device.setMinimumContentsLength(10)
        self.device.setToolTip("Device to train on; a GPU is 10 to 100 times as fast as a CPU")
        self.form = TrainingForm()
        self.where = words("Run folder that will be written")
        self.cost = words("Cost of this training, measured on a few of its steps")
        self.reason = words("Why the training cannot be started yet")
        self.start = button(
            "Start training", "Start training in a separate process that keeps running after napari closes"
        )
        self.estimate = button(
            "Estimate", "Run a few steps to measure time and memory; leaves nothing behind"
        )
        self.copy = button("Copy command", "Write the configuration and copy the command that starts it")
        self.cluster = ClusterForm()
        self.cluster_fold = Fold(
            "SLURM cluster", "Show or hide the cluster request and its script", self.cluster
        )
        self._arrange()
        self.origin.activated.connect(lambda n: self.origin_chosen.emit(str(self.origin.itemData(n))))
        self.form.changed.connect(self.option_changed)
        self.start.clicked.connect(lambda: self.start_requested.emit())
        self.estimate.clicked.connect(self._on_estimate)
        self.copy.clicked.connect(lambda: self.copy_requested.emit())
        self.set_origins([])
        self.set_spec(None, {}, "")
        self.set_cost("")

    def _arrange(self) -> None:
        top = QFormLayout()
        top.addRow("Begin with", self.origin)
        top.addRow("Device", self.device)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        options = QWidget()
        inside = QVBoxLayout(options)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(2)
        inside.addWidget(self.form)
        inside.addWidget(self.cluster_fold)
        inside.addStretch(1)
        scroll.setWidget(options)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(2, 4, 2, 2)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(scroll, 1)
        column.addWidget(self.where)
        column.addWidget(self.cost)
        column.addWidget(self.reason)
        column.addWidget(self.start)
        row = QHBoxLayout()
        for item in (self.estimate, self.copy):
            row.addWidget(item)
        row.addStretch(1)
        column.addLayout(row)
        self.pages = with_empty_page(self, words("What to do first", _EMPTY), content)

    def _on_estimate(self) -> None:
        (self.estimate_cancelled if self._estimating else self.estimate_requested).emit()

    def set_open(self, opened: bool) -> None:
        """Show the form, or what to do first."""
        self.pages.setCurrentIndex(1 if opened else 0)

    def set_origins(self, origins: Sequence[tuple[str, str, str]], chosen: str = "") -> None:
        """Offer (key, title, tooltip) to begin with; the choice stays if it is still there."""
        before = chosen or str(self.origin.currentData())
        self.origin.clear()
        for number, (key, title, tip) in enumerate(origins):
            self.origin.addItem(title, key)
            self.origin.setItemData(number, tip, Qt.ItemDataRole.ToolTipRole)
        self.origin.setCurrentIndex(max(self.origin.findData(before), 0))

    def set_origin(self, key: str) -> None:
        """Choose what to begin with; a run that is not offered is added."""
        if self.origin.findData(key) < 0:
            self.origin.addItem(Path(key).name, key)
        self.origin.setCurrentIndex(self.origin.findData(key))

    def set_devices(self, devices: Sequence[Device]) -> None:
        """Offer devices; the first that may be used is chosen."""
        self.device.clear()
        for number, item in enumerate(devices):
            free = "" if item.free_bytes is None else f", {item.free_bytes / 2**30:.0f} GiB free"
            self.device.addItem(item.name + free, item)
            if not item.visible:
                tip = "CUDA_VISIBLE_DEVICES of napari hides it from trainings that are started here"
                self.device.setItemData(number, tip, Qt.ItemDataRole.ToolTipRole)
        usable = [number for number, item in enumerate(devices) if item.visible]
        self.device.setCurrentIndex(usable[0] if usable else -1)

    @property
    def chosen_device(self) -> Device | None:
        """The device; None while they are looked for."""
        found = self.device.currentData()
        return found if isinstance(found, Device) else None

    def set_spec(
        self,
        spec: RunSpec | None,
        faults: Mapping[str, str],
        where: str,
        choices: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Show a training, what is wrong with it, where it is written, and names that options may hold."""
        if spec is not None:
            self.form.set_spec(spec, faults, choices)
        self.form.setEnabled(spec is not None)
        self.where.setText(where)

    def set_reason(self, reason: str) -> None:
        """Say why the training cannot be started; it can for an empty text."""
        self.reason.setText(reason and f"Cannot start yet: {reason}")
        self.reason.setVisible(bool(reason))
        for item in (self.start, self.copy):
            item.setEnabled(not reason)
        self.estimate.setEnabled(not reason or self._estimating)

    def set_estimating(self, estimating: bool) -> None:
        """Show that the cost is being measured; it can be given up."""
        self._estimating = estimating
        self.estimate.setText("Cancel" if estimating else "Estimate")

    def set_cost(self, text: str) -> None:
        """Show what the training will cost."""
        self.cost.setText(text)
        self.cost.setVisible(bool(text))
