"""Targets of a verdict: draft marks, their place, and what they would exclude.

Pure functions of a project.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from dynaclr.curation import MATCH_RADIUS_PX, Mark, MarkKind, Verdict, match_marks
from dynaclr.index import Exclusion
from dynaclr.suspicion import Finding, Links, links_of, sample_links
from napari_dynaclr.state.project import Cell

if TYPE_CHECKING:
    from dynaclr.index import MultiExperimentIndex
    from napari_dynaclr.state.project import Project

_NOBODY = "nobody"
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a queue.

    Attributes
    ----------
    score
        How suspicious, 1 at the limit of what is usual; NaN if it is not known.
    reason
        Why, for a person.
    drafts
        The marks that a verdict makes, of nobody and without a verdict.
    """

    score: float
    reason: str
    drafts: tuple[Mark, ...]

    @property
    def first(self) -> Mark:
        """The mark that stands for all."""
        return self.drafts[0]


@dataclass(frozen=True, slots=True)
class Target:
    """What is judged now.

    Attributes
    ----------
    title, why
        In words; `why` may be empty.
    effect
        What excluding it would do, or why it cannot be judged.
    drafts
        As in `Item`; empty if it cannot be judged.
    """

    title: str
    why: str
    effect: str
    drafts: tuple[Mark, ...]


def _draft(kind: MarkKind, experiment: str, fov_name: str, **values: Any) -> Mark:
    return Mark(kind, Verdict.UNSURE, experiment, fov_name, _NOBODY, _NEVER, **values)


def _frame_draft(index: MultiExperimentIndex, row: int) -> Mark:
    table = index.table
    track = int(table.track[row])
    entry = index.fovs[int(table.track_fov[track])]
    return _draft(
        MarkKind.FRAME,
        index.registry.names[entry.experiment],
        entry.layout.name,
        track_id=int(table.track_id[track]),
        t=int(table.t[row]),
        y=float(table.y[row]),
        x=float(table.x[row]),
    )


def cell_target(project: Project, cell: Cell, kind: MarkKind) -> Target:
    """Return what a verdict on the track, link, frame, FOV or lineage of a cell would be about."""
    index = project.index(cell.part)
    table, row = index.table, cell.row
    frame = _frame_draft(index, row)
    track = int(table.track[row])
    home = (frame.experiment, frame.fov_name)
    if kind is MarkKind.FOV:
        drafts: tuple[Mark, ...] = (_draft(kind, *home),)
    elif kind is MarkKind.LINEAGE:
        root = int(table.first_rows[table.forest.root[track]])
        of_root = _frame_draft(index, root)
        drafts = (_draft(kind, *home, track_id=of_root.track_id, t=of_root.t, y=of_root.y, x=of_root.x),)
    else:
        values: dict[str, Any] = {"track_id": frame.track_id, "t": frame.t, "y": frame.y, "x": frame.x}
        if kind is MarkKind.LINK:
            parent = track if row != table.first_rows[track] else int(table.forest.parent[track])
            if parent < 0:
                return Target("No link", "", "The track starts here: no link leads to this cell.", ())
            values["parent_track_id"] = int(table.track_id[parent])
        drafts = (_draft(kind, *home, **values),)
    return Target(title_of(drafts), "", effect_of(project, drafts, cell), drafts)


def mark_target(project: Project, item: Item) -> Target:
    """Return what a verdict on an entry of a queue, or on a mark of the list, would be about."""
    effect = effect_of(project, item.drafts, draft_cell(project, item.first))
    return Target(title_of(item.drafts), item.reason, effect, item.drafts)


def title_of(drafts: Sequence[Mark]) -> str:
    """Return the name of what is judged."""
    mark = drafts[0]
    if len(drafts) > 1:
        return f"All {len(drafts)} cells of frame {mark.t}"
    if mark.kind is MarkKind.FOV:
        return f"Field of view {mark.fov_name}"
    if mark.kind is MarkKind.LINK:
        if mark.parent_track_id in (None, mark.track_id):
            return f"Link of track {mark.track_id} to frame {mark.t}"
        when = "" if mark.t is None else f", frame {mark.t}"
        return f"Link {mark.parent_track_id} \N{RIGHTWARDS ARROW} {mark.track_id}{when}"
    if mark.kind is MarkKind.FRAME:
        return f"Track {mark.track_id} in frame {mark.t}"
    if mark.kind is MarkKind.LINEAGE:
        return f"Lineage of track {mark.track_id}"
    return f"Track {mark.track_id}"


