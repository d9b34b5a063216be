"""Help, reference page and example are made from the catalogue; those in the checkout are not stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dynaclr.options import reference
from dynaclr.options.catalogue import ENCODERS, LOSSES, fixed_parameters, init_parameters
from dynaclr.options.checking import checked_file

ROOT = Path(__file__).parents[3]
SCREEN_LINES = 50


@pytest.mark.parametrize("name", reference.FILES)
def test_files_are_what_the_catalogue_says(name: str) -> None:
    fresh = (ROOT / name).read_text(encoding="utf-8") == reference.FILES[name]()
    assert fresh, "run python -m dynaclr.options.reference ."


def test_the_help_has_every_option_on_two_screens() -> None:
    lines = reference.help_text().splitlines()
    assert len(lines) <= 2 * SCREEN_LINES and max(map(len, lines)) <= 120
    for item in fixed_parameters().values():
        assert any(line.startswith(f"  {item.name} ") and item.help in line for line in lines), item.path
    assert any("--help all" in line for line in lines)


def test_the_page_has_every_option_with_its_help() -> None:
    page = reference.page_text()
    items = list(fixed_parameters().values())
    items += [item for name in ENCODERS for item in init_parameters("model.encoder", name).values()]
    items += [item for name in LOSSES for item in init_parameters("model.loss_function", name).values()]
    for item in items:
        assert f"| `{item.name}`" in page and item.help in page, item.path
    assert "| `leaky` | `0.0` |" in page and "0..1 | `experiment_aware` |" in page


def test_the_example_has_every_option_with_its_help() -> None:
    path = ROOT / "examples" / "train.yaml"
    content, text = checked_file(path), path.read_text(encoding="utf-8")
    assert yaml.safe_load(text) == content
    for item in fixed_parameters().values():
        value: Any = content
        for name in item.path.split("."):
            assert name in value, item.path
            value = value[name]
        assert f"# {item.help}" in text, item.path


def test_every_argument_of_a_transform_is_described() -> None:
    """A table of the page with an empty cell where help should be is a docstring that lacks an argument."""
    rows = [line.split(" | ") for line in reference.page_text().splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows if not row[2].strip()] == []
