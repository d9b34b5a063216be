"""Where a run is written and what is kept of it; the `run` section of a configuration, knows no Lightning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ("RunSettings",)


@dataclass
class RunSettings:
    """Where a run is written and what is kept of it.

    Attributes
    ----------
    root
        Folder of run folders.
    name
        Last part of the run folder's name.
    folder
        The run folder itself, in place of one that root, the time and the name make up; it may be there
        if it holds no run.
    resume
        Run folder to go on with.
    resume_from
        "newest": its newest checkpoint that loads; "best": best.ckpt, what came after it is forgotten.
    monitor
        Metric, smaller is better, that chooses best.ckpt.
    checkpoint_every_n_epochs
        How often a checkpoint is kept for good; 0 for never.
    checkpoint_every_n_steps
        How often last.ckpt is written inside an epoch; 0 for the end of epochs only.
    log_every_n_steps
        How often metrics of a step are written to events.jsonl.
    stop_every_n_steps
        How often the stop file and signals are looked at.
    previews
        How many batches are described in previews/.
    nonfinite_patience
        Steps in a row with a loss that is no number before the training ends.
    force
        Resume although the configuration differs, or the lock is of another host.
    """

    root: str = "runs"
    name: str = "run"
    folder: str | None = None
    resume: str | None = None
    resume_from: Literal["newest", "best"] = "newest"
    monitor: str | None = "loss/val"
    checkpoint_every_n_epochs: int = 0
    checkpoint_every_n_steps: int = 0
    log_every_n_steps: int = 1
    stop_every_n_steps: int = 1
    previews: int = 4
    nonfinite_patience: int = 3
    force: bool = False
