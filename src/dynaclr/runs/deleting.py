"""Deletes a run folder if nobody writes it any more; knows not what is in it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from dynaclr.errors import RunError, problem
from dynaclr.runs.holders import refuse_if_active
from dynaclr.runs.layout import RunFolder

__all__ = ("delete_run",)


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
    folder = RunFolder(path.absolute())
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
