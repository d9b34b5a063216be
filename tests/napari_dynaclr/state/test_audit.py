"""A random audit, without a file and without a window."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from dynaclr.curation import Mark, MarkKind, Verdict
from dynaclr.suspicion import error_rate
from napari_dynaclr.state.audit import Audit, audit_named_in, naming_audit
from napari_dynaclr.state.targets import Item


def answer(track: int, verdict: Verdict, reason: str) -> Mark:
    when = datetime(2026, 1, 31, tzinfo=UTC)
    return Mark(MarkKind.TRACK, verdict, "june", "A/1/0", "anna", when, reason=reason, track_id=track)


@pytest.mark.parametrize(("number", "reason"), [(1, ""), (3, "swap"), (12, "audit 4: seen")])
def test_a_reason_names_its_audit(number: int, reason: str) -> None:
    assert audit_named_in(naming_audit(number, reason)) == number


@pytest.mark.parametrize("reason", ["", "swap", "audit", "audit 7 is no audit", "the audit 7"])
def test_free_text_names_none(reason: str) -> None:
    assert audit_named_in(reason) is None


def test_an_audit_goes_on_with_its_number_and_answers() -> None:
    marks = [
        answer(1, Verdict.EXCLUDE, "audit 1"),
        answer(2, Verdict.EXCLUDE, "audit 2: swap"),
        answer(3, Verdict.ACCEPT, "audit 2"),
        answer(4, Verdict.UNSURE, "audit 2"),
        answer(5, Verdict.EXCLUDE, "audit 7 is no audit"),
    ]
    audit = Audit(lambda: marks)
    audit.sample.fill([Item(math.nan, "", (mark,)) for mark in marks])
    assert audit.answers() == marks[1:4]
    state = audit.state()
    assert (state.number, state.size, state.unsure) == (2, 5, 1)
    assert state.rate == error_rate(1, 2)
    assert [audit.is_answer(mark) for mark in marks] == [False, True, True, True, False]


def test_another_audit_begins_only_after_answers() -> None:
    marks: list[Mark] = []
    audit = Audit(lambda: marks)
    audit.begin_anew()
    assert audit.number == 1
    marks.append(answer(1, Verdict.ACCEPT, naming_audit(1, "")))
    audit.sample.fill([Item(math.nan, "", tuple(marks))])
    audit.begin_anew()
    assert (audit.number, audit.answers(), audit.sample.items) == (2, [], ())
    audit.look_up()
    assert (audit.number, audit.answers()) == (1, marks)
