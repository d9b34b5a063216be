"""Self-supervised learning of cell dynamics from time-lapse microscopy.

Names load on first use: importing the package loads neither torch nor pandas.
"""

from __future__ import annotations

import importlib
from typing import Any

_DOORS = {
    "ChannelDropout": "channel_dropout",
    "ContrastiveEncoder": "encoder",
    "ContrastiveModule": "engine",
    "ExperimentConfig": "experiment",
    "ExperimentRegistry": "experiment",
    "FlexibleBatchSampler": "sampler",
    "MultiExperimentDataModule": "datamodule",
    "MultiExperimentIndex": "index",
    "MultiExperimentTripletDataset": "dataset",
    "NTXentHCL": "loss",
    "NTXentLoss": "loss",
    "sample_tau": "tau_sampling",
}

__version__ = "0.1.0"
__all__ = tuple(sorted(_DOORS))


def __getattr__(name: str) -> Any:
    if name not in _DOORS:
        raise AttributeError(f"module 'dynaclr' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"dynaclr.{_DOORS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_DOORS})
