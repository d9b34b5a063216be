"""Filters and sorts marks for a list of any length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dynaclr.curation import Mark, Subject

GLYPHS = {"exclude": "\N{MULTIPLICATION X}", "accept": "\N{CHECK MARK}", "unsure": "?"}
"""A sign for each verdict, so that color is not needed."""

COLUMNS = ("Verdict", "What", "Where", "Reason", "By", "When")
"""Titles of the columns."""


@dataclass(frozen=True, slots=True)
class MarkFilter:
    """Which marks to show; blank means all.

    Attributes
    ----------
    text
        Words that must all occur in the shown text, upper and lower case alike.
    kind, verdict, author
        Exact values.
    conflicts
        Whether only things are shown that people judge differently.
    """

    text: str = ""
    kind: str = ""
    verdict: str = ""
    author: str = ""
    conflicts: bool = False


def conflicting(marks: Sequence[Mark]) -> set[Subject]:
    """Return the marks on which annotators disagree."""
    if len({mark.author for mark in marks}) < 2:
        return set()
    first: dict[Subject, Mark] = {}
    found = set()
    for mark in marks:
        other = first.setdefault(mark.subject, mark)
        if other.verdict != mark.verdict:
            found.add(mark.subject)
    return found


def _what(mark: Mark) -> str:
    parts = [mark.kind.value]
    if mark.parent_track_id not in (None, mark.track_id):
        parts.append(f"{mark.parent_track_id} \N{RIGHTWARDS ARROW}")
    parts += [] if mark.track_id is None else [str(mark.track_id)]
    parts += [f"@ {mark.t}"] if mark.t is not None and mark.kind in ("link", "frame") else []
    return " ".join(parts)


class MarkTexts:
    """Texts of marks, made once each."""

    def __init__(self) -> None:
        self._texts: dict[int, tuple[Mark, tuple[str, ...], str]] = {}

    def of(self, mark: Mark) -> tuple[str, ...]:
        """Return the texts of a mark by column."""
        return self._entry(mark)[1]

    def _entry(self, mark: Mark) -> tuple[Mark, tuple[str, ...], str]:
        entry = self._texts.get(id(mark))
        if entry is None:
            texts = (
                f"{GLYPHS[mark.verdict]} {mark.verdict.value}",
                _what(mark),
                f"{mark.fov_name} {mark.experiment}",
                mark.reason,
                mark.author,
                mark.time.astimezone().strftime("%Y-%m-%d %H:%M"),
            )
            entry = self._texts[id(mark)] = (mark, texts, " ".join(texts).casefold())
        return entry

    def select(
        self, marks: Sequence[Mark], wanted: MarkFilter, column: int = 5, descending: bool = True
    ) -> list[Mark]:
        """Return the marks that a filter lets through, sorted by a column.

        Parameters
        ----------
        marks
            Oldest first.
        wanted
            The filter.
        column, descending
            Number of the column, and the direction.
        """
        if len(self._texts) > 2 * len(marks) + 1000:
            self._texts.clear()
        words = wanted.text.casefold().split()
        tests: list[Callable[[Mark], bool]] = []
        if wanted.kind:
            tests.append(lambda mark: mark.kind.value == wanted.kind)
        if wanted.verdict:
            tests.append(lambda mark: mark.verdict.value == wanted.verdict)
        if wanted.author:
            tests.append(lambda mark: mark.author == wanted.author)
        if wanted.conflicts:
            subjects = conflicting(marks)
            tests.append(lambda mark: mark.subject in subjects)
        found = list(marks)
        for test in tests:
            found = [mark for mark in found if test(mark)]
        if words:
            found = [mark for mark in found if all(word in self._entry(mark)[2] for word in words)]
        if column == len(COLUMNS) - 1:
            return found[::-1] if descending else found
        if column == 1:
            return sorted(found, key=_ids, reverse=descending)
        return sorted(found, key=lambda mark: self.of(mark)[column], reverse=descending)


def _ids(mark: Mark) -> tuple[str, int, int]:
    return (
        mark.kind.value,
        -1 if mark.track_id is None else mark.track_id,
        -1 if mark.t is None else mark.t,
    )
