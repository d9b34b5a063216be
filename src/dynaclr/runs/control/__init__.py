"""From outside: launch, estimate, stop, predict, SLURM; loads no Lightning."""

__all__ = (
    "devices",
    "environment",
    "estimate",
    "halting",
    "job_halting",
    "job_script",
    "launch",
    "predicting",
    "slurm",
    "verbs",
)
