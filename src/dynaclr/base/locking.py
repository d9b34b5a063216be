"""Lets one process at a time change what several have open.

Why not filelock: its lock file stays beside the data of the user (plates, marks) for good, and where a file
system has no locks it falls back to a file that stays when a process is killed, and then stops everybody.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dynaclr.base.errors import DataError, problem

_PAUSE_SECONDS = 0.01


@contextlib.contextmanager
def locked(
    path: Path,
    patience_seconds: float = 3.0,
    what: str = "file",
    waiting: Callable[[], None] | None = None,
) -> Iterator[None]:
    """Hold the lock of a file or folder: the system frees it if the process dies. Nothing is left behind.

    Where a file system has no locks, there is none.

    Parameters
    ----------
    path
        What is locked, which need not exist; the folder that holds it must.
    patience_seconds
        How long to wait for another process; infinite for as long as it takes.
    what
        What is written, for messages.
    waiting
        Called again and again while another process holds the lock; what it raises ends the waiting.

    Raises
    ------
    DataError
        If another process does not let go, or the folder cannot be written.
    """
    place = path.with_name(f".{path.name}.lock")
    try:
        descriptor = _taken(place, patience_seconds, waiting)
    except OSError as error:
        raise DataError(problem(f"{what} cannot be written: {error.strerror}", file=path)) from error
    if descriptor is None:
        raise DataError(
            problem(
                f"another process has been writing for {patience_seconds:g} s", file=path, fix="Try again."
            )
        )
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            place.unlink()
        os.close(descriptor)


def _taken(place: Path, patience_seconds: float, waiting: Callable[[], None] | None) -> int | None:
    """Return the open lock file, or None if another process has it for too long."""
    end = time.monotonic() + patience_seconds
    while True:
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(descriptor)
            if _is(place, descriptor):
                return descriptor
        except BlockingIOError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if time.monotonic() > end:
            return None
        if waiting is not None:
            waiting()
        time.sleep(_PAUSE_SECONDS)


def _is(place: Path, descriptor: int) -> bool:
    """Return whether a path is still the file that is open: who had it before may have removed it."""
    try:
        return os.path.samestat(place.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error

else:
    import errno
    import fcntl

    def _lock(descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL):
                raise
