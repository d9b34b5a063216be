"""Why an observation is no anchor, against the definitions spelled out row by row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.index.anchors import Exclusion, anchor_exclusions
from dynaclr.tracks.lineage import build_forest
from dynaclr.tracks.table import CellTable, Relation, RelativeLookup, build_table

FRAMES = (8, 5)  # of the two FOVs
Spec = list[tuple[int, int, list[int]]]  # (fov, place of the parent or -1, frames) of each track


def table_of(spec: Spec) -> CellTable:
    """Return the table of tracks; a track's id is its place in the list."""
    track = np.repeat(np.arange(len(spec)), [len(times) for _, _, times in spec])
    t = np.array([time for _, _, times in spec for time in times], dtype=np.int64)
    columns = {"t": t, "y": np.zeros(t.size), "x": np.zeros(t.size)}
    forest = build_forest(np.array([parent for _, parent, _ in spec]))
    fov = np.array([fov for fov, _, _ in spec])
    return build_table(columns, track, np.arange(len(spec)), fov, forest, np.array(FRAMES))


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    spec: Spec = []
    for fov, frames in enumerate(FRAMES):
        first = len(spec)
        for _ in range(draw(st.integers(1, 4))):
            parent = draw(st.sampled_from([-1, *range(first, len(spec))]))
            spec.append((fov, parent, sorted(draw(st.sets(st.integers(0, frames - 1), min_size=1)))))
    return spec


def family(spec: Spec, track: int, relation: Relation) -> list[int]:
    """Return the tracks whose cells count: itself, its descendants, or all of its root."""

    def line(place: int) -> list[int]:
        return [place] if spec[place][1] < 0 else [place, *line(spec[place][1])]

    if relation is Relation.TRACK:
        return [track]
    if relation is Relation.DESCENDANT:
        return [other for other in range(len(spec)) if track in line(other)]
    return [other for other in range(len(spec)) if line(other)[-1] == line(track)[-1]]


def cause(
    spec: Spec, track: int, t: int, relation: Relation, tau: list[list[int]], border: set[int]
) -> Exclusion:
    """Return the first cause that applies; the end of a family is that of its descendants."""
    fov, _, times = spec[track]
    low, high = tau[fov]
    seen = {time for other in family(spec, track, relation) for time in spec[other][2]}
    if any(t + offset in seen for offset in range(low, high + 1)):
        return Exclusion.NONE
    below = Relation.TRACK if relation is Relation.TRACK else Relation.DESCENDANT
    end = max(time for other in family(spec, track, below) for time in spec[other][2])
    if t + low >= FRAMES[fov]:
        return Exclusion.LAST_FRAMES
    if end >= t + low:
        return Exclusion.GAP
    if end - times[0] < low:
        return Exclusion.SHORT_TRACK
    return Exclusion.BORDER if track in border else Exclusion.TRACK_END


@settings(deadline=None, max_examples=50)
@given(
    specs(),
    st.sampled_from([Relation.TRACK, Relation.DESCENDANT, Relation.LINEAGE]),
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2)), min_size=2, max_size=2),
    st.sets(st.integers(0, 7)),
)
def test_causes_are_those_of_the_definitions(
    spec: Spec, relation: Relation, ranges: list[tuple[int, int]], border: set[int]
) -> None:
    table = table_of(spec)
    tau = [[low, low + span] for low, span in ranges]
    near = np.isin(table.track_id[table.track], list(border))
    exclusion = anchor_exclusions(RelativeLookup(table, relation), np.array(tau), {}, near)
    for row in range(len(table)):
        track, t = int(table.track_id[table.track[row]]), int(table.t[row])
        assert Exclusion(exclusion[row]) is cause(spec, track, t, relation, tau, border), (track, t)


def test_what_is_left_out_is_told_by_the_first_cause_and_is_no_positive() -> None:
    table = table_of([(0, -1, [0, 1, 2, 3])])
    masks = {
        Exclusion.EXCLUDED: np.array([False, True, False, False]),
        Exclusion.BLANK: np.array([False, True, True, False]),
    }
    usable = ~(masks[Exclusion.EXCLUDED] | masks[Exclusion.BLANK])
    near = np.zeros(4, dtype=bool)
    lookup = RelativeLookup(table, Relation.TRACK, usable)
    exclusion = anchor_exclusions(lookup, np.array([[1, 2], [1, 2]]), masks, near)
    assert exclusion.tolist() == [Exclusion.GAP, Exclusion.EXCLUDED, Exclusion.BLANK, Exclusion.TRACK_END]


def test_the_cell_itself_is_always_a_positive_of_the_relation_self() -> None:
    table = table_of([(0, -1, [7]), (1, -1, [4])])
    masks = {Exclusion.BLANK: np.array([True, False])}
    lookup = RelativeLookup(table, Relation.SELF)
    exclusion = anchor_exclusions(lookup, np.zeros((2, 2), dtype=np.int64), masks, np.zeros(2, dtype=bool))
    assert exclusion.tolist() == [Exclusion.BLANK, Exclusion.NONE]


@pytest.mark.parametrize(("low", "high"), [(1, 1), (3, 5), (8, 9)])
def test_no_row_is_lost_twice_or_forgotten(low: int, high: int) -> None:
    table = table_of([(0, -1, list(range(8))), (0, 0, [7]), (1, -1, [0, 4])])
    near = np.zeros(len(table), dtype=bool)
    exclusion = anchor_exclusions(
        RelativeLookup(table, Relation.DESCENDANT), np.tile([low, high], (2, 1)), {}, near
    )
    assert np.bincount(exclusion, minlength=len(Exclusion)).sum() == len(table)
