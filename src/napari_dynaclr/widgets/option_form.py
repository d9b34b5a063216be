"""A form made from the descriptions of options: basic ones shown, expert ones folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from dynaclr.options.parameter import Parameter
from napari_dynaclr.widgets.calm_wheel import CalmWheel
from napari_dynaclr.widgets.option_fields import OptionField
from napari_dynaclr.widgets.parts import Fold

__all__ = ("OptionForm",)

_BASIC = ""
_WARNING = "#D55E00"


class OptionForm(QWidget):
    """All options of some groups.

    Parameters
    ----------
    titles
        Of groups, by the group that options name.
    labels
        Of options whose names say nothing without their section, by path.
    opened
        Whether expert options are shown at first.
    """

    changed = Signal(str, object)
    """Path and value that a person has entered."""

    def __init__(
        self, titles: Mapping[str, str], labels: Mapping[str, str] | None = None, *, opened: bool = False
    ) -> None:
        super().__init__()
        self._titles, self._labels, self._opened = titles, labels or {}, opened
        self.fields: dict[str, OptionField] = {}
        self.folds: dict[str, Fold] = {}
        self._choices: dict[str, tuple[str, ...]] = {}
        self._shapes: dict[str, tuple[Any, ...]] = {}
        self._inner: dict[str, QWidget] = {}
        self._locked: Mapping[str, str] = {}
        self._calm = CalmWheel(self)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self._column.addStretch(1)
        self.set_warning(_WARNING)

    def set_options(
        self, options: Sequence[Parameter], choices: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Ask for these options; fields stay where they are the same.

        Parameters
        ----------
        options
            What is asked for.
        choices
            Names that lists and mappings may hold, by path; as before for None.
        """
        if choices is not None:
            self._choices = {path: tuple(names) for path, names in choices.items()}
        groups: dict[str, list[Parameter]] = {_BASIC: []}
        for option in options:
            groups.setdefault(_BASIC if option.basic else option.group, []).append(option)
        for place, (group, items) in enumerate(groups.items()):
            shape = tuple((item, self._choices.get(item.path, ())) for item in items)
            if self._shapes.get(group) != shape:
                self._build(group, items, place)
                self._shapes[group] = shape
        for group in set(self._inner) - set(groups):
            self._drop(group)
        self.show_needs()

    def _drop(self, group: str) -> None:
        for item, _ in self._shapes.pop(group, ()):
            self.fields.pop(item.path, None)
        self.folds.pop(group, None)
        old = self._inner.pop(group, None)
        if old is not None:
            self._column.removeWidget(old)
            old.hide()
            old.deleteLater()

    def _build(self, group: str, items: list[Parameter], place: int) -> None:
        """Make the fields of a group; a fold that was open stays open, and values stay."""
        opened = self.folds[group].is_open if group in self.folds else self._opened
        values = {path: field.value for path, field in self.fields.items()}
        self._drop(group)
        inner = QWidget()
        rows = QFormLayout(inner)
        rows.setContentsMargins(2, 2, 2, 2)
        rows.setVerticalSpacing(3)
        rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for item in items:
            field = self.fields[item.path] = self._field(item)
            field.add_to(rows)
            value = values.get(item.path, item.default)
            field.set_value(item.default if item.fault(value) else value)
        if group != _BASIC:
            title = self._titles.get(group, group)
            fold = Fold(
                f"{title}: {len(items)} more options", f"Show or hide expert options ({title})", inner, opened
            )
            self.folds[group] = inner = fold
        self._inner[group] = inner
        self._column.insertWidget(place, inner)

    def _field(self, item: Parameter) -> OptionField:
        title = self._labels.get(item.path, item.name.replace("_", " "))
        return OptionField(item, title, self._choices.get(item.path, ()), self._on_changed, self._calm)

    def _on_changed(self, path: str, value: Any) -> None:
        self.show_needs()
        self.changed.emit(path, value)

    def values(self) -> dict[str, Any]:
        """Return all values, by path."""
        return {path: field.value for path, field in self.fields.items()}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show values, by path; nobody is told. Names that are not known yet are offered too."""
        for path, value in values.items():
            known = self._choices.get(path, ())
            new = [name for name in value or () if name not in known] if known else []
            if new:
                self._choices[path] = (*known, *new)
                shape = [item for items in self._shapes.values() for item, _ in items]
                self.set_options(shape)
        for path, value in values.items():
            self.fields[path].set_value(value)
        self.show_needs()

    def set_faults(self, faults: Mapping[str, str]) -> None:
        """Say under the fields what is wrong, by path; a fold with something wrong in it opens."""
        for path, field in self.fields.items():
            field.set_fault(faults.get(path))
        for group, fold in self.folds.items():
            if any(item.path in faults for item, _ in self._shapes.get(group, ())):
                fold.set_open(True)

    def faults(self) -> dict[str, str]:
        """Return what the descriptions of the options find wrong, by path."""
        judged = {path: field.option.fault(field.value) for path, field in self.fields.items()}
        return {path: fault for path, fault in judged.items() if fault is not None}

    def set_warning(self, colour: str) -> None:
        """Follow a theme with the color of what is wrong."""
        self.setStyleSheet(f"QLabel[fault='true'] {{ color: {colour}; }}")

    def set_locked(self, locked: Mapping[str, str]) -> None:
        """Say which options cannot be changed here, by path, and why."""
        self._locked = locked
        self.show_needs()

    def show_needs(self) -> None:
        """Switch off what has no effect while another option is off."""
        for path, field in self.fields.items():
            needed = field.option.needs
            section = field.option.section
            switch = self.fields.get(f"{section}.{needed}" if section else str(needed)) if needed else None
            idle = switch is not None and not switch.value
            field.set_idle(self._locked.get(path) or (f"No effect while '{needed}' is off." if idle else ""))

    def inputs(self) -> list[QWidget]:
        """Return what the tab key goes along, as it is seen."""
        kinds = (QAbstractSpinBox, QCheckBox, QComboBox, QLineEdit)
        return [
            part
            for inner in self._inner.values()
            for part in inner.findChildren(QWidget)
            if isinstance(part, kinds) and not isinstance(part.parent(), (QAbstractSpinBox, QComboBox))
        ]
