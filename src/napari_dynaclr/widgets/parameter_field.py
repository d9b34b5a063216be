"""One field of a form for one option of a training; knows no option by name and no other field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QLineEdit, QSpinBox, QWidget

from dynaclr.options.parameter import Kind, Parameter
from napari_dynaclr.widgets.calm_wheel import CalmWheel

__all__ = ("ParameterField", "text_of", "value_of")

_NONE = "none"
_MOST = 2**31 - 1


def text_of(value: Any) -> str:
    """Return a value as it is typed; None is an empty text."""
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6).strip()
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def value_of(text: str, parameter: Parameter) -> Any:
    """Return the value that a text means; what cannot be read stays a text, which `fault` then refuses."""
    text = text.strip()
    if not text or (parameter.optional and text.lower() == _NONE):
        return None if parameter.optional or parameter.kind is not Kind.TEXT else text
    counted = parameter.kind is Kind.TEXT and parameter.item is Kind.WHOLE
    if counted or parameter.kind in (Kind.WHOLE, Kind.NUMBER):
        number = _number(text)
        if number is not None:
            return float(number) if parameter.kind is Kind.NUMBER else number
    if parameter.kind in (Kind.LIST, Kind.MAPPING, Kind.OBJECTS):
        return _structure(text, parameter)
    return text


def _number(text: str) -> int | float | None:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def _structure(text: str, parameter: Parameter) -> Any:
    """Read a list with or without its brackets, or a mapping."""
    if parameter.kind is Kind.LIST and not text.startswith("["):
        text = f"[{text}]"
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    if parameter.kind is Kind.LIST and parameter.item is Kind.TEXT and isinstance(value, list):
        return [item if isinstance(item, str) else str(item) for item in value]
    return value


class ParameterField:
    """The widget of an option.

    Parameters
    ----------
    parameter
        The option.
    changed
        Called with (path, value) when the user has changed it.
    calm
        Holds the wheel back.
    """

    def __init__(self, parameter: Parameter, changed: Callable[[str, Any], None], calm: CalmWheel) -> None:
        self.parameter = parameter
        self._told: Any = None
        self._changed = changed
        self.widget = self._made()
        self.widget.setAccessibleName(parameter.path)
        self.widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.widget.installEventFilter(calm)
        self._tip(None)

    def _made(self) -> QWidget:
        kind = self.parameter.kind
        if kind is Kind.TRUTH:
            check = QCheckBox()
            check.clicked.connect(self._tell)
            return check
        if kind is Kind.CHOICE:
            box = QComboBox()
            box.addItems([*([_NONE] if self.parameter.optional else []), *self.parameter.choices])
            box.setMinimumContentsLength(8)
            box.activated.connect(self._tell)
            return box
        if kind is Kind.WHOLE and not self.parameter.optional and not self.parameter.required:
            spin = QSpinBox()
            lower = self.parameter.lower
            upper = self.parameter.upper
            spin.setRange(-_MOST if lower is None else int(lower), _MOST if upper is None else int(upper))
            spin.setKeyboardTracking(False)
            spin.valueChanged.connect(self._tell)
            return spin
        edit = QLineEdit()
        edit.setPlaceholderText(_NONE if self.parameter.optional else self.parameter.expected)
        edit.editingFinished.connect(self._tell)
        return edit

    @property
    def value(self) -> Any:
        """What the field holds."""
        widget = self.widget
        if isinstance(widget, QCheckBox):
            return widget.isChecked()
        if isinstance(widget, QSpinBox):
            return widget.value()
        if isinstance(widget, QComboBox):
            return None if widget.currentText() == _NONE else widget.currentText()
        assert isinstance(widget, QLineEdit)
        return value_of(widget.text(), self.parameter)

    def set_value(self, value: Any) -> None:
        """Show a value; nobody is told."""
        widget, self._told = self.widget, value
        widget.blockSignals(True)
        if isinstance(widget, QCheckBox):
            widget.setChecked(bool(value))
        elif isinstance(widget, QSpinBox):
            widget.setValue(value if isinstance(value, int) and abs(value) <= _MOST else 0)
        elif isinstance(widget, QComboBox):
            text = _NONE if value is None else str(value)
            if widget.findText(text) < 0:
                widget.addItem(text)
            widget.setCurrentText(text)
        elif isinstance(widget, QLineEdit) and value_of(widget.text(), self.parameter) != value:
            widget.setText(text_of(value))
            widget.setCursorPosition(0)
        widget.blockSignals(False)

    def set_fault(self, fault: str | None) -> None:
        """Mark the field as wrong and say why; None if it is right."""
        self._tip(fault)
        self.widget.setStyleSheet("" if fault is None else "border: 1px solid #D55E00;")

    def _tip(self, fault: str | None) -> None:
        item = self.parameter
        lines = [f"{item.path}: {item.words}", f"{item.expected}; default {text_of(item.default) or _NONE}"]
        self.widget.setToolTip("\n".join([*([f"Wrong: {fault}"] if fault else []), *lines]))

    def _tell(self) -> None:
        value = self.value
        if value != self._told:
            self._told = value
            self._changed(self.parameter.path, value)