def effect_of(project: Project, drafts: Sequence[Mark], cell: Cell | None) -> str:
    """Return in words what excluding would do to the current data; `cell` is the first's."""
    mark = drafts[0]
    if cell is None:
        return "This is not in the open data."
    table = project.index(cell.part).table
    track = int(table.track[cell.row])
    if mark.kind is MarkKind.LINK:
        return "Excluding cuts this link; both cells stay."
    if mark.kind is MarkKind.FRAME:
        count = len(drafts)
    elif mark.kind is MarkKind.TRACK:
        count = int(np.count_nonzero(table.track == track))
    elif mark.kind is MarkKind.FOV:
        count = int(table.t[table.rows(int(table.track_fov[track]))].size)
    else:
        count = int(np.count_nonzero(table.forest.root[table.track] == table.forest.root[track]))
    return f"Excluding removes {count} observation{'' if count == 1 else 's'}."


def draft_cell(project: Project, mark: Mark) -> Cell | None:
    """Return the cell that a mark is about, found by id or by place; None if it is nowhere.

    Of a FOV it is the cell nearest to the center in the frame that is meant, or in the first one.
    """
    for part, index in project.parts.items():
        fov = index.fov_code(mark.experiment, mark.fov_name)
        if fov < 0:
            continue
        if mark.kind is MarkKind.FOV:
            return _central(part, index, fov, mark.t)
        found = match_marks([mark], index.table, index.fov_names, MATCH_RADIUS_PX)
        row, track = int(found.row[0]), int(found.track[0])
        if row < 0 <= track:
            row = int(index.table.first_rows[track])
        if row >= 0:
            return Cell(part, row)
        if mark.track_id is not None and mark.t is not None:  # although a link that arrived there is cut
            row = int(index.table.find(fov, mark.track_id, mark.t))
            if row >= 0:
                return Cell(part, row)
    return None


def _central(part: str, index: MultiExperimentIndex, fov: int, t: int | None) -> Cell | None:
    rows = np.arange(len(index.table))[index.table.rows(fov, t)]
    if not rows.size:
        return None
    table = index.table
    rows = rows[table.t[rows] == table.t[rows[0]]]
    center = index.fov_image_yx[fov] / 2
    far = np.hypot(table.y[rows] - center[0], table.x[rows] - center[1])
    return Cell(part, int(rows[np.argmin(far)]))


def items_of(project: Project, findings: Iterable[Finding]) -> tuple[Item, ...]:
    """Return findings as entries of a queue; one about a frame of a FOV judges the cells of that frame."""
    items = []
    for finding in findings:
        drafts: tuple[Mark, ...] = (finding.mark(Verdict.UNSURE, _NOBODY, _NEVER),)
        if finding.kind is MarkKind.FOV and finding.t is not None:
            codes = [
                (index, index.fov_code(finding.experiment, finding.fov_name))
                for index in project.parts.values()
            ]
            index, code = next(item for item in codes if item[1] >= 0)
            rows = np.arange(len(index.table))[index.table.rows(code, finding.t)]
            drafts = tuple(_frame_draft(index, row) for row in rows.tolist())
        if drafts:
            items.append(Item(finding.score, finding.reason, drafts))
    return tuple(items)


def audit_items(project: Project, size: int, seed: int) -> tuple[Item, ...]:
    """Return links of all parts drawn at random, as entries of a queue that says nothing about them."""
    parts = list(project.parts.values())
    links = [links_of(index.table, index.exclusion != Exclusion.EXCLUDED) for index in parts]
    ends = np.cumsum([len(item) for item in links])
    if not ends[-1]:
        return ()
    number = np.arange(ends[-1])
    chosen = sample_links(Links(number, number, np.zeros(ends[-1], dtype=bool)), size, seed).later
    items = []
    for place in chosen.tolist():
        part = int(np.searchsorted(ends, place, side="right"))
        own, index = links[part], parts[part]
        link = place - (int(ends[part - 1]) if part else 0)
        mark = _frame_draft(index, int(own.later[link]))
        parent = int(index.table.track_id[index.table.track[own.earlier[link]]])
        draft = _draft(
            MarkKind.LINK,
            mark.experiment,
            mark.fov_name,
            track_id=mark.track_id,
            t=mark.t,
            y=mark.y,
            x=mark.x,
            parent_track_id=parent,
        )
        items.append(Item(float("nan"), "", (draft,)))
    return tuple(items)
