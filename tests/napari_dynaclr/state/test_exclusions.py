"""Which things are excluded now and were not before, against plain loops over all marks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.curation import Identity, Mark, MarkKind, Verdict
from napari_dynaclr.state.exclusions import changed_exclusions

PEOPLE = ("anna", "bea")
said = st.tuples(st.sampled_from(list(Verdict)), st.integers(0, 9))
opinions = st.dictionaries(st.tuples(st.integers(0, 4), st.sampled_from(PEOPLE)), said, max_size=10)


def marks(found: dict[tuple[int, str], tuple[Verdict, int]]) -> dict[Identity, Mark]:
    result = {}
    for (track, author), (verdict, minute) in found.items():
        # no two people mark in the same moment
        when = datetime(2026, 1, 31, tzinfo=UTC) + timedelta(minutes=minute, seconds=PEOPLE.index(author))
        mark = Mark(MarkKind.TRACK, verdict, "june", "A/1/0", author, when, track_id=track)
        result[mark.identity] = mark
    return result


def excluded(found: dict[Identity, Mark]) -> set[int | None]:
    latest: dict[int | None, Verdict] = {}
    for mark in sorted(found.values(), key=lambda mark: mark.time):
        latest[mark.track_id] = Verdict(mark.verdict)
    return {track for track, verdict in latest.items() if verdict is Verdict.EXCLUDE}


@settings(deadline=None, max_examples=50)
@given(opinions, opinions)
def test_only_what_is_excluded_otherwise_is_counted(
    one: dict[tuple[int, str], tuple[Verdict, int]], other: dict[tuple[int, str], tuple[Verdict, int]]
) -> None:
    now, before = marks(one), marks(other)
    authors = {mark.author for mark in now.values()}
    assert changed_exclusions(now, before, authors) == len(excluded(now) ^ excluded(before))
    assert changed_exclusions(now, dict(now), authors) == 0
