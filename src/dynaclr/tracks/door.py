"""Where errors of libraries over damaged files become errors for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dynaclr.base.errors import DataError, DynaclrError, problem


@contextmanager
def door(path: Path, what: str = "") -> Iterator[None]:
    """Turn whatever a library raises over a damaged file into an error that names the file."""
    try:
        yield
    except DynaclrError:
        raise
    except Exception as error:
        text = f"cannot be read{what}: {type(error).__name__}: {error}"
        raise DataError(problem(text, file=path)) from error
