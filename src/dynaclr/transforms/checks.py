"""Checks of the constructor arguments of transforms."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dynaclr.base.errors import ConfigError, problem


def number(
    owner: object, field: str, value: float, *, low: float = -math.inf, high: float = math.inf
) -> float:
    """Return `value` as float; ConfigError unless it is a finite number within low..high."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not low <= value <= high:
        raise ConfigError(_wrong(owner, field, f"a finite number{_bounds(low, high)}", value))
    return float(value)


def whole(owner: object, field: str, value: int, *, low: int) -> int:
    """Return `value`; ConfigError unless it is a whole number of at least `low`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise ConfigError(_wrong(owner, field, f"a whole number >= {low}", value))
    return value


def flag(owner: object, field: str, value: bool) -> bool:
    """Return `value`; ConfigError unless it is true or false."""
    if not isinstance(value, bool):
        raise ConfigError(_wrong(owner, field, "true or false", value))
    return value


def sequence(value: object) -> bool:
    """Return whether `value` is a list or tuple of items, not text."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def probability(owner: object, value: float, field: str = "prob") -> float:
    """Return a probability; ConfigError unless it lies within 0..1."""
    return number(owner, field, value, low=0.0, high=1.0)


def interval(
    owner: object, field: str, value: Sequence[float], *, low: float = -math.inf
) -> tuple[float, float]:
    """Return (first, last); ConfigError unless both are finite, in order, and not below `low`."""
    if not sequence(value) or len(value) != 2:
        raise ConfigError(_wrong(owner, field, f"two numbers, low and high{_bounds(low, math.inf)}", value))
    first, last = (number(owner, field, item, low=low) for item in value)
    if first > last:
        raise ConfigError(_wrong(owner, field, "low <= high", value))
    return first, last


def size_yx(owner: object, field: str, value: Sequence[int]) -> tuple[int, int]:
    """Return (Y, X); ConfigError unless they are two whole numbers above 0."""
    good = sequence(value) and len(value) == 2
    if not good or not all(type(item) is int and item > 0 for item in value):
        raise ConfigError(_wrong(owner, field, "two whole numbers above 0: (Y, X) in pixels", value))
    return value[0], value[1]


def _bounds(low: float, high: float) -> str:
    if math.isinf(low):
        return "" if math.isinf(high) else f" <= {high:g}"
    return f" >= {low:g}" if math.isinf(high) else f" within {low:g}..{high:g}"


def _wrong(owner: object, field: str, expected: str, found: object) -> str:
    name = f"{type(owner).__name__}.{field}"
    return problem("value cannot be used", field=name, expected=expected, found=repr(found))
