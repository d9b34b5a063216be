"""What a number may be."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ("Bounds",)


class Bounds(NamedTuple):
    """What a number may be; `above` shuts the lower end out."""

    low: float
    high: float = float("inf")
    above: bool = False
    unit: str = ""

    def holds(self, value: float) -> bool:
        """Whether a number is inside; no number that is not finite is."""
        low_holds = value > self.low if self.above else value >= self.low
        return bool(low_holds and value <= self.high and value < float("inf"))

    def __str__(self) -> str:
        if self.high == float("inf"):
            return f"{'>' if self.above else '>='} {self.low:g}{self.unit}"
        return f"{self.low:g}..{'2**63 - 1' if self.high == 2**63 - 1 else f'{self.high:g}'}{self.unit}"
