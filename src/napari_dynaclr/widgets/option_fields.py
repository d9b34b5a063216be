"""The field of one option, a widget of magicgui chosen by the option's type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    FloatSpinBox,
    LineEdit,
    SpinBox,
)
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QFormLayout, QLabel

from dynaclr.options.parameter import Kind, Parameter
from napari_dynaclr.widgets.calm_wheel import CalmWheel
from napari_dynaclr.widgets.option_text import NONE, text_of, value_of
from napari_dynaclr.widgets.parts import words

__all__ = ("OptionField",)

_LARGEST = 2**63 - 1
_LARGEST_NUMBER = 1e9
_DECIMALS, _MOST_DECIMALS = 3, 12
_IN_A_ROW = 2


class OptionField:
    """Widget, label and error of an option.

    Parameters
    ----------
    option
        What is asked for.
    title
        Its label.
    names
        What its names may be, for lists and mappings of names; none if that is not known.
    changed
        Called with (path, value) when a person has changed it.
    calm
        Holds the wheel back.

    Attributes
    ----------
    widget
        The widget of magicgui.
    parts
        The boxes or numbers of its names, where these are known.
    label, error
        Its title, and what is wrong with the value, under the widget.
    """

    def __init__(
        self,
        option: Parameter,
        title: str,
        names: Sequence[str],
        changed: Callable[[str, Any], None],
        calm: CalmWheel,
    ) -> None:
        self.option, self._title, self._changed, self._calm = option, title, changed, calm
        self._told: Any = None
        self._why = ""
        self.parts: dict[str, Any] = {}
        self._whole: Any = None
        self.widget: Any = self._made(tuple(names))
        self.widget.native.setAccessibleName(option.path)
        self.label, self.error = QLabel(title), words("What is wrong with this option")
        self.label.setBuddy(self.widget.native)
        self.error.setProperty("fault", "true")
        self.error.hide()
        self._tip()

    def add_to(self, form: QFormLayout) -> None:
        """Add a row with label and widget, and one for the error."""
        if isinstance(self.widget, CheckBox):
            form.addRow(self.widget.native)  # its title is its own text
        else:
            form.addRow(self.label, self.widget.native)
        form.addRow(self.error)

    def _made(self, names: tuple[str, ...]) -> Any:
        option = self.option
        if option.kind is Kind.TRUTH:
            return self._heard(CheckBox(text=self._title))
        if option.kind is Kind.CHOICE:
            values = [*([NONE] if option.optional else []), *option.choices]
            return self._heard(ComboBox(choices=_choices(values)))
        if names and option.kind is Kind.LIST:
            return self._names(names)
        if names and option.kind is Kind.MAPPING:
            return self._weights(names)
        if not option.optional and not option.required:
            if option.kind is Kind.WHOLE:
                return self._heard(SpinBox(**self._range(_LARGEST, 1)))
            if option.kind is Kind.NUMBER and (option.unit or option.upper is not None):
                step = 0.05 if option.upper == 1 else 0.5
                number = self._heard(FloatSpinBox(**self._range(_LARGEST_NUMBER, step)))
                number.native.setSuffix(f" {option.unit}" if option.unit else "")
                return number
        text = LineEdit()
        text.native.setPlaceholderText(NONE if option.optional else option.expected)
        text.native.editingFinished.connect(self._tell)
        return text

    def _range(self, largest: float, step: float) -> dict[str, Any]:
        lower, upper = self.option.lower, self.option.upper
        kind = int if isinstance(largest, int) else float
        return {
            "min": kind(-largest if lower is None else lower),
            "max": kind(largest if upper is None else min(upper, largest)),
            "step": step,
        }

    def _heard(self, widget: Any) -> Any:
        """Listen to a widget, and keep the wheel from changing it while a form is scrolled."""
        native = widget.native
        if isinstance(native, QAbstractSpinBox):
            native.setKeyboardTracking(False)
        if isinstance(native, (QAbstractSpinBox, QComboBox)):
            native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            native.installEventFilter(self._calm)
        if isinstance(native, QComboBox):
            native.setMinimumContentsLength(8)
        widget.changed.connect(lambda _: self._tell())
        return widget

    def _names(self, names: tuple[str, ...]) -> Container[Any]:
        """Return a box for each name."""
        self.parts = {name: self._heard(CheckBox(text=name, tooltip=name)) for name in names}
        boxes = list(self.parts.values())
        rows = [
            Container(widgets=boxes[start : start + _IN_A_ROW], layout="horizontal", labels=False)
            for start in range(0, len(boxes), _IN_A_ROW)
        ]
        return _tight(Container(widgets=[_tight(row) for row in rows], labels=False))

    def _weights(self, names: tuple[str, ...]) -> Container[Any]:
        """Return a number for each name, and a box to leave the option out."""
        self._whole = self._heard(CheckBox(text="default", label="", tooltip="Omit this option"))
        for name in names:
            number = FloatSpinBox(
                label=name, min=0.0, max=_LARGEST_NUMBER, step=0.1, value=1.0, tooltip=f"Weight of '{name}'"
            )
            self.parts[name] = self._heard(number)
        return _tight(Container(widgets=[self._whole, *self.parts.values()], labels=True))

    @property
    def value(self) -> Any:
        """What the field holds, as a YAML has it."""
        if self._whole is not None:
            weights = {name: float(part.value) for name, part in self.parts.items()}
            return None if self._whole.value else weights
        if self.parts:
            return [name for name, part in self.parts.items() if part.value]
        if isinstance(self.widget, LineEdit):
            return value_of(self.widget.value, self.option)
        if isinstance(self.widget, ComboBox):
            return None if self.option.optional and self.widget.value == NONE else self.widget.value
        return self.widget.value

    def set_value(self, value: Any) -> None:
        """Show a value; nobody is told."""
        self._told, widget = value, self.widget
        native = widget.native
        if self._whole is not None:
            self._set_part(self._whole, value is None)
            for name, part in self.parts.items():
                self._set_part(part, 1.0 if value is None else float(value.get(name, 0.0)))
                part.visible = value is not None
        elif self.parts:
            for name, part in self.parts.items():
                self._set_part(part, name in (value or ()))
        elif isinstance(widget, LineEdit):
            if value_of(widget.value, self.option) != value:
                widget.value = text_of(value)
                native.setCursorPosition(0)
        elif isinstance(widget, ComboBox):
            shown = NONE if value is None else str(value)
            with widget.changed.blocked():
                if shown not in widget.choices:
                    widget.choices = _choices([*map(str, widget.choices), shown])
                widget.value = shown
        else:
            self._set_part(widget, value)

    def _set_part(self, part: Any, value: Any) -> None:
        """Show a value in a box or number, with as many decimals as it has."""
        with part.changed.blocked():
            if not isinstance(part, (SpinBox, FloatSpinBox)):
                part.value = bool(value)
            elif not isinstance(value, (int, float)):
                part.native.clear()  # the error says what was found
            else:
                if isinstance(part, FloatSpinBox):
                    part.native.setDecimals(_decimals(value))
                part.native.setValue(value)  # magicgui compares as floats: 2**63 - 1 would be too large

    def set_fault(self, fault: str | None) -> None:
        """Say under the field what is wrong; None if nothing is."""
        if self.error.text() != (fault or ""):
            self.error.setText(fault or "")
            self.error.setVisible(bool(fault))

    def set_marked(self, marked: bool) -> None:
        """Mark the label: the value is not that of the file."""
        mark = " \N{BULLET}" if marked else ""
        if isinstance(self.widget, CheckBox):
            self.widget.text = f"{self._title}{mark}"
        else:
            self.label.setText(f"<b>{self._title}{mark}</b>" if marked else self._title)

    def set_idle(self, why: str) -> None:
        """Switch the field off and say why; it is on for an empty text."""
        if why != self._why:
            self._why = why
            self.widget.enabled = not why
            self._tip()

    def _tip(self) -> None:
        item = self.option
        lines = [
            f"{item.path}: {item.help}",
            f"{item.expected[0].upper()}{item.expected[1:]}; default {text_of(item.default) or NONE}",
        ]
        text = "\n".join([*lines, *([self._why] if self._why else [])])
        self.widget.tooltip = text
        self.label.setToolTip(text)

    def _tell(self) -> None:
        if self._whole is not None:
            for part in self.parts.values():
                part.visible = not self._whole.value
        value = self.value
        if value != self._told:
            self._told = value
            self._changed(self.option.path, value)


def _choices(values: Sequence[str]) -> list[tuple[str, str]]:
    """Return values with their titles: of a dotted name, the last part."""
    return [(value.rpartition(".")[2], value) for value in values]


def _tight(container: Container[Any]) -> Container[Any]:
    container.margins = (0, 0, 0, 0)
    container.native.layout().setSpacing(2)
    return container


def _decimals(value: float) -> int:
    """Return how many decimals a number needs to be shown as it is, some at least."""
    _, _, after = f"{value:.{_MOST_DECIMALS}f}".rstrip("0").partition(".")
    return max(len(after), _DECIMALS)
