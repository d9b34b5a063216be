"""Writes track files and experiments.yaml as people have them; makes no data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from dynaclr.tracks import write_tracks

__all__ = ("write_experiments_yaml", "write_tracks")


def write_experiments_yaml(path: Path, entries: Sequence[Mapping[str, Any]]) -> Path:
    """Write experiments.yaml; return its path."""
    plain = [
        {key: str(value) if isinstance(value, Path) else value for key, value in entry.items()}
        for entry in entries
    ]
    path.write_text(yaml.safe_dump({"experiments": plain}, sort_keys=False), encoding="utf-8")
    return path
