"""The state of curation, without a window."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.curation import Mark, MarkKind, SharedMarks, Verdict, read_marks, write_marks
from napari_dynaclr.presentation.mark_list import MarkFilter, MarkTexts, conflicting
from napari_dynaclr.state.curation import Curation, Mode
from napari_dynaclr.state.targets import Item

TIME = datetime(2026, 1, 31, tzinfo=UTC)


def mark(track: int = 1, author: str = "nobody", minute: int = 0, **values: Any) -> Mark:
    values = {"kind": MarkKind.LINK, "verdict": "unsure", "t": 5, "parent_track_id": track, **values}
    when = TIME + timedelta(minutes=minute)
    return Mark(experiment="june", fov_name="A/1/0", author=author, time=when, track_id=track, **values)


def item(track: int, score: float = 2.0) -> Item:
    return Item(score, f"jumps {track} px", (mark(track),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "curation.csv"


@pytest.fixture
def curation(path: Path) -> Curation:
    model = Curation("anna")
    model.open(SharedMarks(path))
    return model


def test_a_verdict_is_a_mark_in_the_file(curation: Curation, path: Path) -> None:
    seen: list[int] = []
    curation.marks_changed.connect(lambda: seen.append(len(curation.marks)))
    curation.judge([mark(1)], Verdict.EXCLUDE, "not a cell")
    curation.judge([mark(2), mark(3)], Verdict.ACCEPT)
    assert seen == [1, 3]
    (first, *rest) = read_marks(path)
    assert (first.author, first.verdict, first.reason) == ("anna", "exclude", "not a cell")
    assert abs(first.time - datetime.now(UTC)) < timedelta(minutes=5)
    assert {item.track_id for item in rest} == {2, 3}
    assert [about.track_id for about in curation.undo()] == [3, 2]
    assert len(read_marks(path)) == 1
    assert {about.track_id for about in curation.redo()} == {2, 3}
    curation.delete(curation.marks[:1])
    assert [item.track_id for item in read_marks(path)] == [2, 3]
    assert curation.undo()[0].track_id == 1
    assert len(read_marks(path)) == 3


def test_nothing_open_and_no_name_are_errors(curation: Curation) -> None:
    with pytest.raises(DataError, match="no marks are open"):
        Curation("anna").judge([mark(1)], Verdict.EXCLUDE)
    with pytest.raises(ConfigError, match="author"):
        curation.author = "  "
    assert curation.author == "anna"


def test_the_queue_goes_to_what_is_not_judged(curation: Curation) -> None:
    curation.mode = Mode.QUEUE
    curation.queue.fill([item(track) for track in range(4)])
    curation.judge(curation.queue.items[1].drafts, Verdict.ACCEPT)
    assert curation.queue.next_open(curation.judged) == 2
    curation.queue.go(3)
    assert curation.queue.next_open(curation.judged) == 0
    curation.queue.go(99)
    assert curation.queue.position == 3
    for entry in curation.queue.items:
        curation.judge(entry.drafts, Verdict.UNSURE)
    assert curation.queue.next_open(curation.judged) is None
    assert curation.queue.find(mark(2).subject) == 2


def test_an_excluded_field_of_view_settles_what_is_in_it(curation: Curation) -> None:
    curation.mode = Mode.QUEUE
    elsewhere = Item(2.0, "jumps", (replace(mark(9), fov_name="B/1/0"),))
    curation.queue.fill([item(1), item(2), elsewhere])
    whole = mark(3, kind=MarkKind.FOV)
    curation.judge([whole], Verdict.UNSURE)
    assert not curation.judged(item(1))
    curation.judge([whole], Verdict.EXCLUDE)
    assert curation.verdict_of(item(1)) is Verdict.EXCLUDE
    assert curation.verdict_of(item(1), audit=True) is None  # an audit asks for every link
    assert curation.queue.next_open(curation.judged) == 2
    curation.judge(item(1).drafts, Verdict.ACCEPT)
    assert curation.verdict_of(item(1)) is Verdict.ACCEPT
    curation.undo()
    curation.undo()
    assert not curation.judged(item(1))


def test_only_what_changes_a_training_waits_to_be_applied(curation: Curation, path: Path) -> None:
    curation.judge([mark(1)], Verdict.ACCEPT)
    assert curation.pending() == 0
    curation.judge([mark(1)], Verdict.EXCLUDE)
    curation.judge([mark(2)], Verdict.EXCLUDE)
    assert curation.pending() == 2
    curation.applied(curation.snapshot())
    assert curation.pending() == 0
    other = SharedMarks(path)
    model = Curation("bea")
    model.open(other)
    model.judge([mark(2)], Verdict.ACCEPT)
    assert curation.refresh()
    assert curation.pending() == 1  # the later verdict counts, whoever gave it
    curation.delete([curation.own(mark(1)) or mark(1)])
    assert curation.pending() == 2
    assert [said.author for said in curation.opinions(mark(2))] == ["anna", "bea"]
    assert curation.authors == ["anna", "bea"]


def test_audits_are_counted_from_their_marks_and_go_on(curation: Curation, path: Path) -> None:
    curation.judge([mark(50)], Verdict.EXCLUDE, "audit 7 is no audit")  # free text
    curation.mode = Mode.AUDIT
    curation.audit.sample.fill([item(track, math.nan) for track in range(10)])
    verdicts = [Verdict.ACCEPT] * 5 + [Verdict.EXCLUDE] * 2 + [Verdict.UNSURE]
    for entry, verdict in zip(curation.audit.sample.items, verdicts, strict=False):
        curation.judge(entry.drafts, verdict, "swap" if verdict is Verdict.EXCLUDE else "")
    state = curation.audit.state()
    assert (state.number, state.size, state.rate.wrong, state.rate.judged, state.unsure) == (1, 10, 2, 7, 1)
    assert {said.reason for said in curation.audit.answers()} == {"audit 1", "audit 1: swap"}
    curation.mode = Mode.QUEUE
    curation.judge([mark(0)], Verdict.EXCLUDE, "seen again")
    assert curation.audit.state().rate.wrong == 3  # a changed mind stays an answer
    again = Curation("anna")
    again.open(SharedMarks(path))
    assert again.audit.state().rate == curation.audit.state().rate
    again.audit.begin_anew()
    assert again.audit.number == 2
    assert again.audit.state().rate.judged == 0
    assert again.verdict_of(item(1)) is Verdict.ACCEPT
    assert again.verdict_of(item(1), audit=True) is None
    again.author = "bea"
    assert again.audit.number == 1
    assert again.audit.answers() == []


def test_another_persons_file_is_merged_in_one_step(curation: Curation) -> None:
    rng = np.random.Generator(np.random.Philox(0))
    mine, theirs = rng.integers(0, 3, 30), rng.integers(0, 3, 30)
    verdicts = list(Verdict)
    for track in range(30):
        curation.judge([mark(track)], verdicts[mine[track]])
    before = curation.marks
    other = [mark(track, "bea", verdict=verdicts[theirs[track]]) for track in range(30)]
    other += [mark(99, "bea"), mark(5, "anna", verdict="exclude")]  # an older mark of one's own
    report = curation.take(other)
    assert (report.read, report.new, report.conflicts) == (32, 31, int(np.count_nonzero(mine != theirs)))
    assert report.agreements["bea"].kappa == pytest.approx(cohen_kappa_score(mine, theirs))
    assert curation.take(other).new == 0
    curation.undo()
    assert curation.marks == before


def test_reasons_are_those_of_the_user_of_the_file(curation: Curation, path: Path) -> None:
    curation.reasons.add("typed once")
    for track in range(2):
        curation.judge([mark(track)], Verdict.EXCLUDE, "blurred")
    again = Curation("anna")
    again.open(SharedMarks(path))
    assert "typed once" not in again.reasons.offered()
    assert again.reasons.offered()[0] == "blurred"
    other = Curation("bea")
    other.open(SharedMarks(path))
    assert "blurred" not in other.reasons.offered()


def test_a_broken_file_changes_nothing(curation: Curation, path: Path) -> None:
    curation.judge([mark(1)], Verdict.EXCLUDE)
    text = path.read_text()
    path.write_text(text.replace("exclude", "exlude"))
    for step in (lambda: curation.judge([mark(2)], Verdict.ACCEPT), curation.undo, curation.refresh):
        with pytest.raises(DataError, match=r"line 2, field verdict.*'exlude'"):
            step()
    assert len(curation.marks) == 1
    path.write_text(text)
    assert curation.undo()


MANY = [
    mark(7, "anna", 0, verdict="exclude", reason="Jumps far"),
    mark(8, "bea", 1, verdict="accept", kind="track"),
    mark(7, "bea", 2, verdict="accept", reason="fine"),
    mark(3, "anna", 3, kind="frame"),
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (MarkFilter(), [3, 2, 1, 0]),
        (MarkFilter(text="JUMPS june"), [0]),
        (MarkFilter(kind="link", author="bea"), [2]),
        (MarkFilter(verdict="accept"), [2, 1]),
        (MarkFilter(conflicts=True), [2, 0]),
        (MarkFilter(text="nothing"), []),
    ],
)
def test_marks_are_filtered(wanted: MarkFilter, found: list[int]) -> None:
    assert MarkTexts().select(MANY, wanted) == [MANY[place] for place in found]


@pytest.mark.parametrize("column", range(6))
def test_marks_are_sorted_by_any_column(column: int) -> None:
    texts = MarkTexts()
    up, down = (texts.select(MANY, MarkFilter(), column, descending) for descending in (False, True))
    assert sorted(map(str, up)) == sorted(map(str, down)) == sorted(map(str, MANY))
    if column not in (1, 5):
        assert [texts.of(m)[column] for m in up] == sorted(texts.of(m)[column] for m in MANY)
    assert texts.of(up[0])[column] == texts.of(down[-1])[column]


def test_one_person_has_no_conflicts(tmp_path: Path) -> None:
    assert conflicting([m for m in MANY if m.author == "anna"]) == set()
    assert conflicting(MANY) == {MANY[0].subject}
    write_marks(tmp_path / "x.csv", MANY)
    assert conflicting(read_marks(tmp_path / "x.csv")) == {MANY[0].subject}
