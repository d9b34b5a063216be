"""Sends warnings, of Python and of loggers, into the log and the events of a run."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MOST_NOTICES = 100
"""Different warnings that become events; the log takes the rest."""

_FOR_DEVELOPERS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
_LOG = logging.getLogger(__name__)


class _ToEvents(logging.Handler):
    """Hands each different warning over once; errors are told by how the run ends."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._warn = warn
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = getattr(record, "notice", None) or record.getMessage()
        if record.levelno >= logging.ERROR or getattr(record, "for_developers", False):
            return
        if text in self._told or len(self._told) > MOST_NOTICES:
            return
        self._told.add(text)
        full = len(self._told) > MOST_NOTICES
        self._warn("more warnings are in log.txt" if full else text)


@contextmanager
def notices_to(log: Path, warn: Callable[[str], None]) -> Iterator[None]:
    """Within this context all that is logged goes to a file, and warnings to `warn` too.

    Parameters
    ----------
    log
        The file; continued if it is there.
    warn
        Called with the text of each different warning, `MOST_NOTICES` at most; from any thread.
    """
    file = logging.FileHandler(log, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root, events = logging.getLogger(), _ToEvents(warn)
    shown = warnings.showwarning
    root.addHandler(file)
    root.addHandler(events)
    warnings.showwarning = _log_warning
    try:
        yield
    finally:
        warnings.showwarning = shown
        root.removeHandler(events)
        root.removeHandler(file)
        file.close()


def _log_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any
) -> None:
    """Log a warning of Python; what other packages will change concerns no user."""
    facts = {"notice": str(message), "for_developers": issubclass(category, _FOR_DEVELOPERS)}
    _LOG.warning("%s (%s, %s:%d)", message, category.__name__, filename, lineno, extra=facts)
