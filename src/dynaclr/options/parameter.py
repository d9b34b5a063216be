"""One option of a training as a form or a check needs it; knows no option by name."""

from __future__ import annotations

import inspect
import math
import numbers
import os
import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from dynaclr.base.bounds import Bounds
from dynaclr.base.errors import listing, suggest

__all__ = (
    "Kind",
    "Parameter",
    "described",
    "parameter_of",
)


class Kind(StrEnum):
    """What a value is, and so how it is entered."""

    TRUTH = "truth"
    WHOLE = "whole number"
    NUMBER = "number"
    TEXT = "text"
    CHOICE = "choice"
    LIST = "list"
    MAPPING = "mapping of names to numbers"
    OBJECTS = "list of class_path and init_args"


_SCALARS: dict[Any, Kind] = {
    bool: Kind.TRUTH,
    int: Kind.WHOLE,
    float: Kind.NUMBER,
    str: Kind.TEXT,
    Path: Kind.TEXT,
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One option.

    Attributes
    ----------
    path
        Where it stands in the configuration, for example "data.batch_size".
    kind
        What its value is.
    default
        Value if nothing is given; None may also mean that it is `required`.
    help
        What it does, in a line.
    required
        Whether there is no default.
    optional
        Whether None is a value.
    item, length
        Of a list: kind of its items, and how many there must be (None for any number). Of a text or a
        number: that it may also be a whole number, which then is a count.
    choices
        Of a choice: the values.
    bounds
        Of a number, or of each in a list; None for none.
    unit
        Of its number or numbers, for example "hours"; empty for a count or none.
    needs
        Name of the option of its section that must be on for this one to have an effect; None for none.
    basic
        Whether a form shows it at once.
    group
        The record that declares it: one of `catalogue.GROUPS`, or the section of an encoder or a loss.
    """

    path: str
    kind: Kind
    default: Any
    help: str
    required: bool = False
    optional: bool = False
    item: Kind | None = None
    length: int | None = None
    choices: tuple[str, ...] = ()
    bounds: Bounds | None = None
    unit: str = ""
    needs: str | None = None
    basic: bool = False
    group: str = ""

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rpartition(".")[2]

    @property
    def section(self) -> str:
        """The path without the name: the section of the YAML that holds it, empty for none."""
        return self.path.rpartition(".")[0]

    @property
    def lower(self) -> float | None:
        """The lower bound, None for none."""
        return None if self.bounds is None else self.bounds.low

    @property
    def upper(self) -> float | None:
        """The upper bound, None for none."""
        return None if self.bounds is None or self.bounds.high == math.inf else self.bounds.high

    def fault(self, value: Any) -> str | None:
        """Return what is wrong with a value, as "expected ...; found ..."; None if nothing is."""
        if (value is None and self.optional) or (value is not None and self._fits(value)):
            return None
        found = "nothing" if value is None else repr(value)
        return f"expected {self.expected}; found {found}.{suggest(str(value), self.choices)}"

    def plain(self, value: Any) -> Any:
        """Return a value as the configuration holds it: lists for tuples, whole counts without a point."""
        if self.kind is Kind.NUMBER and self.item is Kind.WHOLE and isinstance(value, float) and value > 1:
            return int(value) if value.is_integer() else value
        return _plain(value)

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        if self.kind is Kind.CHOICE:
            return f"one of {listing(self.choices)}"
        if self.kind is Kind.TRUTH:
            return "true or false"
        bounds = "" if self.bounds is None else f" {self.bounds}"
        if self.kind is Kind.LIST:
            return f"a list of {self.length or 'any number of'} {self.item}s{bounds}"
        article = "an" if str(self.kind)[0] in "aeiou" else "a"
        return f"{article} {self.kind}{bounds}"

    def _fits(self, value: Any) -> bool:
        if self.kind is Kind.CHOICE:
            return value in self.choices
        if self.kind is Kind.LIST:
            if isinstance(value, str) or not isinstance(value, Sequence):
                return False
            right = self.length is None or len(value) == self.length
            return right and all(_is(item, self.item or Kind.TEXT) and self._inside(item) for item in value)
        if self.kind is Kind.MAPPING:
            return isinstance(value, Mapping) and all(
                isinstance(name, str) and _is(item, Kind.NUMBER) for name, item in value.items()
            )
        if self.kind is Kind.OBJECTS:
            return isinstance(value, list) and all(
                isinstance(item, Mapping) and isinstance(item.get("class_path"), str) for item in value
            )
        if self.kind is Kind.TEXT and self.item is Kind.WHOLE:
            return _is(value, Kind.TEXT) or (_is(value, Kind.WHOLE) and value > 0)
        return _is(value, self.kind) and self._inside(value)

    def _inside(self, value: Any) -> bool:
        return self.bounds is None or self.bounds.holds(value)

    def meant(self, value: Any) -> Any:
        """Return a text that is a number, such as 1e-3, as that number where one is asked for."""
        if self.kind is Kind.NUMBER and isinstance(value, str):
            try:
                return float(value)
            except ValueError:
                return value
        return value

    def taken(self, value: Any) -> Any:
        """Return a value without fault as records hold it: tuples for lists, floats for numbers."""
        if value is None or self.kind in (Kind.TRUTH, Kind.CHOICE, Kind.TEXT):
            return value
        if self.kind is Kind.MAPPING:
            return {name: float(weight) for name, weight in value.items()}
        if self.kind is Kind.OBJECTS and not isinstance(value, (list, tuple)):
            return (value,)  # who uses objects says what is wrong with one that is no list
        if self.kind in (Kind.LIST, Kind.OBJECTS):
            return tuple(_NUMBERS.get(self.item or Kind.TEXT, _same)(item) for item in value)
        return value if self.item is Kind.WHOLE else _NUMBERS[self.kind](value)


def _same(value: Any) -> Any:
    return value


_NUMBERS: dict[Kind, Callable[[Any], Any]] = {Kind.WHOLE: int, Kind.NUMBER: float}


def _is(value: Any, kind: Kind) -> bool:
    if isinstance(value, bool):
        return kind is Kind.TRUTH
    if kind is Kind.NUMBER:
        return isinstance(value, numbers.Real) and math.isfinite(value)
    if kind is Kind.TEXT:
        return isinstance(value, (str, os.PathLike))
    return kind is Kind.WHOLE and isinstance(value, numbers.Integral)


def parameter_of(path: str, annotation: Any, default: Any, words: str, **more: Any) -> Parameter:
    """Return the parameter of an argument.

    Parameters
    ----------
    path, words
        Its path and its help, as `Parameter` says.
    annotation
        Its type.
    default
        Its default; `dataclasses.MISSING` if there is none.
    **more
        Other fields of `Parameter`.
    """
    optional = False
    if get_origin(annotation) in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        optional = len(members) < len(get_args(annotation))
        annotation = members[0] if len(members) == 1 else tuple(members)
    required = default is MISSING
    return Parameter(
        path=path,
        default=None if required else _plain(default),
        help=words,
        required=required,
        optional=optional,
        **_shape(annotation),
        **more,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, (StrEnum, os.PathLike)):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _shape(annotation: Any) -> dict[str, Any]:
    """Return kind, item, length and choices of a type."""
    if annotation == (int, str):
        return {"kind": Kind.TEXT, "item": Kind.WHOLE}
    if annotation == (int, float):
        return {"kind": Kind.NUMBER, "item": Kind.WHOLE}
    if annotation in _SCALARS:
        return {"kind": _SCALARS[annotation]}
    first = annotation[0] if isinstance(annotation, tuple) else annotation
    if isinstance(first, type) and issubclass(first, StrEnum):
        return {"kind": Kind.CHOICE, "choices": tuple(str(item) for item in first)}
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return {"kind": Kind.CHOICE, "choices": inner}
    if origin is tuple:
        return {"kind": Kind.LIST, "item": _SCALARS[inner[0]], "length": len(inner)}
    if origin in (dict, Mapping):
        return {"kind": Kind.MAPPING}
    if inner and inner[0] in _SCALARS:
        return {"kind": Kind.LIST, "item": _SCALARS[inner[0]]}
    return {"kind": Kind.OBJECTS}


_TITLE = re.compile(r"\n(Parameters|Attributes)\n-+\n")
_NEXT = re.compile(r"\n\w+\n-+\n")


def described(thing: Callable[..., Any]) -> dict[str, str]:
    """Return {parameter: its description} of a NumPy docstring, the first of Parameters and Attributes."""
    text = inspect.getdoc(thing) or ""
    title = _TITLE.search(text)
    if title is None:
        return {}
    section = text[title.end() :]
    after = _NEXT.search(section)
    lines = section[: after.start() if after else None].splitlines()
    found: dict[str, str] = {}
    names = ""
    for line in lines:
        if line and not line.startswith(" "):
            names = f"{names} {line}" if names.endswith(",") else line
        elif line.strip():
            for name in names.split(","):
                found[name.strip()] = f"{found.get(name.strip(), '')} {line.strip()}".strip()
    return found
