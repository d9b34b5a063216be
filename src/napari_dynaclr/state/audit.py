"""A random audit by one person: its sample, the answers, the error rate."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dynaclr.curation import Mark, Verdict
from dynaclr.suspicion import ErrorRate, error_rate
from napari_dynaclr.state.review import Review

_AUDIT = re.compile(r"audit (\d+)(?:$|: )")


@dataclass(frozen=True, slots=True)
class AuditState:
    """How far a random audit is: its number, the size of the sample, the error rate, and the unsure."""

    number: int
    size: int
    rate: ErrorRate
    unsure: int


class Audit:
    """The audit that goes on; its answers are marks whose reason names it.

    Parameters
    ----------
    mine
        Returns the marks of the person, oldest first.
    """

    def __init__(self, mine: Callable[[], Iterable[Mark]]) -> None:
        self.sample = Review()
        """What was drawn to be judged."""
        self._mine = mine
        self._number: int | None = None

    def look_up(self) -> None:
        """Go on with the latest audit in the marks: they are those of another person or file now."""
        self._number = None

    @property
    def number(self) -> int:
        """Number of the audit that goes on."""
        if self._number is None:
            self._number = max((audit_named_in(mark.reason) or 1 for mark in self._mine()), default=1)
        return self._number

    def begin_anew(self) -> None:
        """Begin another audit; what was answered before stays as marks."""
        if self.answers():
            self._number = self.number + 1
        self.sample.fill(())

    def is_answer(self, mark: Mark) -> bool:
        """Return whether a mark was given for this audit."""
        return audit_named_in(mark.reason) == self.number

    def answers(self) -> list[Mark]:
        """Return the person's answers of this audit, oldest first."""
        return [mark for mark in self._mine() if mark.reason.startswith("audit ") and self.is_answer(mark)]

    def state(self) -> AuditState:
        """Return how far the audit is."""
        counts = Counter(mark.verdict for mark in self.answers())
        wrong, right = counts[Verdict.EXCLUDE], counts[Verdict.ACCEPT]
        rate = error_rate(wrong, wrong + right)
        return AuditState(self.number, len(self.sample.items), rate, counts[Verdict.UNSURE])


def audit_named_in(reason: str) -> int | None:
    """Return the number of the audit that a reason names."""
    found = _AUDIT.match(reason)
    return int(found[1]) if found else None


def naming_audit(number: int, reason: str) -> str:
    """Return a reason that names an audit."""
    return ": ".join(filter(None, (f"audit {number}", reason)))
