"""Tracks of other tools: each format is one file that recognizes and reads it; one line here adds one."""

from __future__ import annotations

from dynaclr.tracks.sources.found import Found, SourceOptions
from dynaclr.tracks.sources.reading import FORMATS, format_of, read_source, table_names, tracks_of, unit_um

__all__ = (
    "FORMATS",
    "Found",
    "SourceOptions",
    "format_of",
    "read_source",
    "table_names",
    "tracks_of",
    "unit_um",
)
