"""The form of a training, made from the descriptions of its options; knows no option by its meaning."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from dynaclr.options.catalogue import ENCODERS, LOSSES
from dynaclr.options.parameter import Parameter
from dynaclr.options.spec import RunSpec
from napari_dynaclr.widgets.calm_wheel import CalmWheel
from napari_dynaclr.widgets.parameter_field import ParameterField
from napari_dynaclr.widgets.parts import Fold

__all__ = ("TrainingForm",)

_TITLES = {
    "": "Seed",
    "data": "Data",
    "model": "Model",
    "model.encoder.init_args": "Encoder",
    "model.loss_function.init_args": "Loss",
    "trainer": "Trainer",
    "run": "Run folder",
}
_LABELS = {"run.root": "folder of runs", "run.name": "name of the run"}
"""Labels of options whose names say nothing without the section."""
_NOT_ASKED = frozenset({"run.folder", "run.resume", "run.resume_from", "run.force", "data.experiments_yaml"})
"""What the dock decides by its buttons."""
_CLASSES = {
    "model.encoder.class_path": ("Encoder", ENCODERS, "Network that turns a patch into numbers"),
    "model.loss_function.class_path": ("Loss", LOSSES, "What is made small"),
}


class TrainingForm(QWidget):
    """All options of a training: those that people change at the top, the others folded away."""

    changed = Signal(str, object)
    """Path and value that the user has entered."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, ParameterField] = {}
        self.classes: dict[str, QComboBox] = {}
        self.folds: dict[str, Fold] = {}
        self._calm = CalmWheel(self)
        self._shape: tuple[Parameter, ...] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._inner: QWidget | None = None

    def set_spec(self, spec: RunSpec, faults: Mapping[str, str]) -> None:
        """Show a training and what is wrong with it; fields stay, unless other options are asked for."""
        parameters = spec.parameters()
        asked = tuple(item for path, item in parameters.items() if path not in _NOT_ASKED)
        if asked != self._shape:
            self._build(asked)
        for path, box in self.classes.items():
            value = str(spec.get(path))
            if box.findData(value) < 0:
                box.addItem(value.rpartition(".")[2], value)
            box.setCurrentIndex(box.findData(value))
        for path, field in self.fields.items():
            field.set_value(spec.get(path))
            field.set_fault(faults.get(path))

    def _build(self, parameters: tuple[Parameter, ...]) -> None:
        """Make all fields anew; folds that were open stay open."""
        opened = {name for name, fold in self.folds.items() if fold.head.isChecked()}
        old, self._inner = self._inner, QWidget()
        self._shape, self.fields, self.folds = parameters, {}, {}
        column = QVBoxLayout(self._inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        plain = _form()
        self._add_classes(plain)
        for item in parameters:
            if not item.advanced:
                self._add(plain, item)
        column.addLayout(plain)
        groups: dict[str, list[Parameter]] = {}
        for item in parameters:
            if item.advanced:
                groups.setdefault(item.path.rpartition(".")[0], []).append(item)
        for name, items in groups.items():
            column.addWidget(self._fold(name, items, name in opened))
        self._column.addWidget(self._inner)
        if old is not None:
            self._column.removeWidget(old)
            old.deleteLater()

    def _fold(self, name: str, items: list[Parameter], opened: bool) -> Fold:
        title = _TITLES.get(name, name)
        content = QWidget()
        form = _form()
        content.setLayout(form)
        for item in items:
            self._add(form, item)
        tip = f"Show or hide options that are seldom changed ({title})"
        fold = Fold(f"{title}: {len(items)} more options", tip, content, opened)
        self.folds[name] = fold
        return fold

    def _add_classes(self, form: QFormLayout) -> None:
        self.classes = {}
        for path, (title, names, tip) in _CLASSES.items():
            box = QComboBox()
            box.setMinimumContentsLength(8)
            for name in names:
                box.addItem(name.rpartition(".")[2], name)
            box.setToolTip(f"{path}: {tip}")
            box.setAccessibleName(path)
            box.installEventFilter(self._calm)
            box.activated.connect(
                lambda number, path=path, box=box: self.changed.emit(path, box.itemData(number))
            )
            self.classes[path] = box
            form.addRow(title, box)

    def _add(self, form: QFormLayout, item: Parameter) -> None:
        field = ParameterField(item, self.changed.emit, self._calm)
        self.fields[item.path] = field
        label = QLabel(_LABELS.get(item.path, item.name.replace("_", " ")))
        label.setToolTip(field.widget.toolTip())
        label.setBuddy(field.widget)
        form.addRow(label, field.widget)


def _form() -> QFormLayout:
    form = QFormLayout()
    form.setContentsMargins(2, 2, 2, 2)
    form.setVerticalSpacing(3)
    form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form
