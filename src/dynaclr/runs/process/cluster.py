"""Tells whether a scheduler started this process as one of several; imports no Lightning."""

from __future__ import annotations

import os


def started_by_srun() -> bool:
    """Return whether srun started this process as one of several tasks.

    A desktop, a shell or a batch script inside a job has the job's variables without being a task.
    """
    tasks = os.environ.get("SLURM_STEP_NUM_TASKS") or os.environ.get("SLURM_NTASKS") or "1"
    return "SLURM_STEP_ID" in os.environ and int(tasks) > 1


def process_rank() -> int:
    """Return this process's number among those that train together."""
    number = os.environ.get("LOCAL_RANK")
    if number is None and started_by_srun():
        number = os.environ.get("SLURM_PROCID")
    return int(number or 0)


def leave_scheduler_alone() -> None:
    """Keep Lightning from taking a job for its own: else it requeues the job, and resumes `hpc_ckpt_*`.

    Lightning takes this name of a job for one that starts its processes itself.
    """
    if "SLURM_JOB_ID" in os.environ or "SLURM_NTASKS" in os.environ:
        os.environ["SLURM_JOB_NAME"] = "interactive"
