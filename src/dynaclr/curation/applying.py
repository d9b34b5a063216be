"""Marks applied to a table: which rows are left out and which links are cut; reads no files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dynaclr.curation.cutting import cut_links
from dynaclr.curation.marks import Mark, MarkKind, Verdict, in_force
from dynaclr.curation.matching import FovNames, Match, Matched, match_marks
from dynaclr.tracks import CellTable

MATCH_RADIUS_PX = 10.0
"""How far a cell may lie from where it was marked."""


@dataclass(slots=True)
class CurationReport:
    """What marks did to the observations of one index.

    Attributes
    ----------
    marks
        Marks that exclude something in the fields of view in use.
    by_id, by_place
        How many were found by id, and by place and frame because ids had changed.
    radius_px
        Radius of the search by place.
    rows
        {kind: observations that its marks leave out}; one may be counted by several kinds.
    excluded
        Observations left out, each counted once.
    cut_links
        Links cut.
    anchors_removed
        Anchors that there would be without the marks, less those there are.
    unmatched
        Marks that were found nowhere, and why.
    """

    marks: int = 0
    by_id: int = 0
    by_place: int = 0
    radius_px: float = MATCH_RADIUS_PX
    rows: dict[str, int] = field(default_factory=dict)
    excluded: int = 0
    cut_links: int = 0
    anchors_removed: int = 0
    unmatched: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.rows.items() if count) or "none"
        found = f"{self.by_id} found by id, {self.by_place} by position within {self.radius_px:g} px"
        return [
            f"{self.marks} marks: {found}, {len(self.unmatched)} not found",
            f"{self.excluded} observations excluded (by {kinds}), {self.cut_links} links cut, "
            f"{self.anchors_removed} anchors removed",
        ]


@dataclass(frozen=True, slots=True)
class Curated:
    """A table after curation.

    Attributes
    ----------
    table
        All observations; links that were marked are cut.
    rows
        (n,) row of each observation in the table before.
    excluded
        (n,) True where the observation is left out.
    report
        What was done.
    """

    table: CellTable
    rows: npt.NDArray[np.int64]
    excluded: npt.NDArray[np.bool_]
    report: CurationReport


def apply_marks(
    marks: Iterable[Mark], table: CellTable, names: FovNames, radius_px: float = MATCH_RADIUS_PX
) -> Curated:
    """Return the table that marks leave; on one subject the latest mark counts, and only exclusions act.

    Parameters
    ----------
    marks
        Marks of all authors.
    table
        Observations.
    names
        Names of the fields of view.
    radius_px
        How far a cell may lie from where it was marked, pixels.
    """
    used = [mark for mark in in_force(marks) if mark.verdict is Verdict.EXCLUDE]
    matched = match_marks(used, table, names, radius_px)
    kinds = np.array([mark.kind.value for mark in used], dtype="U8")
    there = (matched.how == Match.BY_ID) | (matched.how == Match.BY_PLACE)
    excluded = np.zeros(len(table), dtype=bool)
    rows = {}
    for kind in (MarkKind.FOV, MarkKind.LINEAGE, MarkKind.TRACK, MarkKind.FRAME):
        mask = _mask(kind, table, matched, np.flatnonzero(there & (kinds == kind.value)))
        rows[kind.value] = int(np.count_nonzero(mask))
        excluded |= mask
    arrivals = np.unique(matched.row[there & (kinds == MarkKind.LINK.value)])
    order = np.arange(len(table))
    if arrivals.size:
        table, order = cut_links(table, arrivals)
    report = _report(used, matched, radius_px)
    report.rows, report.excluded = rows, int(np.count_nonzero(excluded))
    report.cut_links = int(arrivals.size)
    return Curated(table, order, excluded[order], report)


def _mask(
    kind: MarkKind, table: CellTable, matched: Matched, which: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Return the rows that marks of one kind leave out (n,)."""
    if kind is MarkKind.FRAME:
        mask = np.zeros(len(table), dtype=bool)
        mask[matched.row[which]] = True
        return mask
    flags = np.zeros(table.n_tracks, dtype=bool)
    if kind is MarkKind.FOV:
        flags = np.isin(table.track_fov, matched.fov[which])
    elif kind is MarkKind.LINEAGE:
        flags = np.isin(table.forest.root, table.forest.root[matched.track[which]])
    else:
        flags[matched.track[which]] = True
    return np.asarray(flags[table.track])


def _report(used: Sequence[Mark], matched: Matched, radius_px: float) -> CurationReport:
    lost = np.flatnonzero(matched.how == Match.NOWHERE)
    return CurationReport(
        marks=int(np.count_nonzero(matched.how != Match.ELSEWHERE)),
        by_id=int(np.count_nonzero(matched.how == Match.BY_ID)),
        by_place=int(np.count_nonzero(matched.how == Match.BY_PLACE)),
        radius_px=radius_px,
        unmatched=[f"{used[place]}: {matched.why[place]}" for place in lost.tolist()],
    )
