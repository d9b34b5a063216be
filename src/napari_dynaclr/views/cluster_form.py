"""The form of a cluster request, and the buttons that write or submit its script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QWidget,
)

from napari_dynaclr.state.memory import project_folder
from napari_dynaclr.widgets.calm_wheel import CalmWheel
from napari_dynaclr.widgets.parts import button, words

_TEXTS = {
    "time": ("Time limit", "Time limit of one job: days-hours:minutes:seconds", "1-00:00:00"),
    "partition": ("Partition", "Part of the cluster; empty for its default", "the cluster's default"),
    "account": (
        "Account",
        "Account that is charged; empty for the cluster's default",
        "the cluster's default",
    ),
}
_NUMBERS = {
    "nodes": ("Nodes", "Number of nodes that train together", 1, 1024),
    "gpus_per_node": ("GPUs per node", "One process per GPU; 0 for one CPU process per node", 0, 64),
    "cpus_per_task": ("CPUs per process", "CPU cores of each process, for reading and decoding", 1, 1024),
    "memory_gb": ("Memory per node", "Memory of each node; 0 for the cluster's default", 0, 16384),
}
_LINES = {
    "options": ("More #SBATCH lines", "One option per line, for example --qos=high", "--qos=high"),
    "before": ("Commands before", "Shell commands to run before the training", "module load cuda"),
}
_LINES_HEIGHT = 48


class ClusterForm(QWidget):
    """Fields of a request to a cluster, and what to do with it."""

    changed = Signal()
    """Something was entered."""
    script_requested = Signal(str)
    """File to which the batch script is written."""
    submit_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._calm = CalmWheel(self)
        self.texts = {name: QLineEdit() for name in _TEXTS}
        self.numbers = {name: QSpinBox() for name in _NUMBERS}
        self.lines = {name: QPlainTextEdit() for name in _LINES}
        self.requeue = QCheckBox("at the time limit")
        self.requeue.setToolTip("Requeue before the time limit and resume")
        self.fault = words("Problems with this request")
        self.script = button("Save script ...", "Save a batch script and its configuration, for sbatch")
        self.submit = button("Submit", "")
        self._arrange()
        self._connect()
        self.set_submittable(False)

    def _arrange(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(2, 2, 2, 2)
        form.setVerticalSpacing(3)
        for name, (title, tip, hint) in _TEXTS.items():
            self.texts[name].setPlaceholderText(hint)
            self._add(form, title, tip, self.texts[name])
        for name, (title, tip, least, most) in _NUMBERS.items():
            self.numbers[name].setRange(least, most)
            self.numbers[name].installEventFilter(self._calm)
            self._add(form, title, tip, self.numbers[name])
        self.numbers["memory_gb"].setSpecialValueText("default")
        self.numbers["memory_gb"].setSuffix(" GB")
        for name, (title, tip, hint) in _LINES.items():
            self.lines[name].setPlaceholderText(hint)
            self.lines[name].setMaximumHeight(_LINES_HEIGHT)
            self._add(form, title, tip, self.lines[name])
        form.addRow("Requeue", self.requeue)
        form.addRow(self.fault)
        row = QHBoxLayout()
        row.addWidget(self.script)
        row.addWidget(self.submit)
        row.addStretch(1)
        form.addRow(row)

    def _add(self, form: QFormLayout, title: str, tip: str, widget: QWidget) -> None:
        widget.setToolTip(tip)
        widget.setAccessibleName(title)
        form.addRow(title, widget)

    def _connect(self) -> None:
        for text in self.texts.values():
            text.textChanged.connect(lambda _: self.changed.emit())
        for number in self.numbers.values():
            number.valueChanged.connect(lambda _: self.changed.emit())
        for lines in self.lines.values():
            lines.textChanged.connect(lambda: self.changed.emit())
        self.requeue.toggled.connect(lambda _: self.changed.emit())
        self.script.clicked.connect(self._choose_file)
        self.submit.clicked.connect(lambda: self.submit_requested.emit())

    def _choose_file(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self, "Script for a cluster", str(project_folder() / "job.sh"), "Script (*.sh)"
        )
        if chosen:
            self.script_requested.emit(chosen)

    def values(self) -> dict[str, Any]:
        """Return what was entered, by the names of `JobRequest`; None for what is left to the cluster."""
        texts: dict[str, Any] = {name: field.text().strip() or None for name, field in self.texts.items()}
        numbers = {name: field.value() for name, field in self.numbers.items()}
        lines = {name: _lines(field.toPlainText()) for name, field in self.lines.items()}
        options = [line.removeprefix("#SBATCH").strip() for line in lines["options"]]
        return {
            **texts,
            **numbers,
            "time": texts["time"] or "",
            "memory_gb": numbers["memory_gb"] or None,
            "options": options,
            "before": lines["before"],
            "requeue": self.requeue.isChecked(),
        }

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show a request, by the names of `JobRequest`."""
        for name, text in self.texts.items():
            text.setText(values[name] or "")
        for name, number in self.numbers.items():
            number.setValue(values[name] or 0)
        for name, lines in self.lines.items():
            lines.setPlainText("\n".join(values[name]))
        self.requeue.setChecked(values["requeue"])

    def set_fault(self, text: str) -> None:
        """Say what is wrong with the request; nothing is for an empty text."""
        self.fault.setText(text)
        self.fault.setVisible(bool(text))

    def set_submittable(self, there: bool) -> None:
        """Say whether this computer can submit jobs."""
        self.submit.setVisible(there)
        self.submit.setToolTip("Write the run folder and submit the job with sbatch")

    def set_ready(self, ready: bool) -> None:
        """Say whether training and request are without fault."""
        self.script.setEnabled(ready)
        self.submit.setEnabled(ready)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
