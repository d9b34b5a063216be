"""Tells when a training has done nothing for long, as with a disk that does not answer; ends nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ("STALL_SECONDS", "StallWatch")

STALL_SECONDS = 120.0


class StallWatch:
    """Warns once each time that nothing has moved for long.

    Parameters
    ----------
    warn
        Gets the text.
    clock
        Seconds that only go forwards.
    """

    def __init__(self, warn: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._warn, self._clock = warn, clock
        self._last: float | None = None
        self._told = False
        self._done = ""

    def moved(self, done: str) -> None:
        """Note what was done."""
        self._last, self._told, self._done = self._clock(), False, done

    def rest(self) -> None:
        """Expect nothing until something moves again."""
        self._last = None

    def look(self) -> None:
        """Warn if the last move is too long ago."""
        last = self._last
        if last is None or self._told or self._clock() - last < STALL_SECONDS:
            return
        self._told = True
        self._warn(
            f"nothing has been done for {self._clock() - last:.0f} s since {self._done}. Does the disk that "
            "holds the pixels answer, and the device? A stop waits for the next step; a second one does not."
        )
