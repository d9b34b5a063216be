"""Inside the training process: what records, guards, stops and resumes it; needs Lightning."""

__all__ = (
    "alarms",
    "asking",
    "checkpointing",
    "cluster",
    "describing",
    "guards",
    "measuring",
    "recorder",
    "resuming",
    "session",
    "stopping",
)
