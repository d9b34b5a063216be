"""Writes track tables in the layout that is read; checks nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dynaclr.base.files import write_text_atomically


def write_tracks(root: Path, tables: Mapping[str, Any]) -> Path:
    """Write a pandas frame an FOV as <root>/<row>/<column>/<fov>/tracks.csv; return the root."""
    for fov, table in tables.items():
        folder = root / fov
        folder.mkdir(parents=True, exist_ok=True)
        write_text_atomically(folder / "tracks.csv", table.to_csv(index=False))
    return root
