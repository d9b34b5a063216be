from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from dynaclr.base.errors import DataError
from dynaclr.curation import (
    Group,
    History,
    Mark,
    MarkKind,
    Put,
    Remove,
    Verdict,
    agreement,
    in_force,
    merge,
)

START = datetime(2026, 1, 31, 12, tzinfo=UTC)


def mark(
    kind: str = "track", verdict: str = "exclude", author: str = "anna", minute: int = 0, **ids: Any
) -> Mark:
    if kind != "fov":
        ids.setdefault("track_id", 1)
    if kind in ("frame", "link"):
        ids.setdefault("t", 3)
    time = START + timedelta(minutes=minute)
    return Mark(MarkKind(kind), Verdict(verdict), "june", "A/1/0", author, time, **ids)


marks_of_all_kinds = st.lists(
    st.builds(
        mark,
        kind=st.sampled_from(list(MarkKind)),
        verdict=st.sampled_from(list(Verdict)),
        author=st.sampled_from(["anna", "ben"]),
        minute=st.integers(0, 4),
        track_id=st.integers(1, 3),
        t=st.integers(0, 2),
        parent_track_id=st.sampled_from([None, 1, 2]),
        reason=st.sampled_from(["", "swap"]),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=50)
@given(marks_of_all_kinds, marks_of_all_kinds)
@example([mark("fov", track_id=1)], [mark("fov", track_id=2)])  # differ only in what has no meaning
@example([mark("track", t=1, parent_track_id=1)], [mark("track", t=1, parent_track_id=2)])
def test_merging_is_a_union_in_which_later_wins(first: list[Mark], second: list[Mark]) -> None:
    merged = merge(first, second)
    shuffled = [*second, *first]
    random.Random(0).shuffle(shuffled)
    assert merge(shuffled) == merged
    assert merge(merged.marks, first) == merged
    expected: dict[Any, datetime] = {}
    for item in (*first, *second):
        expected[item.identity] = max(item.time, expected.get(item.identity, item.time))
    assert {item.identity: item.time for item in merged.marks} == expected
    verdicts: dict[Any, dict[str, Verdict]] = {}
    for item in merged.marks:
        verdicts.setdefault(item.subject, {})[item.author] = item.verdict
    disagreeing = {subject for subject, by in verdicts.items() if len(set(by.values())) > 1}
    assert {group[0].subject for group in merged.conflicts} == disagreeing
    latest = {item.subject: item for item in in_force(merged.marks)}
    for group in merged.conflicts:
        assert latest[group[0].subject] == group[-1]


def test_one_person_has_one_opinion_and_two_can_differ() -> None:
    old, new, other = mark(minute=0), mark(verdict="accept", minute=5), mark(author="ben", minute=2)
    merged = merge([new, other], [old])
    assert merged.marks == (other, new)
    assert merged.conflicts == ((other, new),)
    assert in_force(merged.marks) == [new]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (mark(t=3), mark(t=7), True),  # a track is one thing wherever it was looked at
        (mark("lineage", t=3), mark("lineage"), True),
        (mark("track"), mark("lineage"), False),
        (mark("frame", t=3), mark("frame", t=4), False),
        (mark("link", t=3), mark("link", t=3, parent_track_id=1), True),  # both inside track 1
        (mark("link", t=3), mark("link", t=3, parent_track_id=9), False),
        (mark("fov"), mark("fov", track_id=4), True),
    ],
)
def test_what_is_one_subject(first: Mark, second: Mark, same: bool) -> None:
    assert (first.subject == second.subject) is same


def test_times_are_kept_in_utc() -> None:
    berlin = datetime(2026, 1, 31, 13, tzinfo=timezone(timedelta(hours=1)))
    assert Mark(MarkKind.FOV, Verdict.ACCEPT, "june", "A/1/0", "anna", berlin).time == START


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "frame", "t": None}, "field t: a frame mark requires this"),
        ({"kind": "track", "track_id": None}, "field track_id"),
        ({"kind": "link", "t": None}, "field t: a link mark requires this"),
        ({"author": " "}, "field author"),
        ({"y": 3.0}, "needs both y and x"),
        ({"y": 3.0, "x": float("nan")}, "must be finite"),
        ({"t": -1}, "no frame"),
    ],
)
def test_marks_that_cannot_be(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        mark(**wrong)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(DataError, match="time has no time zone"):
        Mark(MarkKind.FOV, Verdict.ACCEPT, "june", "A/1/0", "anna", datetime(2026, 1, 31))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(list(Verdict)), st.sampled_from(list(Verdict))), max_size=30))
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[Verdict, Verdict]]) -> None:
    marks = [mark(author="anna", verdict=a, track_id=i) for i, (a, _) in enumerate(pairs)]
    marks += [mark(author="ben", verdict=b, track_id=i) for i, (_, b) in enumerate(pairs)]
    marks += [mark(author="ben", verdict="accept", track_id=1000), mark(author="eve", track_id=0)]
    result = agreement(marks, "anna", "ben")
    assert result.n == len(pairs)
    one_sided = len({verdict for pair in pairs for verdict in pair}) < 2
    if one_sided:
        assert np.isnan(result.kappa)
    else:
        assert result.kappa == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))
        assert result.observed == pytest.approx(np.mean([a == b for a, b in pairs]))


def test_history_undoes_and_redoes_and_saves() -> None:
    saved: list[tuple[Mark, ...]] = []
    first, changed, other = mark(), mark(verdict="unsure", minute=1), mark(track_id=2)
    history = History([first], saved.append)
    history.do(Put(changed))
    history.do(Group((Put(other), Remove(changed))))
    assert history.marks == (other,)
    assert history.undo()
    assert set(history.marks) == {changed}
    assert history.undo()
    assert history.marks == (first,)
    assert not history.undo()
    assert history.to_redo is not None
    assert history.redo()
    assert history.redo()
    assert not history.redo()
    assert history.marks == (other,)
    history.undo()
    history.do(Remove(first))
    assert history.to_redo is None
    assert [len(marks) for marks in saved] == [1, 1, 1, 1, 1, 1, 1, 0]


@settings(deadline=None, max_examples=50)
@given(marks_of_all_kinds, st.lists(st.tuples(st.booleans(), st.integers(0, 11)), max_size=12))
def test_undoing_everything_gives_what_was(marks: list[Mark], steps: list[tuple[bool, int]]) -> None:
    history = History(marks[:4], lambda marks: None)
    states = [history.marks]
    for put, place in steps:
        if marks:
            item = marks[place % len(marks)]
            history.do(Put(item) if put else Remove(item))
            states.append(history.marks)
    for state in reversed(states[:-1]):
        assert history.undo()
        assert history.marks == state
    for state in states[1:]:
        assert history.redo()
        assert history.marks == state


def test_a_change_that_cannot_be_saved_is_taken_back() -> None:
    full = False

    def save(marks: tuple[Mark, ...]) -> None:
        if full:
            raise OSError("disk full")

    history = History([], save)
    history.do(Put(mark()))
    full = True
    with pytest.raises(OSError, match="disk full"):
        history.do(Put(mark(track_id=2)))
    with pytest.raises(OSError, match="disk full"):
        history.undo()
    assert history.marks == (mark(),)
    assert history.to_undo is not None
