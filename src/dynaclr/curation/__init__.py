"""Marks that people make on tracked data: kept in a file, merged, undone, and applied to a table."""

from __future__ import annotations

from dynaclr.curation.agreement import Agreement, agreement
from dynaclr.curation.applying import MATCH_RADIUS_PX, Curated, CurationReport, apply_marks
from dynaclr.curation.cutting import cut_links
from dynaclr.curation.files import CURATION_FILE, read_marks, write_marks
from dynaclr.curation.history import Action, Group, History, Put, Remove, marks_of
from dynaclr.curation.marks import Identity, Mark, MarkKind, Merged, Subject, Verdict, in_force, merge
from dynaclr.curation.matching import FovNames, Match, Matched, match_marks
from dynaclr.curation.shared import SharedMarks

__all__ = (
    "CURATION_FILE",
    "MATCH_RADIUS_PX",
    "Action",
    "Agreement",
    "Curated",
    "CurationReport",
    "FovNames",
    "Group",
    "History",
    "Identity",
    "Mark",
    "MarkKind",
    "Match",
    "Matched",
    "Merged",
    "Put",
    "Remove",
    "SharedMarks",
    "Subject",
    "Verdict",
    "agreement",
    "apply_marks",
    "cut_links",
    "in_force",
    "marks_of",
    "match_marks",
    "merge",
    "read_marks",
    "write_marks",
)
