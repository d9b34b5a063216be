"""Who a process is, beyond its number, so that a reused number fools nobody; knows no runs."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import psutil

__all__ = ("identity", "is_alive")


def identity(pid: int | None = None) -> dict[str, Any]:
    """Return host, number, start time and boot of a process of this host; of this one by default.

    Raises
    ------
    psutil.Error
        If there is no such process.
    """
    process = psutil.Process(pid)
    return {
        "host": socket.gethostname(),
        "pid": process.pid,
        "started": round(process.create_time(), 2),
        "boot": _boot(),
    }


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"


def is_alive(who: dict[str, Any]) -> bool | None:
    """Return whether the process of an `identity` runs; None if it is on another host.

    One that has ended and only waits for its parent to notice does not run.
    """
    if who.get("host") != socket.gethostname():
        return None
    if who.get("boot") != _boot():
        return False
    try:
        process = psutil.Process(int(who["pid"]))
        started = process.create_time()
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
    except (psutil.Error, KeyError, ValueError, TypeError):
        return False
    return abs(started - float(who.get("started", 0))) < 1.0
