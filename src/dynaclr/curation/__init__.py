"""Marks that people make on tracked data: kept in a file, merged, undone, and applied to a table."""

from __future__ import annotations

from dynaclr.curation.agreement import Agreement, agreement
from dynaclr.curation.applying import MATCH_RADIUS_PX, Curated, CurationReport, apply_marks
from dynaclr.curation.cutting import cut_links
from dynaclr.curation.files import CURATION_FILE, read_marks, write_marks
from dynaclr.curation.history import Group, History, Put, Remove
from dynaclr.curation.marks import Mark, MarkKind, Merged, Verdict, in_force, merge
from dynaclr.curation.matching import FovNames, Match, Matched, first_rows, match_marks

__all__ = (
    "CURATION_FILE",
    "MATCH_RADIUS_PX",
    "Agreement",
    "Curated",
    "CurationReport",
    "FovNames",
    "Group",
    "History",
    "Mark",
    "MarkKind",
    "Match",
    "Matched",
    "Merged",
    "Put",
    "Remove",
    "Verdict",
    "agreement",
    "apply_marks",
    "cut_links",
    "first_rows",
    "in_force",
    "match_marks",
    "merge",
    "read_marks",
    "write_marks",
)
