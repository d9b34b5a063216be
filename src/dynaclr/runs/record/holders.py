"""Who may still write a run, here or on another computer; only reads."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from dynaclr.base.errors import RunError, problem
from dynaclr.base.paths import absolute_path
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.observing import observe, worker
from dynaclr.runs.record.processes import is_alive
from dynaclr.runs.record.states import State


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
        problem(f"the run cannot be {what} while it may still be active", file=folder.path, found=found)
    )


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def delete_run(path: Path, lost_is_gone: bool = False) -> None:
    """Delete a run folder with all that is in it.

    Parameters
    ----------
    path
        The run folder.
    lost_is_gone
        Whether a run of another host that is silent may be deleted: the user knows that it has ended.

    Raises
    ------
    RunError
        If the run goes on, or may go on elsewhere; if the folder is no run; if it cannot be deleted.
    """
    folder = RunFolder(absolute_path(path))
    if path.is_symlink() or not any(
        file.is_file() for file in (folder.facts, folder.launch, folder.status, folder.events())
    ):
        raise RunError(problem("not a run folder", file=path))
    refuse_if_active(folder, "deleted", lost_is_gone)
    hidden = folder.path.with_name(f".deleted-{folder.path.name}-{time.time_ns()}")
    try:
        folder.path.rename(hidden)  # at once for all who look
        shutil.rmtree(hidden)
    except OSError as error:
        raise RunError(problem(f"run cannot be deleted: {error.strerror}", file=error.filename)) from error
