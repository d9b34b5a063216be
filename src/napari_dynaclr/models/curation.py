"""Marks of a project while people curate it: verdicts, queue, audit; evented, knows no Qt, no napari."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from psygnal import Signal

from dynaclr.curation import (
    Action,
    Agreement,
    Group,
    Identity,
    Mark,
    Put,
    Remove,
    SharedMarks,
    Subject,
    Verdict,
    agreement,
    marks_of,
    merge,
)
from dynaclr.errors import ConfigError, DataError, problem
from dynaclr.suspicion import ErrorRate, error_rate
from napari_dynaclr.models.review import Review
from napari_dynaclr.models.targets import Item

__all__ = ("REASONS", "AuditState", "Curation", "MergeReport", "Mode")

REASONS = (
    "identity swapped",
    "wrong daughter",
    "not a cell",
    "two cells as one",
    "dead or debris",
    "out of focus",
    "table of another field",
)
"""Reasons to begin with."""

_AUDIT = re.compile(r"audit (\d+)(?:$|: )")
_MOST_REASONS = 14


class Mode(StrEnum):
    """What a verdict is about."""

    CELL = "cell"
    QUEUE = "queue"
    AUDIT = "audit"
    MARKS = "marks"


@dataclass(frozen=True, slots=True)
class AuditState:
    """How far a random audit is: its number, the size of the sample, the error rate, and the unsure."""

    number: int
    size: int
    rate: ErrorRate
    unsure: int


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What another file of marks brought.

    Attributes
    ----------
    read, new
        Marks in the file, and those that were taken over.
    conflicts
        Things that are judged differently now, by anybody.
    agreements
        {author of the file: agreement with the user}.
    """

    read: int
    new: int
    conflicts: int
    agreements: Mapping[str, Agreement]


