"""Tables, relatives, anchors and pairs against references that walk tracks one by one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.base.errors import ConfigError
from dynaclr.base.random import BatchKey, Purpose, uniforms
from dynaclr.dataset.pairs import Kin, TauLaw, candidates_of, draw_pairs, kin_of
from dynaclr.index.anchors import Exclusion, anchor_exclusions
from dynaclr.tracks.lineage import build_forest
from dynaclr.tracks.table import CellTable, Relation, RelativeLookup, build_table

FRAMES = 12


def make_table(spec: list[tuple[int, int, list[int]]], n_fovs: int = 1) -> CellTable:
    """Build a table from (fov, parent place or -1, frames) of each track; FOVs must not decrease."""
    track = np.repeat(np.arange(len(spec)), [len(times) for _, _, times in spec])
    t = np.array([time for _, _, times in spec for time in times], dtype=np.int64)
    columns = {"t": t, "y": np.zeros(t.size), "x": np.zeros(t.size)}
    forest = build_forest(np.array([parent for _, parent, _ in spec]))
    fov = np.array([fov for fov, _, _ in spec])
    return build_table(columns, track, np.arange(len(spec)) + 10, fov, forest, np.full(n_fovs, FRAMES))


@st.composite
def tables(draw: st.DrawFn) -> CellTable:
    spec: list[tuple[int, int, list[int]]] = []
    for fov in range(2):
        first = len(spec)
        for _ in range(draw(st.integers(1, 6))):
            parent = draw(st.integers(-1, len(spec) - first - 1))
            times = draw(st.sets(st.integers(0, FRAMES - 1), min_size=1, max_size=8))
            spec.append((fov, parent + first if parent >= 0 else -1, sorted(times)))
    return make_table(spec, 2)


def related(table: CellTable, relation: Relation, a: int, b: int) -> bool:
    if table.fov_of(np.array([a]))[0] != table.fov_of(np.array([b]))[0]:
        return False
    ta, tb = int(table.track[a]), int(table.track[b])
    line = [tb]
    while table.forest.parent[line[-1]] >= 0:
        line.append(int(table.forest.parent[line[-1]]))
    if relation is Relation.TRACK:
        return ta == tb
    if relation is Relation.DESCENDANT:
        return ta in line
    return bool(table.forest.root[ta] == line[-1])


def reference(
    table: CellTable, relation: Relation, usable: npt.NDArray[np.bool_], row: int, offset: int
) -> set[int]:
    return {
        other
        for other in range(len(table))
        if usable[other] and table.t[other] == table.t[row] + offset and related(table, relation, row, other)
    }


@settings(deadline=None, max_examples=60)
@given(tables(), st.sampled_from([Relation.DESCENDANT, Relation.TRACK, Relation.LINEAGE]), st.data())
def test_relatives_equal_a_search_through_all_rows(
    table: CellTable, relation: Relation, data: st.DataObject
) -> None:
    usable = np.array(data.draw(st.lists(st.booleans(), min_size=len(table), max_size=len(table))))
    lookup = RelativeLookup(table, relation, usable)
    rows = np.arange(len(table))
    for offset in (-1, 1, 2, 5):
        low, high = lookup.ranges(rows, np.full(rows.size, offset))
        for row in rows.tolist():
            found = set(lookup.rows_of(np.arange(low[row], high[row])).tolist())
            assert found == reference(table, relation, usable, row, offset)


@settings(deadline=None, max_examples=60)
@given(tables(), st.sampled_from(list(Relation)), st.integers(1, 3), st.integers(0, 3))
def test_anchors_are_rows_with_a_positive(table: CellTable, relation: Relation, low: int, span: int) -> None:
    everything = np.ones(len(table), dtype=bool)
    tau = np.tile([low, low + span], (2, 1))
    exclusion = anchor_exclusions(RelativeLookup(table, relation), tau, {}, ~everything)
    for row in range(len(table)):
        has = relation is Relation.SELF or any(
            reference(table, relation, everything, row, offset) for offset in range(low, low + span + 1)
        )
        assert (exclusion[row] == Exclusion.NONE) == has


def test_causes_of_lost_anchors() -> None:
    table = make_table(
        [(0, -1, [0, 1, 5]), (0, -1, [3]), (0, -1, [4, 5, 6]), (0, -1, [10, 11]), (0, -1, [2, 3, 4])]
    )
    border = table.track == table.track[np.flatnonzero(table.track_id[table.track] == 12)[0]]
    masks = {Exclusion.BLANK: (table.track_id[table.track] == 14) & (table.t == 2)}
    exclusion = anchor_exclusions(RelativeLookup(table, Relation.TRACK), np.array([[1, 2]]), masks, border)
    causes = {
        (int(table.track_id[k]), int(t)): Exclusion(v)
        for k, t, v in zip(table.track, table.t, exclusion, strict=True)
    }
    assert causes[(10, 0)] is Exclusion.NONE
    assert causes[(10, 1)] is Exclusion.GAP
    assert causes[(10, 5)] is Exclusion.TRACK_END
    assert causes[(11, 3)] is Exclusion.SHORT_TRACK
    assert causes[(12, 6)] is Exclusion.BORDER
    assert causes[(13, 11)] is Exclusion.LAST_FRAMES
    assert causes[(14, 2)] is Exclusion.BLANK


def division() -> CellTable:
    return make_table([(0, -1, [0, 1, 2]), (0, 0, [3, 4, 5, 6]), (0, 0, [3, 5, 6])])


def test_descendants_are_positives_and_sisters_are_not() -> None:
    table = division()
    lookup = RelativeLookup(table, Relation.DESCENDANT)
    law = TauLaw(np.array([[1, 3]]))
    daughter = int(np.flatnonzero((table.track == 1) & (table.t == 3))[0])
    assert set(table.track[candidates_of(lookup, law, daughter).rows]) == {1}
    mother = int(np.flatnonzero((table.track == 0) & (table.t == 2))[0])
    assert set(table.track[candidates_of(lookup, law, mother).rows]) == {1, 2}


def test_draws_follow_the_law_restricted_to_what_exists() -> None:
    table = division()
    lookup, law = RelativeLookup(table, Relation.DESCENDANT), TauLaw(np.array([[1, 3]]), 2.0)
    sister = int(
        np.flatnonzero((table.track == 2) & (table.t == 3))[0]
    )  # offsets 2 and 3 only: frame 4 is a gap
    count = 30_000
    draw = draw_pairs(lookup, law, np.full(count, sister), uniforms(BatchKey(0, 0, 0), Purpose.TAU, count, 2))
    weights = np.exp(-2.0 * np.array([1, 2]) / 2)
    shares = np.bincount(draw.tau_frames, minlength=4)[2:] / count
    assert shares == pytest.approx(weights / weights.sum(), abs=0.01)
    assert set(np.unique(draw.requested_frames)) == {1, 2, 3}


def test_candidates_add_up_and_match_the_draws() -> None:
    table = division()
    lookup, law = RelativeLookup(table, Relation.DESCENDANT), TauLaw(np.array([[1, 3]]), 1.0)
    mother = int(np.flatnonzero((table.track == 0) & (table.t == 1))[0])
    candidates = candidates_of(lookup, law, mother)
    assert candidates.probability.sum() == pytest.approx(1)
    count = 30_000
    draw = draw_pairs(lookup, law, np.full(count, mother), uniforms(BatchKey(3, 0, 0), Purpose.TAU, count, 2))
    for row, probability in zip(candidates.rows, candidates.probability, strict=True):
        assert np.mean(draw.positive == row) == pytest.approx(probability, abs=0.012)


def test_an_anchor_is_never_its_own_positive_unless_asked() -> None:
    table = division()
    rows = np.array([0, 1])
    uniform = uniforms(BatchKey(0, 0, 0), Purpose.TAU, 2, 2)
    own = draw_pairs(
        RelativeLookup(table, Relation.SELF), TauLaw(np.zeros((1, 2), dtype=np.int64)), rows, uniform
    )
    assert own.positive.tolist() == rows.tolist()
    other = draw_pairs(RelativeLookup(table, Relation.DESCENDANT), TauLaw(np.array([[1, 2]])), rows, uniform)
    assert np.all(other.tau_frames >= 1)
    assert np.all(other.positive != rows)


def test_same_ids_in_two_fovs_are_never_relatives() -> None:
    table = make_table([(0, -1, [0, 1]), (1, -1, [0, 1])], 2)
    lookup = RelativeLookup(table, Relation.LINEAGE)
    low, high = lookup.ranges(np.arange(4), np.ones(4, dtype=np.int64))
    pairs = [
        (row, other) for row in range(4) for other in lookup.rows_of(np.arange(low[row], high[row])).tolist()
    ]
    assert all(table.fov_of(np.array([a]))[0] == table.fov_of(np.array([b]))[0] for a, b in pairs)
    assert len(pairs) == 2


def test_kin_codes() -> None:
    table = division()
    row = {(int(k), int(t)): i for i, (k, t) in enumerate(zip(table.track, table.t, strict=True))}
    pairs = [((0, 0), (0, 0)), ((0, 0), (0, 1)), ((0, 0), (1, 3)), ((1, 3), (2, 5)), ((1, 4), (0, 2))]
    kin = kin_of(table, np.array([row[a] for a, _ in pairs]), np.array([row[b] for _, b in pairs]))
    assert kin.tolist() == [Kin.SELF, Kin.SAME_TRACK, Kin.DESCENDANT, Kin.OTHER_RELATIVE, Kin.OTHER_RELATIVE]


def test_each_fov_has_its_own_law() -> None:
    """Offsets and the speed of the decay follow the FOV's own range, wide or narrow."""
    law = TauLaw(np.array([[1, 2], [1, 5]]), 2.0)
    offsets, weights = law.offsets(np.array([0, 1, 0]), 9)
    narrow = [1.0, np.exp(-2.0), 0.0, 0.0, 0.0]
    wide = [np.exp(-2.0 * step / 4) for step in range(5)]
    assert np.allclose(weights, [narrow, wide, narrow])
    assert offsets.tolist() == [[1, 2, 3, 4, 5]] * 3


