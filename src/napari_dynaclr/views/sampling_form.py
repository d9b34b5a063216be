"""The options of the sampler as a form, and buttons to reset and to write them; knows not what they do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from dynaclr.options.catalogue import options
from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.state.memory import project_folder
from napari_dynaclr.views.training_form import GROUP_TITLES
from napari_dynaclr.widgets.option_fields import OptionField
from napari_dynaclr.widgets.option_form import OptionForm

__all__ = ("SamplingForm",)

_SETTLE_MS = 250
_NOTHING = "No project is open. Choose a file, or try the sample data."
_UNCHANGED = "No changes from the file."


class SamplingForm(QWidget):
    """The form, and buttons to reset and to write."""

    options_changed = Signal(object)
    """dict of all options, once the user has paused."""
    write_requested = Signal(object)
    """Path to write the changed options to, None for the file that is open."""

    def __init__(self, colours: PlotColours) -> None:
        super().__init__()
        self._paths = {item.name: item.path for item in options("sampling")}
        self._saved: dict[str, Any] = {}
        self._why: tuple[str | None, str | None] = (_NOTHING, _NOTHING)
        self.form = OptionForm(GROUP_TITLES, opened=True)
        self.form.set_options(options("sampling"))
        self.form.changed.connect(self._on_changed)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._on_settled)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self.form)
        column.addWidget(self._buttons())
        column.addWidget(self._question())
        column.addWidget(self.message)  # below: buttons stay under the mouse when it comes and goes
        column.addStretch(1)
        self.set_colours(colours)
        self._show_state()

    @property
    def fields(self) -> dict[str, OptionField]:
        """The fields by name of the option."""
        return {name: self.form.fields[path] for name, path in self._paths.items()}

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
        return {name: field.value for name, field in self.fields.items()}

    def changes(self) -> dict[str, Any]:
        """Return the options that differ from the file."""
        return {name: value for name, value in self.values().items() if value != self._saved.get(name, value)}

    def set_values(self, values: Mapping[str, Any], choices: Mapping[str, Sequence[str]]) -> None:
        """Show options, with the names that each may hold; tells nobody."""
        if choices:
            named = {self._paths[name]: names for name, names in choices.items()}
            self.form.set_options(options("sampling"), named)
        self.form.set_values({self._paths[name]: value for name, value in values.items()})
        self._order()
        self._show_state()

    def _order(self) -> None:
        """Let the tab key go along the fields as they are seen: some are made when names are known."""
        for before, after in pairwise([*self.form.inputs(), self.reset, self.write, self.save_as]):
            QWidget.setTabOrder(before, after)

    def set_saved(self, values: Mapping[str, Any], writable: str | None, copyable: str | None) -> None:
        """Say what the file holds, and why it cannot be written to or copied; None where it can."""
        self._saved = dict(values)
        self._why = (writable, copyable)
        self._show_state()

    def set_locked(self, locked: Mapping[str, str]) -> None:
        """Say which options cannot be changed here, and why."""
        self.form.set_locked({self._paths[name]: why for name, why in locked.items()})

    def set_error(self, text: str) -> None:
        """Show an error under the field that it names; an empty text takes errors away."""
        named = [
            name
            for part in re.findall(r"field ([\w, ]+):", text)
            for name in part.split(", ")
            if name in self._paths
        ]
        self.form.set_faults({self._paths[name]: text for name in named})
        self.set_message("" if named else text, wrong=True)

    def set_message(self, text: str, wrong: bool = False) -> None:
        """Say something below the fields."""
        self.message.setText(text)
        self.message.setStyleSheet(f"color: {self._warning}" if wrong else "")
        self.message.setVisible(bool(text))

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self._warning = colours.of("4")
        self.form.set_warning(self._warning)

    def _on_changed(self) -> None:
        self._ask(False)
        self._show_state()
        self._settle.start()

    def _on_settled(self) -> None:
        """Tell the options, or what is wrong with them."""
        faults = self.form.faults()
        self.form.set_faults(faults)
        if not faults:
            self.options_changed.emit(self.values())

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
        """Mark what differs from the file."""
        changes = self.changes() if self._saved else {}
        for name, field in self.fields.items():
            field.set_marked(name in changes)
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
