"""Track files of many experiments -> one table of observations with lineages.

Readers and checks of files, the table as arrays, and who descends from whom; knows no pixels.
"""

from __future__ import annotations

from dynaclr.tracks.checks import check_tracks
from dynaclr.tracks.csv import read_track_csv
from dynaclr.tracks.folder import find_track_files, unused_track_files
from dynaclr.tracks.lineage import Forest, build_forest, latest_in_subtree
from dynaclr.tracks.loading import load_table, locate_tracks, read_all
from dynaclr.tracks.parents import track_parents
from dynaclr.tracks.policy import TrackCounts, TrackPolicy
from dynaclr.tracks.table import CellTable, Relation, RelativeLookup, build_table
from dynaclr.tracks.writing import write_tracks

__all__ = (
    "CellTable",
    "Forest",
    "Relation",
    "RelativeLookup",
    "TrackCounts",
    "TrackPolicy",
    "build_forest",
    "build_table",
    "check_tracks",
    "find_track_files",
    "latest_in_subtree",
    "load_table",
    "locate_tracks",
    "read_all",
    "read_track_csv",
    "track_parents",
    "unused_track_files",
    "write_tracks",
)
