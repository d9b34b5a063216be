"""The options of the sampler as a form; knows their types and texts, not what they do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_dynaclr.presentation.colours import PlotColours
from napari_dynaclr.state.memory import project_folder
from napari_dynaclr.widgets.option_fields import OptionField, option_field
from napari_dynaclr.widgets.option_specs import OptionSpec

__all__ = ("SamplingForm",)

_SETTLE_MS = 250
_NEEDS = {
    "leaky": "experiment_aware",
    "experiment_weights": "experiment_aware",
    "group_by": "experiment_aware",
    "condition_ratio": "condition_balanced",
    "stratify_by": "condition_balanced",
    "temporal_window_hours": "temporal_enrichment",
    "temporal_global_fraction": "temporal_enrichment",
}
"""Options without effect while another one is off."""
_NOTHING = "Nothing is open."
_UNCHANGED = "Nothing differs from the file."


class SamplingForm(QWidget):
    """One field an option, with an error beside it, and buttons to reset and to write."""

    options_changed = Signal(object)
    """dict of all options, once the user has paused."""
    write_requested = Signal(object)
    """Path to write the changed options to, None for the file that is open."""

    def __init__(self, options: Sequence[OptionSpec], colours: PlotColours) -> None:
        super().__init__()
        self._options = tuple(options)
        self._saved: dict[str, Any] = {}
        self._locked: dict[str, str] = {}
        self._why: tuple[str | None, str | None] = (_NOTHING, _NOTHING)
        self.fields: dict[str, OptionField] = {}
        self.errors: dict[str, QLabel] = {}
        self._titles: dict[str, QLabel] = {}
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(lambda: self.options_changed.emit(self.values()))
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.addLayout(self._grid())
        column.addWidget(self._buttons())
        column.addWidget(self._question())
        column.addWidget(self.message)  # below: buttons stay under the mouse when it comes and goes
        column.addStretch(1)
        self.set_colours(colours)
        self._show_state()

    def _grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.setVerticalSpacing(3)
        for place, option in enumerate(self._options):
            field, title, error = option_field(option), QLabel(option.title), QLabel()
            title.setToolTip(field.toolTip())
            error.setWordWrap(True)
            error.hide()
            field.changed.connect(self._on_changed)
            top = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
            grid.addWidget(title, 2 * place, 0, top)
            grid.addWidget(field, 2 * place, 1)
            grid.addWidget(error, 2 * place + 1, 0, 1, 2)
            self.fields[option.name], self._titles[option.name] = field, title
            self.errors[option.name] = error
        return grid

    def _buttons(self) -> QWidget:
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(3)
        self.reset = _button("Reset", "Show the options of the file again", row)
        self.write = _button("Write to YAML", "", row)
        self.save_as = _button("Save as new YAML ...", "", row)
        self.reset.clicked.connect(self._on_reset)
        self.write.clicked.connect(lambda: self._ask(True))
        self.save_as.clicked.connect(self._on_save_as)
        return bar

    def _question(self) -> QWidget:
        self.question = QWidget()
        row = QHBoxLayout(self.question)
        row.setContentsMargins(0, 0, 0, 0)
        self._asked = QLabel()
        self._asked.setWordWrap(True)
        row.addWidget(self._asked, 1)
        self.yes = _button("Write", "Change these lines of the file; all others stay", row)
        self.no = _button("Cancel", "Leave the file as it is", row)
        self.yes.clicked.connect(self._on_yes)
        self.no.clicked.connect(lambda: self._ask(False))
        self.question.hide()
        return self.question

    def values(self) -> dict[str, Any]:
        """Return all options as shown."""
        return {name: field.value() for name, field in self.fields.items()}

    def changes(self) -> dict[str, Any]:
        """Return the options that differ from the file."""
        return {name: value for name, value in self.values().items() if value != self._saved.get(name, value)}

    def set_values(self, values: Mapping[str, Any], choices: Mapping[str, Sequence[str]]) -> None:
        """Show options, with the names that each may hold; tells nobody."""
        for name, names in choices.items():
            self.fields[name].set_choices(names)
        for name, value in values.items():
            if self.fields[name].value() != value:
                self.fields[name].show_value(value)
        self._order()
        self._show_state()

    def _order(self) -> None:
        """Let the tab key go along the fields as they are seen: some are made when names are known."""
        inputs = [
            part
            for field in self.fields.values()
            for part in field.findChildren(QWidget)
            if isinstance(part, (QCheckBox, QAbstractSpinBox))
        ]
        for before, after in pairwise([*inputs, self.reset, self.write, self.save_as]):
            QWidget.setTabOrder(before, after)

    def set_saved(self, values: Mapping[str, Any], writable: str | None, copyable: str | None) -> None:
        """Say what the file holds, and why it cannot be written to or copied; None where it can."""
        self._saved = dict(values)
        self._why = (writable, copyable)
        self._show_state()

    def set_locked(self, locked: Mapping[str, str]) -> None:
        """Say which options cannot be changed here, and why."""
        self._locked = dict(locked)
        self._show_state()

    def set_error(self, text: str) -> None:
        """Show an error beside the field that it names; an empty text takes errors away."""
        named = [
            name
            for part in re.findall(r"field ([\w, ]+):", text)
            for name in part.split(", ")
            if name in self.errors
        ]
        for name, label in self.errors.items():
            label.setText(text if name in named else "")
            label.setVisible(name in named)
        self.set_message("" if named else text, wrong=True)

    def set_message(self, text: str, wrong: bool = False) -> None:
        """Say something below the fields."""
        self.message.setText(text)
        self.message.setStyleSheet(f"color: {self._warning}" if wrong else "")
        self.message.setVisible(bool(text))

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self._warning = colours.of("4")
        for label in self.errors.values():
            label.setStyleSheet(f"color: {self._warning}")

    def _on_changed(self) -> None:
        self._ask(False)
        self._show_state()
        self._settle.start()

    def _on_reset(self) -> None:
        self.set_values(self._saved, {})
        self._on_changed()

    def _on_save_as(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self, "Save as new YAML", str(project_folder()), "YAML (*.yaml *.yml)"
        )
        if chosen:
            self.write_requested.emit(chosen if chosen.endswith((".yaml", ".yml")) else f"{chosen}.yaml")

    def _ask(self, asked: bool) -> None:
        names = ", ".join(name.replace("_", " ") for name in self.changes())
        self._asked.setText(f"Change {names} in the file?")
        self.question.setVisible(asked and bool(names))

    def _on_yes(self) -> None:
        self._ask(False)
        self.write_requested.emit(None)

    def _show_state(self) -> None:
        """Mark what differs from the file, and switch off what has no effect."""
        changes = self.changes() if self._saved else {}
        for option in self._options:
            name, title = option.name, self._titles[option.name]
            title.setText(f"<b>{option.title} \N{BULLET}</b>" if name in changes else option.title)
            switch = _NEEDS.get(name)
            idle = switch is not None and not self.fields[switch].value()
            why = self._locked.get(name) or (f"No effect while '{switch}' is off." if idle else "")
            self.fields[name].setEnabled(not why)
            tip = self.fields[name].toolTip().split("\n\n")[0]
            self.fields[name].setToolTip(f"{tip}\n\n{why}" if why else tip)
        writable, copyable = self._why
        self.reset.setEnabled(bool(changes))
        self.write.setEnabled(bool(changes) and writable is None)
        self.write.setToolTip(writable or ("Change only these lines of the file" if changes else _UNCHANGED))
        self.save_as.setEnabled(copyable is None)
        self.save_as.setToolTip(copyable or "Write a copy of the file with these options")


def _button(text: str, tooltip: str, row: QHBoxLayout) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.setMinimumWidth(button.fontMetrics().horizontalAdvance(text) + 14)
    row.addWidget(button)
    return button
