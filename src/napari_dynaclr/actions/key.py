"""An action as button and key, for the tables of actions of the views; imports no Qt."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ("KeyAction",)


@dataclass(frozen=True, slots=True)
class KeyAction:
    """An action as button and key: `key` is a letter, with Shift if `shift`."""

    name: str
    label: str
    key: str
    shift: bool
    tooltip: str
    repeats: bool = False

    @property
    def shortcut(self) -> str:
        """The key as people write it."""
        return f"Shift+{self.key.upper()}" if self.shift else self.key.upper()
