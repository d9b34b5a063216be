"""Do, undo and redo over a set of marks; every action gives its inverse; knows no GUI and no file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dynaclr.curation.marks import Mark, merge

__all__ = ("Group", "History", "Put", "Remove")

_Marks = dict[object, Mark]


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
        self._marks: _Marks = {mark.identity: mark for mark in merge(marks).marks}
        self._save = save
        self._undo: list[Action] = []
        self._redo: list[Action] = []

    @property
    def marks(self) -> tuple[Mark, ...]:
        """All marks, oldest first."""
        return merge(self._marks.values()).marks

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to undo."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether an undone change can be done again."""
        return bool(self._redo)

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
