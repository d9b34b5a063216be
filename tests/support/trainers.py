"""Lightning's trainer as tests of one part of a training need it."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Trainer


def quiet_trainer(**options: Any) -> Trainer:
    """Return a trainer of two epochs on one CPU that writes and draws nothing."""
    quiet = {"logger": False, "enable_checkpointing": False}
    silent = {"enable_progress_bar": False, "enable_model_summary": False}
    return Trainer(**{"accelerator": "cpu", "devices": 1, "max_epochs": 2, **quiet, **silent, **options})
