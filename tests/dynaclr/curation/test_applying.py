from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.curation import FovNames, Mark, MarkKind, Match, Verdict, apply_marks, cut_links, match_marks
from dynaclr.tracks.lineage import build_forest
from dynaclr.tracks.table import CellTable, Relation, RelativeLookup, build_table

FRAMES = 8
NAMES = FovNames(
    {("june", "A/1/0"): 0, ("june", "B/1/0"): 1},
    {"june": frozenset({"A/1/0", "B/1/0", "C/1/0"})},
)
TIME = datetime(2026, 1, 31, tzinfo=UTC)


def table_of(tracks: list[tuple[int, int, int, list[int]]], seed: int = 0) -> CellTable:
    """Table of (fov, id, position of the parent or -1, frames) given in the order of FOVs."""
    rng = np.random.Generator(np.random.Philox(seed))
    t = np.concatenate([np.array(times, dtype=np.int64) for *_, times in tracks])
    track = np.repeat(np.arange(len(tracks)), [len(times) for *_, times in tracks])
    places = rng.uniform(0, 100, (2, t.size))
    return build_table(
        {"t": t, "y": places[0], "x": places[1], "id": np.arange(t.size)},
        track,
        np.array([number for _, number, *_ in tracks], dtype=np.int64),
        np.array([fov for fov, *_ in tracks]),
        build_forest(np.array([parent for *_, parent, _ in tracks])),
        np.full(2, FRAMES),
    )


@st.composite
def tables(draw: st.DrawFn) -> CellTable:
    tracks: list[tuple[int, int, int, list[int]]] = []
    for fov in (0, 1):
        for number in range(draw(st.integers(1, 5))):
            mothers = [i for i, item in enumerate(tracks) if item[0] == fov]
            parent = draw(st.sampled_from([-1, *mothers]))
            first = 0 if parent < 0 else tracks[parent][3][0]
            times = draw(st.sets(st.integers(first, FRAMES - 1), min_size=1))
            tracks.append((fov, number * 3 + 1, parent, sorted(times)))
    return table_of(tracks, draw(st.integers(0, 5)))


def links_of(table: CellTable) -> dict[int, int]:
    """{row: row before} by looking at one row after the other; across tracks to the last before it."""
    before: dict[int, int] = {}
    for row in range(len(table)):
        own = [
            r for r in range(len(table)) if table.track[r] == table.track[row] and table.t[r] < table.t[row]
        ]
        parent = table.forest.parent[table.track[row]]
        if not own and parent >= 0:
            own = [r for r in range(len(table)) if table.track[r] == parent and table.t[r] < table.t[row]]
            own = own or [-1 - int(parent)]  # a parent that is not seen before: a link without an end
        if own:
            before[row] = max(own, key=lambda r: table.t[r] if r >= 0 else -1)
    return before


def ancestors(row: int, before: dict[int, int]) -> set[int]:
    found = set()
    while row in before and before[row] >= 0:
        row = before[row]
        found.add(row)
    return found


@settings(deadline=None, max_examples=50)
@given(tables(), st.data())
def test_nobody_is_reached_across_a_cut(table: CellTable, data: st.DataObject) -> None:
    before = links_of(table)
    arrivals = data.draw(st.sets(st.sampled_from(sorted(before)))) if before else set()
    result, order = cut_links(table, np.array(sorted(arrivals), dtype=np.int64))
    assert sorted(order.tolist()) == list(range(len(table)))
    for name in ("t", "y", "x"):
        assert np.array_equal(getattr(result, name), getattr(table, name)[order])
    assert np.array_equal(result.extra["id"], table.extra["id"][order])
    assert np.array_equal(result.track_id[result.track], table.track_id[table.track[order]])
    assert np.array_equal(result.fov_of(), table.fov_of(order))
    assert np.all(np.diff(result.frame_key) > 0)
    left = {row: other for row, other in before.items() if row not in arrivals}
    lookup = RelativeLookup(result, Relation.DESCENDANT)
    was = RelativeLookup(table, Relation.DESCENDANT)
    for new, old in enumerate(order.tolist()):
        for step in range(1, FRAMES):
            low, high = lookup.ranges(np.array([new]), np.array([step]))
            found = set(order[lookup.rows_of(np.arange(low[0], high[0]))].tolist())
            low, high = was.ranges(np.array([old]), np.array([step]))
            candidates = set(was.rows_of(np.arange(low[0], high[0])).tolist())
            # what stays is what was there and is not behind a cut of the same track or a mother's link
            assert found <= candidates
            for other in candidates:
                direct = old in ancestors(other, before)
                if direct:
                    assert (other in found) == (old in ancestors(other, left))


