"""What is typed becomes the value, and values are shown as they are typed."""

from __future__ import annotations

from typing import Any

import pytest

from dynaclr.options.catalogue import ENCODERS, LOSSES, fixed_parameters, init_parameters
from dynaclr.options.parameter import Kind
from napari_dynaclr.widgets.option_text import text_of, value_of

KNOWN = {
    **fixed_parameters(),
    **init_parameters("model.encoder", ENCODERS[1]),
    **init_parameters("model.loss_function", LOSSES[0]),
}


def test_a_default_that_is_shown_is_read_back() -> None:
    shown = [
        item for item in KNOWN.values() if item.kind not in (Kind.TRUTH, Kind.CHOICE) and not item.required
    ]
    wrong = [item.path for item in shown if value_of(text_of(item.default), item) != item.default]
    assert wrong == []
    assert len(shown) > 50


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
    option = KNOWN[path]
    assert option.plain(value_of(text, option)) == value
    assert (option.fault(value) is None) == (value not in ("fast", "[0", [5]))
