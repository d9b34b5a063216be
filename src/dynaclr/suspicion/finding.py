"""One suspicion with its score and reason, and a list of them in order; computes no evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from dynaclr.curation import Mark, MarkKind, Verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should look at.

    Attributes
    ----------
    score
        1 lies at the limit of what is usual, 10 ten times beyond it; whole FOVs score above 100.
    kind
        What it is about, in the terms of a mark; a FOV finding with a frame is about that frame.
    check
        Which check found it.
    reason
        Why, for a person.
    experiment, fov_name, row
        Where, and the row of the index's table, -1 for a FOV.
    track_id, t, parent_track_id, y, x
        As in a mark.
    """

    score: float
    kind: MarkKind
    check: str
    reason: str
    experiment: str
    fov_name: str
    row: int = -1
    track_id: int | None = None
    t: int | None = None
    parent_track_id: int | None = None
    y: float | None = None
    x: float | None = None

    def mark(self, verdict: Verdict, author: str, time: datetime) -> Mark:
        """Return the mark that a person's verdict on this makes."""
        of_fov = self.kind is MarkKind.FOV
        return Mark(
            self.kind,
            verdict,
            self.experiment,
            self.fov_name,
            author,
            time,
            track_id=self.track_id,
            t=None if of_fov else self.t,
            parent_track_id=self.parent_track_id,
            y=self.y,
            x=self.x,
            reason=self.reason,
        )

    def __str__(self) -> str:
        parts = [f"{self.experiment}/{self.fov_name}"]
        parts += [] if self.t is None else [f"frame {self.t}"]
        parts += [] if self.track_id is None else [f"track {self.track_id}"]
        return f"{self.score:7.1f}  {self.kind:<7}  {', '.join(parts)}: {self.reason}"


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, the most suspicious first; several on one link, track or frame become one.

    The joined finding has the highest score and all reasons, the strongest first.
    """
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for item in findings:
        t = item.t if item.kind in (MarkKind.LINK, MarkKind.FRAME, MarkKind.FOV) else None
        key = (item.kind, item.experiment, item.fov_name, item.track_id, t, item.row)
        groups.setdefault(key, []).append(item)
    joined = []
    for group in groups.values():
        group.sort(key=lambda item: -item.score)
        reasons = "; ".join(dict.fromkeys(item.reason for item in group))
        joined.append(group[0] if len(group) == 1 else replace(group[0], reason=reasons))
    return sorted(
        joined,
        key=lambda item: (-item.score, item.experiment, item.fov_name, item.t or 0, item.track_id or 0),
    )
