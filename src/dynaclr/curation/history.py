"""Do, undo and redo over a set of marks; every action gives its inverse."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dynaclr.curation.marks import Identity, Mark, age, merge

_FEW = 64


class _Marks(dict[Identity, Mark]):
    """Marks by identity that can tell them oldest first without sorting them all after every change."""

    def __init__(self, marks: Iterable[Mark]) -> None:
        self._ordered = list(merge(marks).marks)
        self._taken: list[Mark] = []
        self._added: list[Mark] = []
        super().__init__((mark.identity, mark) for mark in self._ordered)

    def __setitem__(self, identity: Identity, mark: Mark) -> None:
        if identity in self:
            self.pop(identity)
        super().__setitem__(identity, mark)
        self._added.append(mark)

    def pop(self, identity: Identity, default: Mark | None = None) -> Mark | None:  # type: ignore[override] # of one type
        mark = super().pop(identity, None)
        if mark is None:
            return default
        if len(self._added) <= _FEW and mark in self._added:
            self._added.remove(mark)
        else:
            self._taken.append(mark)
        return mark

    def ordered(self) -> list[Mark]:
        """Return the marks, oldest first; the list must not be changed."""
        if len(self._taken) + len(self._added) > _FEW:
            self._ordered = sorted(self.values(), key=age)
        else:
            for mark in self._taken:
                del self._ordered[bisect_left(self._ordered, age(mark), key=age)]
            for mark in self._added:
                insort(self._ordered, mark, key=age)
        self._taken, self._added = [], []
        return self._ordered


@dataclass(frozen=True, slots=True)
class Put:
    """Add a mark; its author's earlier mark on the same subject is replaced."""

    mark: Mark

    def apply(self, marks: _Marks) -> Action:
        """Change the marks and return what undoes it."""
        before = marks.get(self.mark.identity)
        marks[self.mark.identity] = self.mark
        return Remove(self.mark) if before is None else Put(before)


@dataclass(frozen=True, slots=True)
class Remove:
    """Take away the author's mark on a subject; nothing happens where there is none."""

    mark: Mark

    def apply(self, marks: _Marks) -> Action:
        """Change the marks and return what undoes it."""
        before = marks.pop(self.mark.identity, None)
        return Group(()) if before is None else Put(before)


@dataclass(frozen=True, slots=True)
class Group:
    """Several actions that are done and undone together."""

    actions: tuple[Action, ...]

    def apply(self, marks: _Marks) -> Action:
        """Change the marks and return what undoes it."""
        inverses = [action.apply(marks) for action in self.actions]
        return Group(tuple(reversed(inverses)))


Action = Put | Remove | Group


def marks_of(action: Action) -> list[Mark]:
    """Return the marks that an action is about, in its order."""
    if isinstance(action, Group):
        return [mark for part in action.actions for mark in marks_of(part)]
    return [action.mark]


class History:
    """A set of marks with undo and redo; every change is saved before it counts.

    Parameters
    ----------
    marks
        What is there at the start.
    save
        Called with all marks after every change, oldest first. If it raises, the change is taken back
        and the error goes on to the caller: what is shown is what is saved.
    """

    def __init__(self, marks: Iterable[Mark], save: Callable[[tuple[Mark, ...]], None]) -> None:
        self._marks = _Marks(marks)
        self._save = save
        self._undo: list[Action] = []
        self._redo: list[Action] = []

    @property
    def marks(self) -> tuple[Mark, ...]:
        """All marks, oldest first."""
        return tuple(self._marks.ordered())

    @property
    def by_identity(self) -> Mapping[Identity, Mark]:
        """All marks by (subject, author)."""
        return MappingProxyType(self._marks)

    @property
    def to_undo(self) -> Action | None:
        """What `undo` would do; None if there is nothing to undo."""
        return self._undo[-1] if self._undo else None

    @property
    def to_redo(self) -> Action | None:
        """What `redo` would do; None if there is nothing to do again."""
        return self._redo[-1] if self._redo else None

    def do(self, action: Action) -> None:
        """Do an action; what was undone before can no longer be done again."""
        self._undo.append(self._apply(action))
        self._redo.clear()

    def undo(self) -> bool:
        """Take back the last change; return whether there was one."""
        return self._step(self._undo, self._redo)

    def redo(self) -> bool:
        """Do again what was undone last; return whether there was anything."""
        return self._step(self._redo, self._undo)

    def refresh(self, added: Iterable[Mark], removed: Iterable[Mark]) -> None:
        """Take over what was changed elsewhere and is saved already; the later of two marks stays.

        Steps on these marks can no longer be undone or done again; all other steps can.
        """
        changed = set()
        for mark in removed:
            if self._marks.get(mark.identity) == mark:
                self._marks.pop(mark.identity)
            changed.add(mark.identity)
        for mark in added:
            there = self._marks.get(mark.identity)
            if there is None or age(there) < age(mark):
                self._marks[mark.identity] = mark
            changed.add(mark.identity)
        for steps in (self._undo, self._redo):
            steps[:] = [step for step in steps if changed.isdisjoint(m.identity for m in marks_of(step))]

    def _step(self, source: list[Action], target: list[Action]) -> bool:
        if not source:
            return False
        target.append(self._apply(source[-1]))
        source.pop()
        return True

    def _apply(self, action: Action) -> Action:
        inverse = action.apply(self._marks)
        try:
            self._save(self.marks)
        except BaseException:
            inverse.apply(self._marks)
            raise
        return inverse
