"""Reasons to choose from."""

from __future__ import annotations

from datetime import UTC, datetime

from dynaclr.curation import Mark, MarkKind, Verdict
from napari_dynaclr.state.audit import naming_audit
from napari_dynaclr.state.reasons import REASONS, Reasons


def marks(*reasons: str) -> list[Mark]:
    when = datetime(2026, 1, 31, tzinfo=UTC)
    return [
        Mark(MarkKind.TRACK, Verdict.EXCLUDE, "june", "A/1/0", "anna", when, reason=reason, track_id=track)
        for track, reason in enumerate(reasons)
    ]


def test_reasons_are_offered_with_the_latest_first() -> None:
    reasons = Reasons()
    assert reasons.offered() == list(REASONS)
    for reason in ("mitotic", "not a cell", "mitotic"):
        reasons.add(reason)
    reasons.add("")
    assert reasons.offered()[:2] == ["mitotic", "not a cell"]
    assert len(reasons.offered()) == len(REASONS) + 1


def test_what_was_written_more_than_once_is_offered_again() -> None:
    reasons = Reasons()
    reasons.add("typed")
    audit = naming_audit(2, "swap")
    reasons.learn(marks("blurred", "late", "once", audit, "late", audit, "blurred"))
    assert reasons.offered() == ["blurred", "late", *REASONS]


def test_a_list_to_choose_from_stays_short() -> None:
    reasons = Reasons()
    for number in range(100):
        reasons.add(f"reason {number}")
    assert reasons.offered()[0] == "reason 99"
    assert len(reasons.offered()) == 2 * len(REASONS)
