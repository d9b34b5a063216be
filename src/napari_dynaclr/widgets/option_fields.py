"""Widgets that hold one option each; made from what is known of the option, know no configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)
from superqt import QFlowLayout, QLargeIntSpinBox

from napari_dynaclr.widgets.calm_wheel import CalmWheel
from napari_dynaclr.widgets.option_specs import OptionSpec
from napari_dynaclr.widgets.parts import PlainNumber

__all__ = ("OptionField", "option_field")

_DECIMALS = 3
_WIDEST_PX = 220
_LARGEST_NUMBER = 1e6
_LARGEST_INTEGER = 2**63 - 1


class _Field(QWidget):
    """What the fields have in common."""

    changed = Signal()
    """The user changed what is shown."""

    def set_choices(self, choices: Sequence[str]) -> None:
        """Say which names there are, for options that are about names."""


class _Flag(_Field):
    def __init__(self) -> None:
        super().__init__()
        self.box = QCheckBox()
        self.box.clicked.connect(self.changed)
        _filled(self, self.box)

    def value(self) -> bool:
        return bool(self.box.isChecked())

    def show_value(self, value: Any) -> None:
        self.box.setChecked(bool(value))


class _Number(_Field):
    def __init__(self, option: OptionSpec) -> None:
        super().__init__()
        self._whole = option.kind == "integer"
        self.box: QLargeIntSpinBox | QDoubleSpinBox = QLargeIntSpinBox() if self._whole else _number_box()
        if isinstance(self.box, QDoubleSpinBox) and option.bounds is not None:
            self.box.setSuffix(option.bounds.unit)
        bounds = option.bounds
        if bounds is not None:
            smallest = 1 if self._whole else 10.0**-_DECIMALS
            low = bounds.low + smallest if bounds.above else bounds.low
            highest = _LARGEST_INTEGER if self._whole else _LARGEST_NUMBER
            high = min(bounds.high, highest)
            self.box.setRange(int(low) if self._whole else low, int(high) if self._whole else high)
            if not self._whole:
                self.box.setSingleStep(0.05 if high <= 1 else 0.5)
        self.box.setKeyboardTracking(False)
        _guarded(self, self.box)
        self.box.valueChanged.connect(lambda: self.changed.emit())
        _filled(self, self.box)

    def value(self) -> Any:
        return int(self.box.value()) if self._whole else round(float(self.box.value()), _DECIMALS)

    def show_value(self, value: Any) -> None:
        blocked = self.box.blockSignals(True)
        self.box.setValue(value)
        self.box.blockSignals(blocked)


class _Names(_Field):
    def __init__(self) -> None:
        super().__init__()
        self._flow = QFlowLayout(self)
        self._flow.setContentsMargins(0, 0, 0, 0)
        self.boxes: dict[str, QCheckBox] = {}

    def set_choices(self, choices: Sequence[str]) -> None:
        chosen = self.value()
        if list(self.boxes) == list(choices):
            return
        for box in self.boxes.values():
            self._flow.removeWidget(box)
            box.deleteLater()
        self.boxes = {}
        for name in choices:
            box = self.boxes[name] = QCheckBox(name.replace("_", " "))
            box.setToolTip(f"Column '{name}'")
            box.clicked.connect(self.changed)
            self._flow.addWidget(box)
        self.show_value(chosen)

    def value(self) -> list[str]:
        return [name for name, box in self.boxes.items() if box.isChecked()]

    def show_value(self, value: Any) -> None:
        self.set_choices([*self.boxes, *(name for name in value or () if name not in self.boxes)])
        for name, box in self.boxes.items():
            box.setChecked(name in value)


class _Weights(_Field):
    """A weight a name, or the default for all."""

    def __init__(self) -> None:
        super().__init__()
        self.default = QCheckBox("default")
        self.default.setToolTip("Leave the option out")
        self.default.setChecked(True)
        self.default.clicked.connect(self._on_default)
        self.boxes: dict[str, QDoubleSpinBox] = {}
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._labels: list[QLabel] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.default)
        column.addLayout(self._grid)

    def set_choices(self, choices: Sequence[str]) -> None:
        if list(self.boxes) == list(choices):
            return
        old = None if self.default.isChecked() else self.value()
        for widget in (*self._labels, *self.boxes.values()):
            self._grid.removeWidget(widget)
            widget.deleteLater()
        self._labels, self.boxes = [], {}
        for row, name in enumerate(choices):
            label = QLabel(name)
            label.setToolTip(name)
            box = self.boxes[name] = _number_box()
            box.setRange(0.0, _LARGEST_NUMBER)
            box.setSingleStep(0.1)
            box.setToolTip(f"Weight of '{name}'; only the proportions count")
            box.setKeyboardTracking(False)
            box.setValue(1.0)
            _guarded(self, box)
            box.valueChanged.connect(lambda: self.changed.emit())
            self._grid.addWidget(label, row, 0)
            self._grid.addWidget(box, row, 1)
            self._labels.append(label)
        self.show_value(old)

    def value(self) -> dict[str, float] | None:
        if self.default.isChecked():
            return None
        return {name: round(float(box.value()), _DECIMALS) for name, box in self.boxes.items()}

    def show_value(self, value: Mapping[str, float] | None) -> None:
        unknown = [] if value is None else [name for name in value if name not in self.boxes]
        if unknown and value is not None:
            self.set_choices([*self.boxes, *unknown])
        self.default.setChecked(value is None)
        for name, box in self.boxes.items():
            blocked = box.blockSignals(True)
            box.setValue(1.0 if value is None else float(value.get(name, 0.0)))
            box.blockSignals(blocked)
        self._show_boxes()

    def _on_default(self) -> None:
        self._show_boxes()
        self.changed.emit()

    def _show_boxes(self) -> None:
        for widget in (*self._labels, *self.boxes.values()):
            widget.setVisible(not self.default.isChecked())


OptionField = _Flag | _Number | _Names | _Weights
"""One option: `value()` returns what is shown, as the YAML has it; `show_value` shows it and tells nobody."""


def option_field(option: OptionSpec) -> OptionField:
    """Return a widget for an option, with its documentation as tooltip."""
    makers: dict[str, type[_Flag | _Names | _Weights]] = {
        "flag": _Flag,
        "names": _Names,
        "weights": _Weights,
    }
    field: OptionField = makers[option.kind]() if option.kind in makers else _Number(option)
    limits = "" if option.bounds is None else f"\nAllowed: {option.bounds}"
    default = "the default" if option.default is None else option.default
    field.setToolTip(f"{option.help}{limits}\nDefault: {default}\n({option.name})")
    return field


def _number_box() -> QDoubleSpinBox:
    box = PlainNumber()
    box.setDecimals(_DECIMALS)
    return box


def _guarded(owner: QWidget, box: QWidget) -> None:
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.setMaximumWidth(_WIDEST_PX)
    box.installEventFilter(CalmWheel(owner))


def _filled(owner: QWidget, widget: QWidget) -> None:
    row = QHBoxLayout(owner)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(widget)
    row.addStretch(0)
