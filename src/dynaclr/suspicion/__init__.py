"""What in tracked data is probably wrong, the most suspicious first, and how often links are wrong."""

from __future__ import annotations

from dynaclr.suspicion.audit import ErrorRate, error_rate, sample_links
from dynaclr.suspicion.belonging import tables_against_images
from dynaclr.suspicion.finding import Finding, ranked
from dynaclr.suspicion.links import Links, links_of
from dynaclr.suspicion.suspects import AREA_COLUMNS, VALUE_COLUMNS, suspects

__all__ = (
    "AREA_COLUMNS",
    "VALUE_COLUMNS",
    "ErrorRate",
    "Finding",
    "Links",
    "error_rate",
    "links_of",
    "ranked",
    "sample_links",
    "suspects",
    "tables_against_images",
)
