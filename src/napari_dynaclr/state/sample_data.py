"""Synthetic experiments to try everything on, in a folder that goes when the program ends."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

_PREFIX = "napari-dynaclr-"
_OF_THE_USER = ("runs", "curation.csv")


def make_sample() -> Path:
    """Write two small synthetic experiments and a training for them; return its path.

    The folder is deleted at the end of the program, unless it holds runs or marks by then.
    """
    from dynaclr.testing import synthetic_experiments, synthetic_training

    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    atexit.register(clear_away, folder)
    return synthetic_training(synthetic_experiments(folder, size="tiny"), size="tiny")


def clear_away(folder: Path) -> None:
    """Delete a folder of sample data in which nobody has made anything."""
    if not any((folder / name).exists() for name in _OF_THE_USER):
        shutil.rmtree(folder, ignore_errors=True)


def is_sample(training: Path) -> bool:
    """Whether a training is one of `make_sample`, which will not be there the next time."""
    return training.parent.name.startswith(_PREFIX) and training.parent.parent == Path(tempfile.gettempdir())
