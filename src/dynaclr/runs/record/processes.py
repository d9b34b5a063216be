"""Who a process is, beyond its number, so that a reused number fools nobody."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import psutil


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
        "ticks": _ticks(process.pid),
    }


def _ticks(pid: int) -> int | None:
    """Return when a process started by the kernel's own clock, which nobody sets; None if it is not told."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(text.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"


def same_process(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two identities are of one process."""
    return all(one.get(name) == other.get(name) for name in ("host", "pid", "boot", "ticks"))


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
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        ticks = _ticks(process.pid)
        if ticks is not None and who.get("ticks") is not None:
            return bool(ticks == who["ticks"])
        return abs(process.create_time() - float(who["started"])) < 1.0
    except (psutil.Error, KeyError, ValueError, TypeError):
        return False
