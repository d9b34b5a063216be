"""The form of options: made from their descriptions, the same wherever options are asked for."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication

from dynaclr.options.catalogue import fixed_parameters, options
from dynaclr.options.parameter import Kind
from napari_dynaclr.presentation.colors import DARK, plot_colours
from napari_dynaclr.views.sampling_form import SamplingForm
from napari_dynaclr.views.training_form import GROUP_TITLES
from napari_dynaclr.widgets.option_form import OptionForm

KNOWN = fixed_parameters()
NAMES = {"data.group_by": ("experiment", "well"), "data.experiment_weights": ("june", "july")}


@pytest.fixture
def form(qtbot: Any) -> OptionForm:
    made = OptionForm(GROUP_TITLES)
    qtbot.addWidget(made)
    made.set_options(tuple(KNOWN.values()), NAMES)
    made.show()
    qtbot.waitExposed(made)
    return made


def test_every_option_has_a_field_with_its_default_help_and_bounds(form: OptionForm) -> None:
    assert form.fields.keys() == KNOWN.keys()
    for path, field in form.fields.items():
        option = field.option
        tip = field.widget.native.toolTip()
        assert option.help in tip
        assert path in tip
        assert option.bounds is None or str(option.bounds) in tip
        if option.required or option.kind is Kind.OBJECTS:
            continue
        assert field.value == option.default, path


def test_basic_options_are_shown_and_expert_ones_folded(form: OptionForm) -> None:
    for field in form.fields.values():
        assert field.widget.native.isVisible() == field.option.basic, field.option.path
    fold = form.folds["sampling"]
    fold.head.click()
    assert form.fields["data.leaky"].widget.native.isVisible()
    assert fold.content().maximumHeight() > 10_000  # an error that comes later has room


@pytest.mark.parametrize("seed", [5_000_000_000, 2**63 - 1])
def test_a_large_seed_is_shown_and_told_as_it_is(form: OptionForm, seed: int) -> None:
    told: list[tuple[str, Any]] = []
    form.changed.connect(lambda path, value: told.append((path, value)))
    form.set_values({"data.seed": seed})
    field = form.fields["data.seed"]
    assert field.value == seed
    assert told == []
    spin: Any = field.widget.native
    spin.setValue(seed - 1)
    spin.setValue(seed)
    assert told == [("data.seed", seed - 1), ("data.seed", seed)]
    assert KNOWN["data.seed"].fault(seed) is None
    assert KNOWN["data.seed"].fault(2**63) is not None


@pytest.mark.parametrize("share", [0.123456789, 1e-9, 0.25])
def test_a_number_is_shown_with_all_its_decimals(form: OptionForm, share: float) -> None:
    form.set_values({"data.leaky": share})
    assert form.fields["data.leaky"].value == share


def test_a_user_changes_options_and_a_program_does_not(form: OptionForm, qtbot: Any) -> None:
    told: list[tuple[str, Any]] = []
    form.changed.connect(lambda path, value: told.append((path, value)))
    weights, columns = form.fields["data.experiment_weights"], form.fields["data.group_by"]
    form.set_values({"data.experiment_weights": {"june": 2.0, "july": 0.5}, "data.group_by": ["well"]})
    assert weights.value == {"june": 2.0, "july": 0.5}
    assert told == []
    weights.parts["june"].native.setValue(3.0)
    columns.parts["experiment"].native.click()
    lr: Any = form.fields["model.lr"].widget.native
    lr.setText("2e-4")
    lr.editingFinished.emit()
    choice: Any = form.fields["data.relation"].widget.native
    choice.setCurrentIndex(choice.findText("track"))
    assert told == [
        ("data.experiment_weights", {"june": 3.0, "july": 0.5}),
        ("data.group_by", ["experiment", "well"]),
        ("model.lr", 2e-4),
        ("data.relation", "track"),
    ]
    form.set_values({"data.experiment_weights": None})
    assert weights.value is None
    assert weights.parts["june"].native.isHidden()


def test_names_that_the_data_lack_are_shown_all_the_same(form: OptionForm) -> None:
    form.set_values({"data.group_by": ["experiment", "dye"], "data.experiment_weights": {"may": 1.0}})
    assert form.fields["data.group_by"].value == ["experiment", "dye"]
    assert form.fields["data.experiment_weights"].value == {"june": 0.0, "july": 0.0, "may": 1.0}


def test_what_has_no_effect_is_off_and_says_why(form: OptionForm) -> None:
    share = form.fields["data.temporal_global_fraction"].widget.native
    assert not share.isEnabled()
    assert "'temporal_enrichment' is off" in share.toolTip()
    form.fields["data.temporal_enrichment"].widget.native.click()
    assert share.isEnabled()
    form.set_locked({"data.temporal_global_fraction": "because"})
    assert not share.isEnabled()
    assert share.toolTip().endswith("because")


def test_faults_stand_under_their_fields(form: OptionForm) -> None:
    form.set_values({"data.batch_size": "many", "model.lr": -1.0})
    faults = form.faults() | {"data.batch_size": KNOWN["data.batch_size"].fault("many")}
    assert "model.lr" in faults
    form.set_faults(faults | {"data.tau_decay_rate": "too steep"})
    assert "found 'many'" in form.fields["data.batch_size"].error.text()
    assert form.fields["data.batch_size"].widget.native.text() == ""
    assert form.folds["data"].is_open
    assert form.fields["data.tau_decay_rate"].error.isVisible()
    form.set_faults({})
    assert not form.fields["data.tau_decay_rate"].error.isVisible()


def test_the_options_of_batches_are_asked_for_in_one_way(form: OptionForm, qtbot: Any) -> None:
    other = SamplingForm(plot_colours(DARK))
    qtbot.addWidget(other)
    other.set_values({}, {path.removeprefix("data."): names for path, names in NAMES.items()})
    assert other.fields.keys() == {option.name for option in options("sampling")}
    for name, field in other.fields.items():
        assert type(field.widget) is type(form.fields[f"data.{name}"].widget), name


def test_the_wheel_scrolls_the_form(form: OptionForm) -> None:
    spin: Any = form.fields["data.batch_size"].widget.native
    spin.clearFocus()
    before = spin.value()
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
    QApplication.sendEvent(spin, wheel)
    assert spin.value() == before
