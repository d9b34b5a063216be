"""What a number may be."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

_INFINITE = float("inf")


class Bounds(NamedTuple):
    """What a number may be; `above` shuts the lower end out, `below` the upper one."""

    low: float
    high: float = _INFINITE
    above: bool = False
    unit: str = ""
    below: bool = False

    def holds(self, value: Any) -> bool:
        """Whether a number is inside; no number that is not finite is, and no truth value."""
        if isinstance(value, bool) or not hasattr(value, "__float__"):
            return False
        if isinstance(value, float) and not math.isfinite(value):
            return False
        low_holds = value > self.low if self.above else value >= self.low
        return bool(low_holds and (value < self.high if self.below else value <= self.high))

    def __str__(self) -> str:
        low = f"{'>' if self.above else '>='} {self.low:g}"
        if self.high == _INFINITE:
            return f"{low}{self.unit}"
        high = "2**63 - 1" if self.high == 2**63 - 1 else f"{self.high:g}"
        if self.above or self.below:
            return f"{low} and {'<' if self.below else '<='} {high}{self.unit}"
        return f"{self.low:g}..{high}{self.unit}"
