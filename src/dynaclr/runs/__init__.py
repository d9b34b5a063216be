"""Runs: the folder on disk (`record`), the training inside (`process`), steering from outside (`control`)."""

__all__ = (
    "control",
    "process",
    "record",
)