def test_a_split_keeps_children_with_the_part_they_follow() -> None:
    table = table_of([(0, 1, -1, [0, 1, 2, 3]), (0, 2, 0, [4, 5]), (0, 3, 0, [4, 5])])
    row = int(np.flatnonzero((table.t == 2) & (table.track_id[table.track] == 1))[0])
    result, _ = cut_links(table, np.array([row]))
    assert result.track_id.tolist() == [1, 1, 2, 3]
    assert result.forest.root.tolist() == [0, 1, 1, 1]
    assert [result.t[result.track == k].tolist() for k in range(4)] == [[0, 1], [2, 3], [4, 5], [4, 5]]


def mark(kind: str, fov: str = "A/1/0", verdict: str = "exclude", **ids: Any) -> Mark:
    return Mark(MarkKind(kind), Verdict(verdict), "june", fov, ids.pop("author", "anna"), TIME, **ids)


@settings(deadline=None, max_examples=50)
@given(tables(), st.data())
def test_marks_by_id_exclude_what_a_loop_over_rows_finds(table: CellTable, data: st.DataObject) -> None:
    kinds = st.sampled_from(["track", "lineage", "frame", "fov"])
    marks = []
    for _ in range(data.draw(st.integers(0, 6))):
        kind, fov = data.draw(kinds), data.draw(st.sampled_from(["A/1/0", "B/1/0", "C/1/0"]))
        ids = {"track_id": data.draw(st.integers(0, 14)), "t": data.draw(st.integers(0, FRAMES))}
        marks.append(mark(kind, fov, **ids))
    curated = apply_marks(marks, table, NAMES)
    fovs = ["A/1/0", "B/1/0"]
    hit: dict[str, set[int]] = {kind: set() for kind in ("fov", "lineage", "track", "frame")}
    for item in marks:
        for row in range(len(table)):
            track = int(table.track[row])
            root = int(table.forest.root[track])
            named = [
                k
                for k in range(table.n_tracks)
                if table.track_id[k] == item.track_id and fovs[table.track_fov[k]] == item.fov_name
            ]
            match = {
                "fov": True,
                "track": track in named,
                "lineage": root in [int(table.forest.root[k]) for k in named],
                "frame": track in named and int(table.t[row]) == item.t,
            }[item.kind.value]
            if match and fovs[table.fov_of(slice(row, row + 1))[0]] == item.fov_name:
                hit[item.kind.value].add(row)
    assert set(np.flatnonzero(curated.excluded).tolist()) == set().union(*hit.values())
    assert curated.report.rows == {kind: len(rows) for kind, rows in hit.items()}
    assert curated.report.excluded == len(set().union(*hit.values()))
    subjects = {item.subject for item in marks if item.fov_name != "C/1/0"}
    assert curated.report.marks == len(subjects)
    assert curated.report.by_id + len(curated.report.unmatched) == len(subjects)


