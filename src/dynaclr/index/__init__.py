"""All observations of many experiments: which are anchors, which are not and why.

Reads no pixel values.
"""

from __future__ import annotations

from dynaclr.index.anchors import UNUSABLE, Exclusion
from dynaclr.index.arrays import IndexArrays
from dynaclr.index.columns import AnchorColumns
from dynaclr.index.index import MultiExperimentIndex
from dynaclr.index.index_report import shared_fovs
from dynaclr.index.options import IndexOptions
from dynaclr.index.report import ExperimentReport, SetupReport

__all__ = (
    "UNUSABLE",
    "AnchorColumns",
    "Exclusion",
    "ExperimentReport",
    "IndexArrays",
    "IndexOptions",
    "MultiExperimentIndex",
    "SetupReport",
    "shared_fovs",
)
