"""Fields of the form: what is typed becomes the value, and values are shown as they are typed."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent

from dynaclr.options.catalogue import ENCODERS, LOSSES, fixed_parameters, init_parameters
from dynaclr.options.parameter import Kind, Parameter
from napari_dynaclr.widgets.calm_wheel import CalmWheel
from napari_dynaclr.widgets.parameter_field import ParameterField, text_of, value_of

KNOWN = {
    **fixed_parameters(),
    **init_parameters("model.encoder", ENCODERS[1]),
    **init_parameters("model.loss_function", LOSSES[0]),
}


@pytest.mark.parametrize("parameter", KNOWN.values(), ids=list(KNOWN))
def test_a_default_that_is_shown_is_read_back(parameter: Parameter) -> None:
    if parameter.kind in (Kind.TRUTH, Kind.CHOICE) or parameter.required:
        return
    assert value_of(text_of(parameter.default), parameter) == parameter.default


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("model.lr", "1e-3", 1e-3),
        ("model.lr", "fast", "fast"),
        ("data.z_range", "0, 5", [0, 5]),
        ("data.z_range", "5", [5]),
        ("data.val_experiments", "june, 1", ["june", "1"]),
        ("data.z_range", "[0", "[0"),
        ("trainer.devices", "2", 2),
        ("trainer.devices", "auto", "auto"),
        ("trainer.gradient_clip_val", "none", None),
        ("trainer.limit_train_batches", "50", 50),
        ("run.monitor", "", None),
    ],
)
def test_what_is_typed(path: str, text: str, value: Any) -> None:
    parameter = KNOWN[path]
    assert parameter.plain(value_of(text, parameter)) == value
    assert (parameter.fault(value) is None) == (value not in ("fast", "[0", [5]))


def test_a_field_tells_changes_of_the_user_only(qtbot: Any) -> None:
    told: list[tuple[str, Any]] = []
    field = ParameterField(
        KNOWN["data.batch_size"], lambda path, value: told.append((path, value)), CalmWheel()
    )
    qtbot.addWidget(field.widget)
    field.set_value(16)
    assert told == []
    spin: Any = field.widget
    spin.setValue(32)
    assert told == [("data.batch_size", 32)]
    spin.show()
    spin.clearFocus()
    wheel = QWheelEvent(
        QPointF(5, 5),
        QPointF(5, 5),
        QPoint(0, 0),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    calm = CalmWheel()
    assert calm.eventFilter(spin, wheel) == (not spin.hasFocus())
    field.set_fault("expected more")
    assert "Wrong: expected more" in spin.toolTip()
