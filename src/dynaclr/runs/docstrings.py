"""Reads what docstrings say of parameters, so that a form shows the words of the code; knows no forms."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

__all__ = ("described",)

_TITLE = re.compile(r"\n(Parameters|Attributes)\n-+\n")
_NEXT = re.compile(r"\n\w+\n-+\n")


def described(thing: Callable[..., Any]) -> dict[str, str]:
    """Return {parameter: its description} of a NumPy docstring, the first of Parameters and Attributes."""
    text = inspect.getdoc(thing) or ""
    title = _TITLE.search(text)
    if title is None:
        return {}
    section = text[title.end() :]
    after = _NEXT.search(section)
    lines = section[: after.start() if after else None].splitlines()
    found: dict[str, str] = {}
    names = ""
    for line in lines:
        if line and not line.startswith(" "):
            names = f"{names} {line}" if names.endswith(",") else line
        elif line.strip():
            for name in names.split(","):
                found[name.strip()] = f"{found.get(name.strip(), '')} {line.strip()}".strip()
    return found
