"""Tables and the look-up of relatives against a walk through rows as a file has them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.curation.cutting import cut_links
from dynaclr.tracks.lineage import build_forest
from dynaclr.tracks.table import CellTable, Relation, RelativeLookup, build_table

N_FRAMES = (5, 1, 7)  # frames of each FOV


@dataclass(frozen=True)
class Cells:
    """Rows as files give them: (fov, track id, t) in any order, and the parent id of each track."""

    rows: list[tuple[int, int, int]]
    parents: dict[tuple[int, int], int]

    def ancestors(self, fov: int, track: int) -> list[int]:
        line = [track]
        while self.parents[fov, line[-1]] >= 0:
            line.append(self.parents[fov, line[-1]])
        return line

    def related(self, relation: Relation, fov: int, anchor: int, other: int) -> bool:
        if relation is Relation.LINEAGE:
            return self.ancestors(fov, anchor)[-1] == self.ancestors(fov, other)[-1]
        if relation is Relation.DESCENDANT:
            return anchor in self.ancestors(fov, other)
        return anchor == other

    def relatives(self, relation: Relation, row: int, offset: int) -> set[tuple[int, int, int]]:
        fov, track, t = self.rows[row]
        return {
            place
            for place in self.rows
            if place[0] == fov and place[2] == t + offset and self.related(relation, fov, track, place[1])
        }


@st.composite
def cells(draw: st.DrawFn) -> Cells:
    """Cells of three FOVs that use the same track ids, rows in any order."""
    rows: list[tuple[int, int, int]] = []
    parents: dict[tuple[int, int], int] = {}
    for fov, frames in enumerate(N_FRAMES):
        ids = draw(st.lists(st.integers(1, 9), min_size=1, max_size=5, unique=True))
        for number, track in enumerate(ids):
            parents[fov, track] = draw(st.sampled_from([-1, *ids[:number]]))
            times = draw(st.sets(st.integers(0, frames - 1), min_size=1))
            rows += [(fov, track, t) for t in sorted(times)]
    return Cells(draw(st.permutations(rows)), parents)


def table_of(data: Cells) -> CellTable:
    """Build the table as loading does: tracks by FOV, rows in the order of the files."""
    tracks = sorted(data.parents)
    place = {track: number for number, track in enumerate(tracks)}
    parent = [place[fov, p] if (p := data.parents[fov, track]) >= 0 else -1 for fov, track in tracks]
    rows = data.rows
    columns = {
        "t": np.array([t for _, _, t in rows]),
        "y": np.arange(len(rows), dtype=np.float64),  # the row's number, to follow it through the sorting
        "x": -np.arange(len(rows), dtype=np.float64),
        "note": np.array([f"{fov}/{track}/{t}" for fov, track, t in rows]),
    }
    return build_table(
        columns,
        np.array([place[fov, track] for fov, track, _ in rows]),
        np.array([track for _, track in tracks], dtype=np.int64),
        np.array([fov for fov, _ in tracks]),
        build_forest(np.array(parent)),
        np.array(N_FRAMES),
    )


@settings(deadline=None, max_examples=50)
@given(cells())
def test_every_row_keeps_its_values(data: Cells) -> None:
    table = table_of(data)
    assert sorted(table.y.tolist()) == list(range(len(data.rows)))
    assert np.all(np.diff(table.frame_key) > 0)
    assert table.n_tracks == len(data.parents)
    for number, row in enumerate(table.y.astype(int).tolist()):
        fov, track, t = data.rows[row]
        assert int(table.fov_of()[number]) == fov
        assert int(table.track_id[table.track[number]]) == track
        assert int(table.t[number]) == t
        assert int(table.frame_of()[number]) == sum(N_FRAMES[:fov]) + t
        assert table.x[number] == -row
        assert table.extra["note"][number] == f"{fov}/{track}/{t}"
        parent = int(table.forest.parent[table.track[number]])
        assert (int(table.track_id[parent]) if parent >= 0 else -1) == data.parents[fov, track]


@settings(deadline=None, max_examples=50)
@given(
    cells(), st.sampled_from([Relation.TRACK, Relation.DESCENDANT, Relation.LINEAGE]), st.integers(0, 2**16)
)
def test_relatives_are_those_of_the_files(data: Cells, relation: Relation, seed: int) -> None:
    table = table_of(data)
    usable = np.random.default_rng(seed).random(len(table)) < 0.8
    lookup = RelativeLookup(table, relation, usable)
    rows = np.arange(len(table))
    offsets = np.array([-7, -2, -1, 0, 1, 2, 3, 7])
    low, high = lookup.ranges(rows[:, None], offsets)
    assert low.shape == high.shape == (rows.size, offsets.size)
    name = [data.rows[int(place)] for place in table.y]
    for row in rows.tolist():
        for column, offset in enumerate(offsets.tolist()):
            found = lookup.rows_of(np.arange(low[row, column], high[row, column]))
            expected = data.relatives(relation, int(table.y[row]), offset)
            assert {name[k] for k in found} == {name[k] for k in rows if usable[k]} & expected
        exists = lookup.exists(np.full(offsets.size, row), offsets)
        assert np.array_equal(exists, high[row] > low[row])


@pytest.mark.parametrize("usable", [None, np.ones(3, dtype=bool), np.zeros(3, dtype=bool)])
def test_all_or_none_may_be_positives(usable: np.ndarray | None) -> None:
    data = Cells([(0, 1, 0), (0, 1, 1), (0, 1, 2)], {(0, 1): -1, (1, 1): -1, (2, 1): -1})
    lookup = RelativeLookup(table_of(data), Relation.TRACK, usable)
    wanted = [True, True, False] if usable is None or usable.all() else [False] * 3
    assert lookup.exists(np.arange(3), np.ones(3, dtype=np.int64)).tolist() == wanted


def test_an_empty_table() -> None:
    empty = np.empty(0, dtype=np.int64)
    columns = {"t": empty, "y": empty.astype(float), "x": empty.astype(float)}
    table = build_table(columns, empty, empty, empty, build_forest(empty), np.array([4]))
    assert (len(table), table.n_tracks) == (0, 0)
    assert table.nbytes == table.fov_first_frame.nbytes
    assert not RelativeLookup(table, Relation.LINEAGE).exists(empty, empty).size


def test_bytes_are_counted_with_tracks_and_the_further_columns() -> None:
    data = Cells([(0, 1, t) for t in range(5)], {(0, 1): -1, (1, 1): -1, (2, 1): -1})
    table = table_of(data)
    rows = (table.frame_key, table.track, table.t, table.y, table.x, table.extra["note"])
    forest = table.forest
    tracks = (
        table.track_id,
        table.track_fov,
        forest.order,
        forest.parent,
        forest.root,
        forest.last,
        forest.depth,
    )
    arrays = (*rows, *tracks, table.fov_first_frame)
    assert table.nbytes == sum(array.nbytes for array in arrays)


@given(cells(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_an_observation_is_found_by_fov_id_and_frame(data: Cells, random: Random) -> None:
    """Every identity near those there are: found if it is one, also where tracks were cut."""
    whole = table_of(data)
    cut, _ = cut_links(whole, np.array(random.sample(range(len(whole)), len(whole) // 3), dtype=np.int64))
    asked = np.array(list(itertools.product(range(-1, len(N_FRAMES)), range(11), range(-2, 9))))
    there = set(data.rows)
    for table in (whole, cut):
        found = table.find(*asked.T)
        for identity, row in zip(asked.tolist(), found.tolist(), strict=True):
            assert (row >= 0) == (tuple(identity) in there)
            assert row < 0 or identity_of(table, row) == tuple(identity)
            assert int(table.find(*identity)) == row
        known = table.tracks(*asked.T) >= 0
        assert known.tolist() == [(fov, track) in data.parents for fov, track, _ in asked.tolist()]


@given(cells())
@settings(max_examples=30, deadline=None)
def test_rows_of_fovs_frames_and_tracks(data: Cells) -> None:
    table = table_of(data)
    for fov, frames in enumerate(N_FRAMES):
        own = np.flatnonzero(table.fov_of() == fov)
        assert np.array_equal(np.arange(len(table))[table.rows(fov)], own)
        for t in range(-1, frames + 2):
            expected = own[table.t[own] == t]
            assert np.array_equal(np.arange(len(table))[table.rows(fov, t)], expected)
    for track in range(table.n_tracks):
        rows = np.flatnonzero(table.track == track)
        assert (table.first_rows[track], table.last_rows[track]) == (rows[0], rows[-1])
        assert np.array_equal(table.by_track[table.track[table.by_track] == track], rows)
        for t in range(-1, 9):
            before = rows[table.t[rows] < t]
            assert int(table.before(track, t)) == (before[-1] if before.size else -1)


def test_a_table_without_rows_finds_nothing() -> None:
    none = np.empty(0, dtype=np.int64)
    table = build_table(
        {"t": none, "y": none, "x": none}, none, none, none, build_forest(none), np.array([3])
    )
    assert table.find(np.zeros(2, dtype=np.int64), np.ones(2, dtype=np.int64), 0).tolist() == [-1, -1]
    assert table.rows(0) == table.rows(0, 1) == slice(0, 0)
    assert int(table.before(0, 1)) == -1


def identity_of(table: CellTable, row: int) -> tuple[int, int, int]:
    track = table.track[row]
    return int(table.track_fov[track]), int(table.track_id[track]), int(table.t[row])
