"""Who ended a run from outside, in a file of its folder: a process that is killed writes nothing itself."""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from dynaclr.base.files import write_json_atomically
from dynaclr.runs.record.processes import same_process
from dynaclr.runs.record.states import State


def write_end(
    path: Path, how: str, who: dict[str, Any], *, by: str | None = None, state: State = State.STOPPED
) -> bool:
    """Note that somebody ends a run; return whether the disk took it.

    Parameters
    ----------
    path
        ended_by.json of the run.
    how
        What was done, for example "killed".
    who
        Identity of the process, or {"job": number}, that this happens to.
    by
        Who does it; None for this user.
    state
        What the run is in then.
    """
    facts = {"by": by or _user(), "host": socket.gethostname(), "pid": os.getpid(), "t": time.time()}
    try:
        write_json_atomically(path, {**facts, "how": how, "state": state.value, "ended": who})
    except OSError:
        return False
    return True


def told_end(path: Path, who: dict[str, Any], job: object = None) -> tuple[State, str] | None:
    """Return what a run is in, and who ended it; None if nobody did, or it was another turn of the run.

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
        told = State(content["state"]), f"ended by {content['by']} at {content['host']}: {content['how']}"
    except (OSError, ValueError, TypeError, KeyError):
        return None
    same = ended["job"] == job if "job" in ended else same_process(ended, who)
    return told if same else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a number without a name, in a container
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "somebody"
