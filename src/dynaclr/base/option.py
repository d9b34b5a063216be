"""What is said of an option in the field that declares it: help, bounds, needs; knows no option by name.

A group of options is a frozen dataclass whose fields are made by `option`. Its type and its default are the
field's own, so nothing of an option is written anywhere else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from dynaclr.base.bounds import Bounds
from dynaclr.base.errors import ConfigError, listing, problem, suggest

_KEY = "option"


@dataclass(frozen=True, slots=True)
class Facts:
    """What type and default of a field do not say.

    Attributes
    ----------
    help
        What it does, in a line.
    bounds
        Of a number; None for none.
    unit
        Of its number or numbers, for example "hours"; empty for a count or none.
    needs
        Name of the option that must be on for this one to have an effect; None for none.
    basic
        Whether a form shows it at once.
    name
        As a training's YAML has it, where the field's name is another.
    yaml_default
        Its default in a training's YAML, where the field's default is another; ... for the field's own.
    required
        Whether a training's YAML must give it.
    """

    help: str
    bounds: Bounds | None = None
    unit: str = ""
    needs: str | None = None
    basic: bool = False
    name: str | None = None
    yaml_default: Any = ...
    required: bool = False


def option(words: str, default: Any = MISSING, **facts: Any) -> Any:
    """Return the field of an option.

    Parameters
    ----------
    words
        What it does, in a line.
    default
        Its default; left out, it must be given.
    **facts
        Other attributes of `Facts`.
    """
    return dataclasses.field(default=default, metadata={_KEY: Facts(words, **facts)})


def facts_of(field: Field[Any]) -> Facts | None:
    """Return what a field says of its option; None for a field that is none."""
    found: Facts | None = field.metadata.get(_KEY)
    return found


def bounds_of(group: type[Any]) -> dict[str, Bounds]:
    """Return {name: bounds} of the options of a group that have some."""
    return {
        field.name: facts.bounds
        for field in dataclasses.fields(group)
        if (facts := facts_of(field)) is not None and facts.bounds is not None
    }


@cache
def _hints(group: type[Any]) -> dict[str, Any]:
    return get_type_hints(group)


def check(record: Any) -> None:
    """Judge the numbers and choices of a record; its `__post_init__` calls this.

    Raises
    ------
    ConfigError
        For the first value outside its bounds or no choice.
    """
    for field, facts in _declared(record):
        value, name = getattr(record, field.name), facts.name or field.name
        hint = _hints(type(record))[field.name]  # type: ignore[arg-type]  # a class is hashable
        if value is None and type(None) in get_args(hint):
            continue
        numbers = value if isinstance(value, (list, tuple)) else (value,)
        if facts.bounds is not None and not all(map(facts.bounds.holds, numbers)):
            expected = f"{facts.bounds} {facts.unit}".rstrip()
            raise ConfigError(problem("value out of range", field=name, expected=expected, found=repr(value)))
        choices = _choices(hint)
        if choices and value not in choices:
            raise ConfigError(
                problem("unknown choice", field=name, expected=listing(choices), found=repr(value))
                + suggest(str(value), choices)
            )


def _choices(hint: Any) -> tuple[Any, ...]:
    """Return the values that a type lists, by name or in an enum."""
    for part in (hint, *get_args(hint)):
        if get_origin(part) is Literal:
            return get_args(part)
        if isinstance(part, type) and issubclass(part, StrEnum):
            return tuple(item.value for item in part)
    return ()


def without_effect(record: Any) -> list[str]:
    """Return a text for each option that is off and yet has others set that need it, once an option."""
    lost: dict[str, list[str]] = {}
    for field, facts in _declared(record):
        if facts.needs is None or getattr(record, facts.needs):
            continue
        if getattr(record, field.name) != field.default:
            lost.setdefault(facts.needs, []).append(facts.name or field.name)
    return [
        f"{listing(names)} {'have' if len(names) > 1 else 'has'} no effect: {needed} is off"
        for needed, names in lost.items()
    ]


def _declared(record: Any) -> Iterator[tuple[Field[Any], Facts]]:
    for field in dataclasses.fields(record):
        facts = facts_of(field)
        if facts is not None:
            yield field, facts
