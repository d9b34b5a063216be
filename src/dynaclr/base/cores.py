"""How many cores this process may use."""

from __future__ import annotations

import os

from dynaclr.base.errors import ConfigError, problem


def cpu_limit() -> int:
    """Return the number of cores this process may use; SLURM_CPUS_PER_TASK binds it."""
    text = os.environ.get("SLURM_CPUS_PER_TASK")
    if text:
        if not text.isdigit() or int(text) < 1:
            raise ConfigError(problem("not a number of cores", field="SLURM_CPUS_PER_TASK", found=repr(text)))
        return int(text)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
