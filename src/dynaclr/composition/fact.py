"""One thing to know about batches, in words; counts nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to know about batches.

    Attributes
    ----------
    section, name
        What it is about.
    value
        In words.
    reference
        What to hold beside it: the pool, the request, chance; empty for nothing.
    flagged
        Whether a person should look at it.
    meaning
        Why it matters, in a sentence.
    """

    section: str
    name: str
    value: str
    reference: str = ""
    flagged: bool = False
    meaning: str = ""

    def line(self) -> str:
        """Return the fact as a line of text."""
        beside = f"  ({self.reference})" if self.reference else ""
        return f"{'! ' if self.flagged else '  '}{self.section:<11} {self.name:<38} {self.value}{beside}"


def percent(share: float) -> str:
    """Return a share in words."""
    return "unknown" if not np.isfinite(share) else f"{100 * share:.1f} %"
