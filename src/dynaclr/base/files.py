"""Writes files so that a reader sees the old content or the new, never half."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
import time
from pathlib import Path
from typing import Any

_TRIES = 20
_PAUSE_SECONDS = 0.05
_NAME_KEPT = 60  # characters of the name in that of the temporary file, which may be no longer than allowed


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Write bytes beside `path` and move them into place; what was there stays until then.

    A new file gets the permissions that the umask gives, one that is replaced keeps its own.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name[:_NAME_KEPT]}.{secrets.token_hex(8)}.tmp")
    stream = temporary.open(
        "xb"
    )  # the system applies the umask; to ask for it is to change it for all threads
    try:
        with stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
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


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; empty if it is missing, damaged or none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def unfinished(target: Path) -> Path:
    """Return a name beside a folder, for its content until it is moved into place."""
    return target.with_name(f".{target.name}.partial-{os.getpid()}-{secrets.token_hex(4)}")


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
