"""How far two people agree on what both judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynaclr.curation.marks import Mark, Verdict, merge


@dataclass(frozen=True, slots=True)
class Agreement:
    """Verdicts of two authors on what both judged.

    Attributes
    ----------
    counts
        (3, 3) subjects by verdict of the first (rows) and of the second author, in the order of `Verdict`.
    """

    counts: npt.NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of subjects that both judged."""
        return int(self.counts.sum())

    @property
    def observed(self) -> float:
        """Share of equal verdicts; NaN if there is no common subject."""
        return float(np.trace(self.counts) / self.n) if self.n else float("nan")

    @property
    def kappa(self) -> float:
        """Cohen's kappa, agreement beyond chance; NaN where chance alone gives full agreement."""
        if not self.n:
            return float("nan")
        expected = float(self.counts.sum(axis=0) @ self.counts.sum(axis=1) / self.n**2)
        return (self.observed - expected) / (1 - expected) if expected < 1 else float("nan")


def agreement(marks: Iterable[Mark], first: str, second: str) -> Agreement:
    """Compare two authors' latest verdicts on their common subjects.

    Parameters
    ----------
    marks
        Marks of both, for example of two files together.
    first, second
        Names of the authors.
    """
    verdicts: dict[str, dict[object, Verdict]] = {first: {}, second: {}}
    for mark in merge(marks).marks:
        if mark.author in verdicts:
            verdicts[mark.author][mark.subject] = mark.verdict
    place = {verdict: number for number, verdict in enumerate(Verdict)}
    counts = np.zeros((len(place), len(place)), dtype=np.int64)
    for subject, verdict in verdicts[first].items():
        if subject in verdicts[second]:
            counts[place[verdict], place[verdicts[second][subject]]] += 1
    return Agreement(counts)
