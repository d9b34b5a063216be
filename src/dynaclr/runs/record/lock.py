"""Lets one process at a time write a run folder.

The lock is a file that says who holds it, so that it also holds between hosts that share a disk without
locks of its own, and so that a person reads who writes. It is made and taken over under the system's lock.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from dynaclr.base.errors import DataError, RunError, problem
from dynaclr.base.files import read_json
from dynaclr.base.locking import locked
from dynaclr.runs.record.processes import identity, is_alive


class RunLock:
    """Context manager around run.lock.

    A lock whose process is gone (same host, process number and start time checked) is taken over; one
    of another host is not, unless `force` says so.

    Parameters
    ----------
    path
        The lock file.
    force
        Take over a lock of another host: the user knows that nobody writes.

    Raises
    ------
    RunError
        On entering, if somebody else writes; who and since when is said.
    """

    def __init__(self, path: Path, force: bool = False) -> None:
        self._path, self._force = path, force

    def __enter__(self) -> RunLock:
        try:
            with locked(self._path, what="run folder"):  # of two that find a stale lock, one takes it over
                self._remove_stale()
                with self._path.open("x", encoding="utf-8") as stream:
                    json.dump(identity(), stream)
        except FileExistsError as error:
            raise RunError(problem("another process has just taken the lock", file=self._path)) from error
        except OSError as error:
            raise RunError(
                problem(f"run folder cannot be written: {error.strerror}", file=self._path)
            ) from error
        except DataError as error:
            raise RunError(str(error)) from error
        return self

    def _remove_stale(self) -> None:
        """Remove the lock of a process that is gone, or say who holds it."""
        holder = read_lock(self._path)
        if holder is None:
            return
        alive = is_alive(holder)
        if alive or (alive is None and not self._force):
            where = f"process {holder.get('pid')} on {holder.get('host')}, started {_time(holder)}"
            raise RunError(
                problem(
                    "another training is writing to this run folder",
                    file=self._path,
                    found=where,
                    fix="Wait for it, stop it, or start a new run.",
                )
            )
        self._path.unlink(missing_ok=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._path.unlink(missing_ok=True)


def _time(holder: dict[str, Any]) -> str:
    started = holder.get("started")
    if not isinstance(started, (int, float)):
        return "at an unknown time"
    return datetime.fromtimestamp(started).astimezone().isoformat(sep=" ", timespec="seconds")


def read_lock(path: Path) -> dict[str, Any] | None:
    """Return who holds a lock; None if there is none; {} if the file is damaged."""
    return read_json(path) if path.exists() else None
