"""Writes files so that a reader sees the old content or the new, never half; knows no format."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

__all__ = ("replace_file", "write_bytes_atomically", "write_json_atomically", "write_text_atomically")

_TRIES = 20
_PAUSE_SECONDS = 0.05


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Write bytes beside `path` and move them into place; what was there stays until then.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written; nothing is left behind.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        replace_file(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_text_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text as `write_bytes_atomically` does."""
    write_bytes_atomically(path, text.encode("utf-8"))


def write_json_atomically(path: Path, value: Any) -> None:
    """Write a value as JSON that strict parsers read (no NaN) as `write_bytes_atomically` does."""
    write_text_atomically(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def replace_file(source: Path, target: Path) -> None:
    """Move a file over another, with patience where a reader holds the target open (Windows)."""
    for attempt in range(_TRIES):
        try:
            os.replace(source, target)
        except PermissionError:
            if os.name != "nt" or attempt == _TRIES - 1:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
