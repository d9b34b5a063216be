"""Errors that a person can act on.

Every message is built by `problem`, so that all of them name the thing, what was expected, what was
found and what to do, in the same order.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

MAX_LISTED = 20
"""How many problems of one input are listed together before the rest is only counted."""


class DynaclrError(Exception):
    """Base of all errors raised on purpose; the message is written for the user."""


class ConfigError(DynaclrError, ValueError):
    """A value that a person wrote in a configuration cannot be used."""


class DataError(DynaclrError, ValueError):
    """A file of the data set (plate, tracks, statistics) is not what it should be."""


class PixelReadError(DynaclrError, RuntimeError):
    """Pixels that were there at set-up could not be read."""


class RunError(DynaclrError, RuntimeError):
    """A run folder, its lock or its checkpoint cannot be used as asked."""


class TrainingError(DynaclrError, RuntimeError):
    """Training cannot go on (non-finite loss, lost batches, no batches)."""


def problem(
    what: str,
    *,
    experiment: str | None = None,
    file: object = None,
    row: object = None,
    field: str | None = None,
    expected: object = None,
    found: object = None,
    fix: str | None = None,
) -> str:
    """Return one message in the form all errors share.

    Parameters
    ----------
    what
        What is wrong, as a sentence without a full stop.
    experiment, file, row, field
        Where: the experiment's name, the path, the row or FOV, the column or key.
    expected, found
        The two values that disagree.
    fix
        What the reader can do.
    """
    places = (("experiment", experiment), ("file", file), ("row", row), ("field", field))
    where = ", ".join(f"{label} {value}" for label, value in places if value is not None)
    parts = [f"{where}: {what}" if where else what]
    if expected is not None:
        parts.append(f"expected {expected}")
    if found is not None:
        parts.append(f"found {found}")
    text = "; ".join(parts) + "."
    return f"{text} {fix}" if fix else text


def suggest(name: str, options: Iterable[object]) -> str:
    """Return " Did you mean 'x'?" for the nearest of `options`, or an empty string."""
    known = {str(option).lower(): str(option) for option in options}
    close = difflib.get_close_matches(str(name).lower(), known, n=1, cutoff=0.6)
    return f" Did you mean '{known[close[0]]}'?" if close else ""


def listing(items: Iterable[object], limit: int = MAX_LISTED) -> str:
    """Return the first `limit` items joined by commas, and how many more there are."""
    texts = [str(item) for item in items]
    more = len(texts) - limit
    head = ", ".join(texts[:limit])
    return f"{head} and {more} more" if more > 0 else head


def together(title: str, problems: Sequence[str]) -> str:
    """Join the problems of one input into one message, the first `MAX_LISTED` in full."""
    if len(problems) == 1:
        return problems[0]
    lines = [f"{title}: {len(problems)} problems", *(f"  - {text}" for text in problems[:MAX_LISTED])]
    if len(problems) > MAX_LISTED:
        lines.append(f"  ... and {len(problems) - MAX_LISTED} more")
    return "\n".join(lines)
