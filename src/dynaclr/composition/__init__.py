"""What batches hold, next to what the pool holds; reads no pixels."""

from __future__ import annotations

from dynaclr.composition.axes import AxisCounts, Crossing, HourHistogram
from dynaclr.composition.compose import compose, compose_epochs
from dynaclr.composition.confounds import Confound, condition_confounds
from dynaclr.composition.coverage import Coverage
from dynaclr.composition.draws import DrawCounts
from dynaclr.composition.exclusions import ExclusionTable
from dynaclr.composition.fact import Fact
from dynaclr.composition.intensities import Intensities, rows_to_measure
from dynaclr.composition.pool import Pool
from dynaclr.composition.positives import BorderShares, TauCounts
from dynaclr.composition.record import Composition
from dynaclr.composition.table import as_text, facts, table

__all__ = (
    "AxisCounts",
    "BorderShares",
    "Composition",
    "Confound",
    "Coverage",
    "Crossing",
    "DrawCounts",
    "ExclusionTable",
    "Fact",
    "HourHistogram",
    "Intensities",
    "Pool",
    "TauCounts",
    "as_text",
    "compose",
    "compose_epochs",
    "condition_confounds",
    "facts",
    "rows_to_measure",
    "table",
)
