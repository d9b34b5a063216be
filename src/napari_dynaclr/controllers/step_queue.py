"""Runs steps one by one so that the window stays responsive."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class StepQueue:
    """Steps that wait for the window, each of a kind that a newer request may drop.

    Parameters
    ----------
    later
        Runs a function when the window has nothing else to do; None runs every step at once.
    is_open
        Whether there is still something to do the steps for; if not, those that wait are forgotten.
    """

    def __init__(
        self, later: Callable[[Callable[[], None]], None] | None, is_open: Callable[[], bool]
    ) -> None:
        self._later, self._is_open = later, is_open
        self._steps = deque[tuple[str, Callable[[], None]]]()
        self._planned = False

    def __bool__(self) -> bool:
        """Whether a step waits."""
        return bool(self._steps)

    def do(self, step: Callable[[], None], kind: str) -> None:
        """Do a step after those that wait, one at a time."""
        if self._later is None:
            step()
            return
        self._steps.append((kind, step))
        if not self._planned:
            self._planned = True
            self._later(self._next)

    def drop(self, kind: str) -> None:
        """Forget the steps of a kind that wait."""
        self._steps = deque(entry for entry in self._steps if entry[0] != kind)

    def clear(self) -> None:
        """Forget all steps that wait."""
        self._steps.clear()

    def _next(self) -> None:
        """Do the next step, and plan the one after it."""
        self._planned = False
        if not self._is_open():
            self._steps.clear()
        if not self._steps:
            return
        step = self._steps.popleft()[1]
        if self._steps and self._later is not None:
            self._planned = True
            self._later(self._next)
        step()
