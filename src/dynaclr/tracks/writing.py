"""Writes track tables in the layout that is read; checks nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dynaclr.base.files import write_text_atomically

TRACK_FILE = "tracks.csv"
"""Name of the track files that are written; read is any table of a field of view's folder."""


def write_tracks(root: Path, tables: Mapping[str, Any]) -> Path:
    """Write a pandas frame an FOV as <root>/<row>/<column>/<fov>/tracks.csv; return the root."""
    for fov, table in tables.items():
        folder = root / fov
        folder.mkdir(parents=True, exist_ok=True)
        write_text_atomically(folder / TRACK_FILE, table.to_csv(index=False))
    return root