def test_a_new_run_of_the_tracker_changes_ids() -> None:
    table = table_of([(0, 1, -1, list(range(8))), (0, 2, -1, list(range(8))), (1, 1, -1, [0, 1])])
    one = int(np.flatnonzero((table.t == 3) & (table.track_id[table.track] == 1))[0])
    two = int(np.flatnonzero((table.t == 3) & (table.track_id[table.track] == 2))[0])
    place = {"t": 3, "y": float(table.y[two]) + 2, "x": float(table.x[two]) - 1}
    moved = [
        mark("track", track_id=99, **place),  # the id is gone
        mark("lineage", track_id=1, **place),  # the id is there but is another cell now
        mark("frame", track_id=98, **place),
        mark("link", track_id=97, **place),
    ]
    matched = match_marks(moved, table, NAMES, 10.0)
    assert matched.how.tolist() == [Match.BY_PLACE] * 4
    assert matched.row.tolist() == [two] * 4
    report = apply_marks(moved, table, NAMES).report
    assert (report.by_id, report.by_place, report.cut_links) == (0, 4, 1)
    near = {"t": 3, "y": float(table.y[one]), "x": float(table.x[one]) + 1}
    assert match_marks([mark("track", track_id=1, **near)], table, NAMES, 10.0).how[0] == Match.BY_ID
    lost = apply_marks([mark("track", track_id=1, t=3, y=-500.0, x=0.0)], table, NAMES).report
    assert lost.unmatched == [
        "track june/A/1/0 track 1 frame 3: no cell within 10 px of (-500.0, 0.0) at frame 3"
    ]
    assert "1 marks: 0 found by id, 0 by position within 10 px, 1 not found" in lost.lines()


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (mark("track", track_id=77), "no track 77, and the mark has no position"),
        (mark("frame", track_id=1, t=7), "track 1 has no observation at frame 7"),
        (mark("frame", track_id=1, t=70), "track 1 has no observation at frame 70"),
        (mark("link", track_id=1, t=0), "track 1 starts at frame 0 and has no parent"),
        (mark("link", track_id=2, t=4, parent_track_id=9), "the parent of track 2 is now 1"),
        (mark("link", track_id=2, t=5, parent_track_id=1), "track 2 does not start at frame 5"),
        (mark("fov", fov="Z/9/9"), "has no FOV 'Z/9/9'"),
        (mark("track", track_id=1, t=60, y=1.0, x=1.0), "no cell within 10 px"),
    ],
)
def test_marks_that_are_found_nowhere_are_listed(item: Mark, why: str) -> None:
    table = table_of([(0, 1, -1, [0, 1, 2, 3]), (0, 2, 0, [4, 5])])
    report = apply_marks([item], table, NAMES).report
    assert len(report.unmatched) == 1
    assert why in report.unmatched[0]
    assert (report.excluded, report.cut_links, report.marks) == (0, 0, 1)


def test_links_of_mothers_need_no_frame() -> None:
    table = table_of([(0, 1, -1, [0, 1, 2, 3]), (0, 2, 0, [4, 5]), (0, 3, 0, [4, 5])])
    curated = apply_marks([mark("link", track_id=2, parent_track_id=1)], table, NAMES)
    assert curated.report.cut_links == 1
    assert curated.table.forest.parent[curated.table.track_id == 2].tolist() == [-1]
    assert curated.table.forest.parent[curated.table.track_id == 3].tolist() != [-1]


def test_marks_elsewhere_are_not_counted_and_only_the_latest_exclusion_acts() -> None:
    table = table_of([(0, 1, -1, [0, 1]), (0, 2, -1, [0, 1])])
    later = Mark(*(MarkKind.TRACK, Verdict.ACCEPT, "june", "A/1/0", "ben", TIME.replace(hour=5)), track_id=2)
    marks = [
        mark("track", track_id=1),
        mark("track", track_id=2),
        later,
        mark("frame", track_id=2, t=0, verdict="unsure"),
        mark("fov", fov="C/1/0"),
    ]
    report = apply_marks(marks, table, NAMES).report
    assert (report.marks, report.excluded, report.unmatched) == (1, 2, [])
