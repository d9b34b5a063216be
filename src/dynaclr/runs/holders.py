"""Who may still write a run, here or on another computer; only reads."""

from __future__ import annotations

import time

from dynaclr.errors import RunError, problem
from dynaclr.runs.layout import RunFolder
from dynaclr.runs.observing import observe, worker
from dynaclr.runs.processes import is_alive
from dynaclr.runs.states import State

__all__ = ("held_elsewhere", "refuse_if_active")


def held_elsewhere(folder: RunFolder) -> str | None:
    """Return who on another computer may still write a run that is silent, and since when; None if nobody.

    A run that is heard of is none: it goes on.
    """
    seen = observe(folder)
    who = worker(seen)
    silent = seen.state.ended or seen.state is State.LOST
    if who is None or not silent or is_alive(who) is not None:
        return None
    heard = seen.status.get("heartbeat")
    since = f", heard of last at {_moment(heard)}" if isinstance(heard, (int, float)) else ""
    return f"process {who.get('pid')} on {who.get('host')}{since}"


def refuse_if_active(folder: RunFolder, what: str, lost_is_gone: bool = False) -> None:
    """Raise unless nobody writes a run any more.

    Parameters
    ----------
    folder
        The run folder.
    what
        What is not to be done to it, as a participle.
    lost_is_gone
        Whether whoever is on another computer and silent does not count: the user knows that it has ended.

    Raises
    ------
    RunError
        If the run goes on, or may go on elsewhere.
    """
    seen = observe(folder)
    who = worker(seen)
    if lost_is_gone and (seen.state is State.LOST or held_elsewhere(folder) is not None):
        return
    if who is None and (seen.state.ended or seen.state is State.LOST):
        return
    found = seen.state.value if who is None else f"process {who.get('pid')} on {who.get('host')}"
    raise RunError(
        problem(f"the run cannot be {what} while it may be going on", file=folder.path, found=found)
    )


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
