"""Reasons that an annotator can choose from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from dynaclr.curation import Mark
from napari_dynaclr.state.audit import audit_named_in

REASONS = (
    "identity swapped",
    "wrong daughter",
    "not a cell",
    "two cells as one",
    "dead or debris",
    "out of focus",
    "table of another FOV",
)
"""Reasons to begin with."""

_MOST = 14


class Reasons:
    """What the user wrote, the latest first, and the reasons to begin with."""

    def __init__(self) -> None:
        self._typed: list[str] = []

    def learn(self, marks: Iterable[Mark]) -> None:
        """Offer what the user wrote more than once, and nothing else that was typed.

        Parameters
        ----------
        marks
            Those of the user, oldest first.
        """
        counts = Counter(reversed([mark.reason for mark in marks]))
        self._typed = [text for text, count in counts.items() if count > 1 and audit_named_in(text) is None]

    def add(self, reason: str) -> None:
        """Offer a reason that the user wrote again."""
        if reason:
            self._typed = [reason, *(text for text in self._typed if text != reason)]

    def offered(self) -> list[str]:
        """Return the reasons to offer, the latest first."""
        return list(dict.fromkeys((*self._typed, *REASONS)))[:_MOST]
