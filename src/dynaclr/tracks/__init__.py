"""Readers of track files: from a folder of CSV files to checked arrays; knows no lineage."""

from __future__ import annotations

from dynaclr.tracks.checks import check_tracks
from dynaclr.tracks.csv import read_track_csv
from dynaclr.tracks.folder import find_track_files, unused_track_files
from dynaclr.tracks.parents import track_parents
from dynaclr.tracks.policy import TrackCounts, TrackPolicy

__all__ = (
    "TrackCounts",
    "TrackPolicy",
    "check_tracks",
    "find_track_files",
    "read_track_csv",
    "track_parents",
    "unused_track_files",
)
