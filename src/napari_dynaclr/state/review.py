"""A queue of items to judge, and the current position in it; evented."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from psygnal import Signal

from dynaclr.curation import Subject
from napari_dynaclr.state.targets import Item

__all__ = ("Review",)


class Review:
    """Entries in order, and the current one."""

    items_changed = Signal()
    position_changed = Signal(int)

    def __init__(self) -> None:
        self._items: tuple[Item, ...] = ()
        self._position = 0
        self._places: dict[Subject, int] = {}

    @property
    def items(self) -> tuple[Item, ...]:
        """All entries."""
        return self._items

    @property
    def position(self) -> int:
        """Number of the current entry."""
        return self._position

    @property
    def current(self) -> Item | None:
        """The current entry; None if there is none."""
        return self._items[self._position] if self._items else None

    def fill(self, items: Sequence[Item]) -> None:
        """Replace the entries; the current one stays that, else the first is."""
        before, self._items = self.current, tuple(items)
        self._places = {item.first.subject: place for place, item in reversed(list(enumerate(self._items)))}
        place = None if before is None else self.find(before.first.subject)
        self._position = place or 0
        self.items_changed.emit()
        self.position_changed.emit(self._position)

    def go(self, position: int) -> None:
        """Make an entry the current one; beyond the ends it is the first or last."""
        position = min(max(position, 0), len(self._items) - 1)
        if position >= 0 and position != self._position:
            self._position = position
            self.position_changed.emit(position)

    def find(self, subject: Subject) -> int | None:
        """Return the number of the entry about a subject."""
        return self._places.get(subject)

    def next_open(self, judged: Callable[[Item], bool]) -> int | None:
        """Return the next entry that is not judged, after the end from the beginning; None if all are."""
        count = len(self._items)
        around = ((self._position + step) % count for step in range(1, count + 1))
        return next((place for place in around if not judged(self._items[place])), None)
