"""What a person says about tracked data: one mark and sets of marks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from dynaclr.base.errors import DataError, problem


class MarkKind(StrEnum):
    """What a mark is about."""

    TRACK = "track"  # all observations of a track
    LINK = "link"  # the link that arrives at an observation, inside a track or from its parent
    FRAME = "frame"  # one observation
    FOV = "fov"  # all observations of a field of view
    LINEAGE = "lineage"  # all observations of a root and its descendants


class Verdict(StrEnum):
    """What was decided; only `EXCLUDE` changes a training."""

    EXCLUDE = "exclude"
    ACCEPT = "accept"
    UNSURE = "unsure"


Subject = tuple[str, str, str, int, int, int]
Identity = tuple[Subject, str]


@dataclass(frozen=True, slots=True)
class Mark:
    """One decision of one person.

    Attributes
    ----------
    kind, verdict
        What it is about, and what was decided.
    experiment, fov_name
        Where, "A/1/0".
    author, time
        Who and when; a time with its zone, kept in UTC.
    track_id
        The track; for a lineage its root, for a link the track it arrives at, None for a FOV.
    t
        Frame of the observation (frame, link), or where the cell was looked at (track, lineage).
    parent_track_id
        For a link, the track it comes from: another track for a mother, None or the same inside a track.
    y, x
        Centroid at `t` when it was marked, pixels of level 0; finds the cell again if ids changed.
    reason
        Free text.

    Raises
    ------
    DataError
        If a value that the kind needs is missing, or a value is none of its kind.
    """

    kind: MarkKind
    verdict: Verdict
    experiment: str
    fov_name: str
    author: str
    time: datetime
    track_id: int | None = None
    t: int | None = None
    parent_track_id: int | None = None
    y: float | None = None
    x: float | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", MarkKind(self.kind))
        object.__setattr__(self, "verdict", Verdict(self.verdict))
        for name in ("experiment", "fov_name", "author"):
            if not getattr(self, name).strip():
                raise DataError(problem("required for a mark", field=name, found="blank"))
        if self.time.tzinfo is None:
            raise DataError(
                problem("time has no time zone", field="time", expected="UTC", found=self.time.isoformat())
            )
        object.__setattr__(self, "time", self.time.astimezone(UTC))
        self._check_ids()
        if (self.y is None) != (self.x is None):
            raise DataError(
                problem("a position needs both y and x", field="y, x", found=f"({self.y}, {self.x})")
            )
        if self.y is not None and self.x is not None and not math.isfinite(self.y + self.x):
            raise DataError(problem("a position must be finite", field="y, x", found=f"({self.y}, {self.x})"))

    def _check_ids(self) -> None:
        if self.kind is not MarkKind.FOV and self.track_id is None:
            raise DataError(problem(f"a {self.kind} mark requires this", field="track_id", found="blank"))
        if self.t is not None and self.t < 0:
            raise DataError(problem("no frame", field="t", expected=">= 0", found=self.t))
        inside = self.parent_track_id is None or self.parent_track_id == self.track_id
        if self.t is None and (self.kind is MarkKind.FRAME or (self.kind is MarkKind.LINK and inside)):
            raise DataError(problem(f"a {self.kind} mark requires this", field="t", found="blank"))

    @property
    def subject(self) -> Subject:
        """What is judged: marks of one subject can agree or disagree; -1 where an id has no meaning."""
        track, t, parent = (
            -1 if value is None else value for value in (self.track_id, self.t, self.parent_track_id)
        )
        if self.kind is MarkKind.FOV:
            track = t = parent = -1
        elif self.kind in (MarkKind.TRACK, MarkKind.LINEAGE):
            t = parent = -1
        elif self.kind is MarkKind.FRAME or parent == track:
            parent = -1
        return (self.kind.value, self.experiment, self.fov_name, track, t, parent)

    @property
    def fov_subject(self) -> Subject:
        """Subject of a mark on the whole field of view that this is in."""
        return (MarkKind.FOV.value, self.experiment, self.fov_name, -1, -1, -1)

    @property
    def identity(self) -> Identity:
        """Subject and author: one person has one opinion on one thing."""
        return (self.subject, self.author)

    def __str__(self) -> str:
        parts = [f"{self.kind} {self.experiment}/{self.fov_name}"]
        parts += [] if self.track_id is None else [f"track {self.track_id}"]
        parts += [] if self.t is None else [f"frame {self.t}"]
        if self.kind is MarkKind.LINK and self.parent_track_id not in (None, self.track_id):
            parts.append(f"from parent {self.parent_track_id}")
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Merged:
    """Two sets of marks joined.

    Attributes
    ----------
    marks
        One mark a subject and author, oldest first.
    conflicts
        Marks of one subject with different verdicts of different authors, oldest first; the last is
        in force.
    """

    marks: tuple[Mark, ...]
    conflicts: tuple[tuple[Mark, ...], ...]


def age(mark: Mark) -> tuple[object, ...]:
    """Order by time; what makes equal times differ is arbitrary but the same in every order of input."""
    place = (math.inf if mark.y is None else mark.y, math.inf if mark.x is None else mark.x)
    ids = tuple(-1 if value is None else value for value in (mark.track_id, mark.t, mark.parent_track_id))
    return (mark.time, mark.subject, mark.author, mark.verdict.value, mark.reason, place, ids)


def merge(first: Iterable[Mark], second: Iterable[Mark] = ()) -> Merged:
    """Return the union of two sets of marks; where one author judged twice, the later time wins."""
    kept: dict[tuple[Subject, str], Mark] = {}
    for mark in sorted((*first, *second), key=age):
        kept[mark.identity] = mark
    marks = sorted(kept.values(), key=age)
    subjects: dict[Subject, list[Mark]] = {}
    for mark in marks:
        subjects.setdefault(mark.subject, []).append(mark)
    conflicts = tuple(tuple(group) for group in subjects.values() if len({m.verdict for m in group}) > 1)
    return Merged(tuple(marks), conflicts)


def in_force(marks: Iterable[Mark]) -> list[Mark]:
    """Return the latest mark of every subject, whoever made it, oldest first."""
    latest = {mark.subject: mark for mark in sorted(marks, key=age)}
    return sorted(latest.values(), key=age)
