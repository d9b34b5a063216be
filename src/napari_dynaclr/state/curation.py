"""State of curation: annotator, marks, undo, merging; evented."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from psygnal import Signal

from dynaclr.base.errors import ConfigError, DataError, problem
from dynaclr.curation import (
    Action,
    Agreement,
    Group,
    Identity,
    Mark,
    Put,
    Remove,
    SharedMarks,
    Verdict,
    agreement,
    marks_of,
    merge,
)
from napari_dynaclr.state.audit import Audit, audit_named_in, naming_audit
from napari_dynaclr.state.exclusions import changed_exclusions
from napari_dynaclr.state.reasons import Reasons
from napari_dynaclr.state.review import Review
from napari_dynaclr.state.targets import Item


class Mode(StrEnum):
    """What a verdict applies to."""

    CELL = "cell"
    QUEUE = "queue"
    AUDIT = "audit"
    MARKS = "marks"


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
        self.queue, self.audit, self.reasons = Review(), Audit(self._mine), Reasons()
        self._mode = Mode.CELL
        self._shared: SharedMarks | None = None
        self._at_setup: dict[Identity, Mark] = {}
        self._authors: set[str] | None = None
        self.author = author

    @property
    def author(self) -> str:
        """Name of the annotator."""
        return self._author

    @author.setter
    def author(self, name: str) -> None:
        if not name.strip():
            raise ConfigError(problem("marks need the annotator's name", field="author", found="blank"))
        self._author = name.strip()
        self.audit.look_up()
        self.author_changed.emit(self._author)

    @property
    def mode(self) -> Mode:
        """What a verdict applies to."""
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        if mode != self._mode:
            self._mode = mode
            self.mode_changed.emit(mode)

    @property
    def review(self) -> Review | None:
        """The queue of the mode."""
        return {Mode.QUEUE: self.queue, Mode.AUDIT: self.audit.sample}.get(self._mode)

    def open(self, shared: SharedMarks | None) -> None:
        """Work on the marks of another file; None for no project."""
        self._shared = shared
        self._at_setup = self.snapshot()
        self.audit.look_up()
        self.reasons.learn(self._mine())
        self.queue.fill(())
        self.audit.sample.fill(())
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

    def _mine(self) -> Iterator[Mark]:
        """Return the user's marks, oldest first."""
        return (mark for mark in self.marks if mark.author == self._author)

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
        if mark is None or (audit and not self.audit.is_answer(mark)):
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
        review = {Mode.QUEUE: self.queue, Mode.AUDIT: self.audit.sample}[mode]
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
            number = None if before is None else audit_named_in(before.reason)
            if self._mode is Mode.AUDIT:
                number = self.audit.number
            text = reason if number is None else naming_audit(number, reason)
            own.append(replace(draft, verdict=verdict, author=self._author, time=now, reason=text))
        puts = tuple(Put(mark) for mark in own)
        self._opened().do(puts[0] if len(puts) == 1 else Group(puts))
        self._changed()

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
        """Undo the last change; return what it was about. Errors are those of `judge`."""
        shared = self._opened()
        action = shared.to_undo
        return self._travelled(action, shared.undo)

    def redo(self) -> list[Mark]:
        """Redo the last undone change; return what it is about. Errors are those of `judge`."""
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
        return changed_exclusions(now, self._at_setup, self.authors)
