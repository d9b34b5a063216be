"""Who ended a run from outside, in a file of its folder: a process that is killed writes nothing itself."""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from dynaclr.atomic import write_json_atomically
from dynaclr.runs.processes import same_process

__all__ = ("told_end", "write_end")


def write_end(path: Path, how: str, who: dict[str, Any]) -> bool:
    """Note that this user ends a run; return whether the disk took it.

    Parameters
    ----------
    path
        ended_by.json of the run.
    how
        What was done, for example "killed".
    who
        Identity of the process, or {"job": number}, that this happens to.
    """
    facts = {"by": _user(), "host": socket.gethostname(), "pid": os.getpid(), "t": time.time(), "how": how}
    try:
        write_json_atomically(path, {**facts, "ended": who})
    except OSError:
        return False
    return True


def told_end(path: Path, who: dict[str, Any], job: object = None) -> str:
    """Return who ended a run, in words; empty if nobody did, or it was another turn of the run.

    Parameters
    ----------
    path
        ended_by.json of the run.
    who, job
        Identity of who trained last, and the number of its job of a cluster.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        ended = dict(content["ended"])
        words = f"ended by {content['by']} at {content['host']}: {content['how']}"
    except (OSError, ValueError, TypeError, KeyError):
        return ""
    if "job" in ended:
        return words if ended["job"] == job else ""
    return words if same_process(ended, who) else ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a number without a name, in a container
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "somebody"
