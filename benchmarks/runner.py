"""Compares two implementations in one run, so that a busy machine slows both alike."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """Ratios candidate time / reference time, one a pair, against the largest allowed one."""

    name: str
    ratios: tuple[float, ...]
    limit: float
    candidate_seconds: float
    reference_seconds: float

    @property
    def passed(self) -> bool:
        return statistics.median(self.ratios) <= self.limit

    def __str__(self) -> str:
        verdict = "pass" if self.passed else "FAIL"
        low, high = min(self.ratios), max(self.ratios)
        return (
            f"{verdict}  {self.name}: {statistics.median(self.ratios):.3g} x the reference "
            f"(range {low:.3g}-{high:.3g}, limit {self.limit:.3g}); "
            f"{1e3 * self.candidate_seconds:.3g} ms against {1e3 * self.reference_seconds:.3g} ms"
        )


def seconds(function: Callable[[], object], at_least: float) -> float:
    """Time one call, averaged over as many calls as fill `at_least` seconds."""
    calls, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < at_least or not calls:
        function()
        calls += 1
    return elapsed / calls


def compare(
    name: str,
    candidate: Callable[[], object],
    reference: Callable[[], object],
    *,
    limit: float,
    pairs: int = 5,
    at_least: float = 0.1,
) -> Result:
    """Alternate candidate and reference, after one call each to warm up, and print the median ratio."""
    candidate()
    reference()
    times = [(seconds(candidate, at_least), seconds(reference, at_least)) for _ in range(pairs)]
    result = Result(
        name,
        tuple(own / other for own, other in times),
        limit,
        statistics.median(own for own, _ in times),
        statistics.median(other for _, other in times),
    )
    print(result, flush=True)
    return result


def finish(results: Sequence[Result]) -> None:
    """End the process: 1 when a limit was missed, else 0."""
    sys.exit(0 if all(result.passed for result in results) else 1)
