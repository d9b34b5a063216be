"""All observations of many experiments: which are anchors, which are not and why.

Reads pixel values only to find the slices in focus, where these are asked for.
"""

from __future__ import annotations

from dynaclr.index.anchors import UNUSABLE, Exclusion
from dynaclr.index.arrays import IndexArrays
from dynaclr.index.columns import AnchorColumns
from dynaclr.index.index import MultiExperimentIndex
from dynaclr.index.index_report import shared_fovs
from dynaclr.index.options import IndexOptions, ReadingOptions
from dynaclr.index.report import ExperimentReport, SetupReport
from dynaclr.index.statements import frame_slices, patch_scale

__all__ = (
    "UNUSABLE",
    "AnchorColumns",
    "Exclusion",
    "ExperimentReport",
    "IndexArrays",
    "IndexOptions",
    "MultiExperimentIndex",
    "ReadingOptions",
    "SetupReport",
    "frame_slices",
    "patch_scale",
    "shared_fovs",
)
