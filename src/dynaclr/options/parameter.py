"""One option of a training as a form needs it: type, default, bounds, words; knows no option by name."""

from __future__ import annotations

import inspect
import math
import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Union, get_args, get_origin

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


_SCALARS: dict[Any, Kind] = {bool: Kind.TRUTH, int: Kind.WHOLE, float: Kind.NUMBER, str: Kind.TEXT}


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
    words
        What it does, in the words of the code that takes it.
    required
        Whether there is no default.
    optional
        Whether None is a value.
    item, length
        Of a list: kind of its items, and how many there must be (None for any number). Of a text or a
        number: that it may also be a whole number, which then is a count.
    choices
        Of a choice: the values.
    lower, upper, lower_excluded, upper_excluded
        Bounds of a number, and whether they themselves are not allowed; None for none.
    advanced
        Whether a form may fold it away.
    """

    path: str
    kind: Kind
    default: Any
    words: str
    required: bool = False
    optional: bool = False
    item: Kind | None = None
    length: int | None = None
    choices: tuple[str, ...] = ()
    lower: float | None = None
    upper: float | None = None
    lower_excluded: bool = False
    upper_excluded: bool = False
    advanced: bool = True

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rpartition(".")[2]

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
        bounds = [
            f"{sign} {bound:g}"
            for sign, bound in (
                (">" if self.lower_excluded else ">=", self.lower),
                ("<" if self.upper_excluded else "<=", self.upper),
            )
            if bound is not None
        ]
        if self.kind is Kind.LIST:
            return f"a list of {self.length or 'any number of'} {self.item}s"
        return " ".join([f"a {self.kind}", " and ".join(bounds)]).strip()

    def _fits(self, value: Any) -> bool:
        if self.kind is Kind.CHOICE:
            return value in self.choices
        if self.kind is Kind.LIST:
            if isinstance(value, str) or not isinstance(value, Sequence):
                return False
            right = self.length is None or len(value) == self.length
            return right and all(_is(item, self.item or Kind.TEXT) for item in value)
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
        return _is(value, self.kind) and (self.kind is Kind.TEXT or self._bounded(value))

    def _bounded(self, value: float) -> bool:
        low = self.lower is None or (value > self.lower if self.lower_excluded else value >= self.lower)
        high = self.upper is None or (value < self.upper if self.upper_excluded else value <= self.upper)
        return low and high


def _is(value: Any, kind: Kind) -> bool:
    if isinstance(value, bool):
        return kind is Kind.TRUTH
    if kind is Kind.NUMBER:
        return isinstance(value, (int, float)) and math.isfinite(value)
    return isinstance(value, {Kind.WHOLE: int, Kind.TEXT: str}.get(kind, ()))


def parameter_of(path: str, annotation: Any, default: Any, words: str, **more: Any) -> Parameter:
    """Return the parameter of an argument.

    Parameters
    ----------
    path, words
        As `Parameter` says.
    annotation
        Its type.
    default
        Its default; `inspect.Parameter.empty` if there is none.
    **more
        Other fields of `Parameter`.
    """
    optional = False
    if get_origin(annotation) in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        optional = len(members) < len(get_args(annotation))
        annotation = members[0] if len(members) == 1 else tuple(members)
    required = default is inspect.Parameter.empty
    return Parameter(
        path=path,
        default=None if required else _plain(default),
        words=words,
        required=required,
        optional=optional,
        **_shape(annotation),
        **more,
    )


def _plain(value: Any) -> Any:
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
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return {"kind": Kind.CHOICE, "choices": inner}
    if origin is tuple:
        return {"kind": Kind.LIST, "item": _SCALARS[inner[0]], "length": len(inner)}
    if origin is dict:
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
