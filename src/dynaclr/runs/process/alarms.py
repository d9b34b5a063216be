"""Turns signals into an orderly end: at once, at the next step, or later.

Python runs its handlers between two instructions of the main thread only. A thread of its own therefore
listens too, and ends a process whose main thread hangs in foreign code (a collective, a dead disk).
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from enum import StrEnum
from types import TracebackType
from typing import Any

_SIGNALS = ("SIGTERM", "SIGINT", "SIGUSR1", "SIGBREAK")
GRACE_SECONDS = 2.0


class Mode(StrEnum):
    """What a signal does."""

    AT_ONCE = "at once"  # interrupts
    AT_STEP = "at step"  # the first is noted, the second interrupts
    LATER = "later"  # is noted


class Interrupted(KeyboardInterrupt):
    """A signal ended what was going on; `number` is the signal."""

    def __init__(self, number: int) -> None:
        self.number = signal.Signals(number)
        super().__init__(f"signal {self.number.name}")


class Alarms:
    """Context in which signals that ask for an end are handled here; off the main thread it does nothing.

    Parameters
    ----------
    last_resort
        Called with the signal's number, in another thread, if the main thread has not left the context
        `grace_seconds` after it was interrupted; must end the process.
    grace_seconds
        See there.

    Attributes
    ----------
    received
        The first signal; None if none came.
    """

    def __init__(
        self, last_resort: Callable[[int], None] | None = None, grace_seconds: float = GRACE_SECONDS
    ) -> None:
        self.last_resort = last_resort if last_resort is not None else _leave
        self.received: signal.Signals | None = None
        self._grace = grace_seconds
        self._mode, self._interrupted = Mode.AT_ONCE, False
        self._previous: dict[int, Any] = {}
        self._over = threading.Event()
        self._bell: socket.socket | None = None
        self._outer_bell = -1

    def __enter__(self) -> Alarms:
        if threading.current_thread() is not threading.main_thread():
            return self
        numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
        self._previous = {number: signal.getsignal(number) for number in numbers}
        listener, self._bell = socket.socketpair()
        self._bell.setblocking(False)
        self._outer_bell = signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._listen, args=(listener,), name="dynaclr-alarms", daemon=True).start()
        self.take_signals()
        return self

    def take_signals(self) -> None:
        """Handle signals again after others have set handlers; they are not called."""
        for number in self._previous:
            signal.signal(number, self._handle)

    def set_mode(self, mode: Mode) -> None:
        """Choose what signals do from now on.

        Raises
        ------
        Interrupted
            If they interrupt at once, and one has been noted.
        """
        self._mode = mode
        if mode is Mode.AT_ONCE and self.received is not None:
            self._interrupted = True
            raise Interrupted(self.received)

    def _handle(self, number: int, frame: Any) -> None:
        again = self.received is not None
        self.received = self.received or signal.Signals(number)
        if self._interrupted or self._mode is Mode.LATER or (self._mode is Mode.AT_STEP and not again):
            return
        self._interrupted = True
        raise Interrupted(number)

    def _listen(self, listener: socket.socket) -> None:
        seen = 0
        with listener:
            while data := listener.recv(1):  # empty when the other end is closed
                if data[0] not in self._previous:
                    continue
                seen += 1
                if self._mode is Mode.AT_ONCE or (self._mode is Mode.AT_STEP and seen > 1):
                    if not self._over.wait(self._grace):
                        self.last_resort(data[0])
                    return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._bell is not None:
            for number, handler in self._previous.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(self._outer_bell)
            self._bell.close()


def _leave(number: int) -> None:
    sys.stderr.write(f"dynaclr: ended by {signal.Signals(number).name}\n")
    sys.stderr.flush()
    os._exit(128 + number)
