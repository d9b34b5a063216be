"""Work in the background for widgets: a result, or an error that was written for the user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from superqt.utils import create_worker

from dynaclr.errors import DynaclrError

__all__ = ("in_background",)


def in_background(
    work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[DynaclrError], None]
) -> Any:
    """Run `work` in a thread and hand its result, or its error, to the thread of the viewer.

    Errors that are not made for users go to napari as they are.
    """

    def guarded() -> tuple[Any, DynaclrError | None]:
        try:
            return work(), None
        except DynaclrError as error:
            return None, error

    def deliver(outcome: tuple[Any, DynaclrError | None]) -> None:
        value, error = outcome
        if error is None:
            done(value)
        else:
            failed(error)

    worker = create_worker(guarded, _start_thread=False)
    worker.returned.connect(deliver)
    worker.start()
    return worker