def test_an_interval_of_a_millisecond_makes_no_more_offsets_than_frames() -> None:
    law = TauLaw(np.array([[1, 7_200_000_000]]), 2.0)
    offsets, weights = law.offsets(np.array([0, 0]), 20)
    assert offsets.tolist() == [list(range(1, 21))] * 2
    assert weights == pytest.approx(1.0)  # all are at the very beginning of the range


def test_a_descendant_is_later_than_its_ancestor() -> None:
    """A parent that goes on after its child starts: at one frame they are relatives, not descendants."""
    table = make_table([(0, -1, [0, 1, 2]), (0, 0, [1, 2])], 3)
    row = {(int(k), int(t)): i for i, (k, t) in enumerate(zip(table.track, table.t, strict=True))}
    pairs = [((0, 1), (1, 1)), ((0, 1), (1, 2)), ((0, 2), (1, 1))]
    kin = kin_of(table, np.array([row[a] for a, _ in pairs]), np.array([row[b] for _, b in pairs]))
    assert kin.tolist() == [Kin.OTHER_RELATIVE, Kin.DESCENDANT, Kin.OTHER_RELATIVE]


def test_an_offset_with_two_candidates_is_no_likelier_than_the_law_says() -> None:
    table = make_table([(0, -1, [0, 1]), (0, 0, [2]), (0, 0, [2])])  # one cell a frame later, two after that
    law = TauLaw(np.array([[1, 2]]), 2.0)
    found = candidates_of(RelativeLookup(table, Relation.DESCENDANT), law, 0)
    assert found.tau_frames.tolist() == [1, 2, 2]
    second = np.exp(-2.0) / (1 + np.exp(-2.0))
    assert np.allclose(found.probability, [1 - second, second / 2, second / 2])


def test_bad_decay_is_refused() -> None:
    with pytest.raises(ConfigError, match="tau_decay_rate"):
        TauLaw(np.array([[1, 2]]), -1.0)
