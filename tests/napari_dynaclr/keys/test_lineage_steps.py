"""Steps through a family against a reference on plain lists."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.tracks.lineage import build_forest
from dynaclr.tracks.table import build_table
from napari_dynaclr.keys.steps import STEP_ACTIONS, Step, descent, neighbours, strip_rows
from napari_dynaclr.presentation.lineage_layout import LineageLayout, family_rows, lay_out

FRAMES = 14
Tracks = list[tuple[int, list[int]]]
Place = tuple[int, int]


def make_layout(tracks: Tracks) -> LineageLayout:
    """Lay out one family from (place of the mother, frames) of each track; the first is the root."""
    number = np.repeat(np.arange(len(tracks)), [len(times) for _, times in tracks])
    t = np.array([moment for _, times in tracks for moment in times], dtype=np.int64)
    columns = {"t": t, "y": np.zeros(t.size), "x": np.zeros(t.size)}
    forest = build_forest(np.array([mother for mother, _ in tracks]))
    fov = np.zeros(len(tracks), dtype=int)
    table = build_table(columns, number, np.arange(len(tracks)), fov, forest, np.array([FRAMES]))
    rows = family_rows(table, 0)
    return lay_out(table, rows, np.zeros(rows.size, dtype=int), np.zeros(rows.size, dtype=bool), (0.0, 1.0))


@st.composite
def families(draw: st.DrawFn) -> Tracks:
    tracks: Tracks = []
    for place in range(draw(st.integers(1, 8))):
        mother = draw(st.integers(0, place - 1)) if place else -1
        earliest = tracks[mother][1][0] if place else 0
        times = draw(st.sets(st.integers(earliest, FRAMES - 1), min_size=1, max_size=6))
        tracks.append((mother, sorted(times)))
    return tracks


def origin(tracks: Tracks, track: int) -> Place:
    mother, times = tracks[track]
    earlier = [moment for moment in tracks[mother][1] if moment < times[0]]
    return mother, earlier[-1] if earlier else tracks[mother][1][0]


def expected_steps(tracks: Tracks, track: int, moment: int) -> dict[Step, Place | None]:
    mother, times = tracks[track]
    children = [k for k, (other, _) in enumerate(tracks) if other == track]
    siblings = [k for k, (other, _) in enumerate(tracks) if other == mother and mother >= 0]
    before, after = [m for m in times if m < moment], [m for m in times if m > moment]
    sister = None
    if len(siblings) > 1:
        who = siblings[(siblings.index(track) + 1) % len(siblings)]
        sister = who, min(tracks[who][1], key=lambda other: (abs(other - moment), other))
    return {
        Step.PREVIOUS: (track, before[-1]) if before else None,
        Step.NEXT: (track, after[0]) if after else None,
        Step.MOTHER: origin(tracks, track) if mother >= 0 else None,
        Step.FIRST_DAUGHTER: (children[0], tracks[children[0]][1][0]) if children else None,
        Step.SECOND_DAUGHTER: (children[1], tracks[children[1]][1][0]) if len(children) > 1 else None,
        Step.SISTER: sister,
    }


def places(layout: LineageLayout) -> dict[int, Place]:
    """Return {row: (track, frame)}."""
    track = layout.track_id[layout.node_track].tolist()
    return dict(zip(layout.row.tolist(), zip(track, layout.frame.tolist(), strict=True), strict=True))


@settings(deadline=None, max_examples=50)
@given(families())
def test_steps_equal_the_reference(tracks: Tracks) -> None:
    layout = make_layout(tracks)
    where = places(layout)
    for row, (track, moment) in where.items():
        found = {step: None if to is None else where[to] for step, to in neighbours(layout, row).items()}
        assert found == expected_steps(tracks, track, moment)


@settings(deadline=None, max_examples=50)
@given(families())
def test_descent_walks_from_the_root(tracks: Tracks) -> None:
    layout = make_layout(tracks)
    where = places(layout)
    for row, (track, moment) in where.items():
        line = [(track, m) for m in tracks[track][1] if m <= moment][::-1]
        while tracks[track][0] >= 0:
            track, moment = origin(tracks, track)
            line += [(track, m) for m in tracks[track][1] if m <= moment][::-1]
        assert [where[int(layout.row[node])] for node in descent(layout, row)] == line[::-1]


@settings(deadline=None, max_examples=50)
@given(families(), st.integers(2, 12), st.data())
def test_a_strip_is_a_thinned_descent(tracks: Tracks, limit: int, data: st.DataObject) -> None:
    layout = make_layout(tracks)
    row = data.draw(st.sampled_from(layout.row.tolist()))
    whole = layout.row[descent(layout, row)].tolist()
    strip = strip_rows(layout, row, limit).tolist()
    assert len(strip) == min(limit, len(whole))
    assert (strip[0], strip[-1]) == (whole[0], whole[-1])
    assert [r for r in whole if r in strip] == strip
    turns = {r for a, b in pairwise(whole) for r in (a, b) if places(layout)[a][0] != places(layout)[b][0]}
    assert len(turns) + 2 > limit or turns <= set(strip)


def test_a_row_of_another_family_has_no_steps() -> None:
    with pytest.raises(KeyError):
        neighbours(make_layout([(-1, [0, 1])]), 9)


def test_every_step_has_one_key_of_its_own() -> None:
    assert [action.step for action in STEP_ACTIONS] == list(Step)
    assert [action.shortcut for action in STEP_ACTIONS] == ["K", "J", "U", "N", "Shift+N", "W"]