class Curation:
    """State of the curation of one project.

    Parameters
    ----------
    author
        Who marks.

    Raises
    ------
    ConfigError
        If the name is blank.
    """

    marks_changed = Signal()
    author_changed = Signal(str)
    mode_changed = Signal(object)
    """Mode."""

    def __init__(self, author: str) -> None:
        self.author = author
        self.queue, self.audit = Review(), Review()
        self._mode = Mode.CELL
        self._shared: SharedMarks | None = None
        self._at_setup: dict[Identity, Mark] = {}
        self._typed: list[str] = []
        self._authors: set[str] | None = None

    @property
    def author(self) -> str:
        """Who marks."""
        return self._author

    @author.setter
    def author(self, name: str) -> None:
        if not name.strip():
            raise ConfigError(problem("marks need a name", field="author", found="blank"))
        self._author = name.strip()
        self._audit_number: int | None = None
        self.author_changed.emit(self._author)

    @property
    def mode(self) -> Mode:
        """What a verdict is about."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        if mode != self._mode:
            self._mode = mode
            self.mode_changed.emit(mode)

    @property
    def review(self) -> Review | None:
        """The queue of the mode."""
        return {Mode.QUEUE: self.queue, Mode.AUDIT: self.audit}.get(self._mode)

    def open(self, shared: SharedMarks | None) -> None:
        """Work on the marks of another file; None for no project."""
        self._shared = shared
        self._at_setup = self.snapshot()
        self._audit_number = None
        counts = Counter(mark.reason for mark in reversed(self.marks) if mark.author == self._author)
        self._typed = [text for text, count in counts.items() if count > 1 and not _AUDIT.match(text)]
        self.queue.fill(())
        self.audit.fill(())
        self._changed()

    @property
    def shared(self) -> SharedMarks | None:
        """The file that is worked on."""
        return self._shared

    @property
    def marks(self) -> tuple[Mark, ...]:
        """All marks, oldest first."""
        return () if self._shared is None else self._shared.marks

    @property
    def authors(self) -> list[str]:
        """Everybody who has marked, and the user."""
        if self._authors is None:
            self._authors = {mark.author for mark in self.marks}
        return sorted({self._author, *self._authors})

    def _changed(self) -> None:
        self._authors = None
        self.marks_changed.emit()

    def reasons(self) -> list[str]:
        """Return reasons to offer, the latest first."""
        return list(dict.fromkeys((*self._typed, *REASONS)))[:_MOST_REASONS]

    def own(self, draft: Mark) -> Mark | None:
        """Return the user's mark on what a draft is about."""
        return self._by(draft, self._author)

    def _by(self, draft: Mark, author: str) -> Mark | None:
        return None if self._shared is None else self._shared.by_identity.get((draft.subject, author))

    def opinions(self, draft: Mark) -> list[Mark]:
        """Return everybody's marks on what a draft is about, the latest last."""
        found = [mark for author in self.authors if (mark := self._by(draft, author)) is not None]
        return sorted(found, key=lambda mark: mark.time)

    def verdict_of(self, item: Item, *, audit: bool = False) -> Verdict | None:
        """Return the user's verdict on an entry; in an audit only one given for it counts.

        Who has excluded a whole field of view has judged all that is in it.
        """
        mark = self.own(item.first)
        if mark is None and not audit and self._shared is not None:
            whole = self._shared.by_identity.get((item.first.fov_subject, self._author))
            mark = whole if whole is not None and whole.verdict is Verdict.EXCLUDE else None
        if mark is None or (audit and _audit_of(mark) != self.audit_number):
            return None
        return mark.verdict

    def judged(self, item: Item) -> bool:
        """Return whether the user has judged an entry of the current mode's queue."""
        return self.verdict_of(item, audit=self._mode is Mode.AUDIT) is not None

    def advance(self) -> bool:
        """Go to the next entry of the current queue that is not judged; return whether there is one."""
        review = self.review
        place = None if review is None else review.next_open(self.judged)
        if review is None or place is None:
            return False
        review.go(place)
        return True

    def fill(self, mode: Mode, items: Sequence[Item]) -> None:
        """Fill the queue of a mode; if it is the current one, go to the first entry that is not judged."""
        review = {Mode.QUEUE: self.queue, Mode.AUDIT: self.audit}[mode]
        review.fill(items)
        if self._mode is mode and review.current is not None and self.judged(review.current):
            self.advance()

    def judge(self, drafts: Sequence[Mark], verdict: Verdict, reason: str = "") -> None:
        """Mark what drafts are about and save; in the mode of the audit it counts for that.

        Raises
        ------
        ConfigError, DataError
            If the marks cannot be saved; nothing is changed then.
        """
        now, own = datetime.now(UTC), []
        for draft in drafts:
            before = self.own(draft)
            number = None if before is None else _audit_of(before)
            if self._mode is Mode.AUDIT:
                number = self.audit_number
            text = reason if number is None else ": ".join(filter(None, (f"audit {number}", reason)))
            own.append(replace(draft, verdict=verdict, author=self._author, time=now, reason=text))
        puts = tuple(Put(mark) for mark in own)
        self._opened().do(puts[0] if len(puts) == 1 else Group(puts))
        self._changed()

    def typed(self, reason: str) -> None:
        """Offer a reason that the user wrote again."""
        if reason:
            self._typed = [reason, *(text for text in self._typed if text != reason)]

    def delete(self, marks: Iterable[Mark]) -> None:
        """Take marks away, in one step, with the errors of `judge`."""
        removed = tuple(Remove(mark) for mark in marks)
        if removed:
            self._opened().do(Group(removed))
            self._changed()

    def take(self, marks: Sequence[Mark]) -> MergeReport:
        """Take over another person's marks in one step, with the errors of `judge`."""
        shared = self._opened()
        merged = merge(shared.marks, marks)
        new = [mark for mark in merged.marks if shared.by_identity.get(mark.identity) != mark]
        others = sorted({mark.author for mark in marks} - {self._author})
        if new:
            shared.do(Group(tuple(Put(mark) for mark in new)))
            self._changed()
        kappas = {other: agreement(merged.marks, self._author, other) for other in others}
        return MergeReport(len(marks), len(new), len(merged.conflicts), kappas)

    def undo(self) -> list[Mark]:
        """Take back the last change; return what it was about. Errors are those of `judge`."""
        shared = self._opened()
        action = shared.to_undo
        return self._travelled(action, shared.undo)

    def redo(self) -> list[Mark]:
        """Do again what was taken back; return what it is about. Errors are those of `judge`."""
        shared = self._opened()
        return self._travelled(shared.to_redo, shared.redo)

    def _travelled(self, action: Action | None, travel: Callable[[], None]) -> list[Mark]:
        if action is None:
            return []
        travel()
        self._changed()
        return marks_of(action)

    def refresh(self) -> bool:
        """Take over what others wrote; return whether there was anything. Errors are those of `judge`."""
        if self._shared is None or not self._shared.refresh():
            return False
        self._changed()
        return True

    def _opened(self) -> SharedMarks:
        if self._shared is None:
            raise DataError(problem("no marks are open", fix="Open a project first."))
        return self._shared

    def snapshot(self) -> dict[Identity, Mark]:
        """Return the marks as they are now, for `applied`."""
        return {} if self._shared is None else dict(self._shared.by_identity)

    def applied(self, snapshot: dict[Identity, Mark]) -> None:
        """Say that the data were set up with these marks."""
        self._at_setup = snapshot
        self._changed()

    def pending(self) -> int:
        """Return how many things are excluded otherwise than when the data were set up."""
        now = {} if self._shared is None else self._shared.by_identity
        changed = {subject for subject, _ in _differing(now, self._at_setup)}
        if not changed:
            return 0
        authors = {author for _, author in self._at_setup} | set(self.authors)
        return sum(
            _excluded(now, subject, authors) != _excluded(self._at_setup, subject, authors)
            for subject in changed
        )

    @property
    def audit_number(self) -> int:
        """Number of the audit that goes on."""
        if self._audit_number is None:
            mine = (mark for mark in self.marks if mark.author == self._author)
            self._audit_number = max((_audit_of(mark) or 1 for mark in mine), default=1)
        return self._audit_number

    def new_audit(self) -> None:
        """Begin another audit; what was answered before stays as marks."""
        if self.audit_answers():
            self._audit_number = self.audit_number + 1
        self.audit.fill(())

    def audit_answers(self) -> list[Mark]:
        """Return the user's answers of this audit, oldest first."""
        number = self.audit_number
        mine = (m for m in self.marks if m.author == self._author and m.reason.startswith("audit "))
        return [mark for mark in mine if _audit_of(mark) == number]

    def audit_state(self) -> AuditState:
        """Return how far the audit is."""
        counts = Counter(mark.verdict for mark in self.audit_answers())
        wrong, right = counts[Verdict.EXCLUDE], counts[Verdict.ACCEPT]
        rate = error_rate(wrong, wrong + right)
        return AuditState(self.audit_number, len(self.audit.items), rate, counts[Verdict.UNSURE])


def _audit_of(mark: Mark) -> int | None:
    found = _AUDIT.match(mark.reason)
    return int(found[1]) if found else None


def _differing(now: Mapping[Identity, Mark], before: Mapping[Identity, Mark]) -> list[Identity]:
    """Return the (subject, author) of marks that are not the same in both."""
    both = zip(now, now.values(), map(before.get, now), strict=True)
    names = [name for name, mark, old in both if old is not mark and old != mark]
    names += [name for name in before if name not in now]
    return names


def _excluded(marks: Mapping[Identity, Mark], subject: Subject, authors: Iterable[str]) -> bool:
    """Return whether the latest verdict on a subject excludes it."""
    found = [mark for author in authors if (mark := marks.get((subject, author))) is not None]
    return bool(found) and max(found, key=lambda mark: mark.time).verdict is Verdict.EXCLUDE
