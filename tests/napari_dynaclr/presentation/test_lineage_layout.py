"""Families as drawings against references that walk tracks one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.index import MultiExperimentIndex
from dynaclr.index.anchors import Exclusion
from dynaclr.tracks.lineage import build_forest
from dynaclr.tracks.table import CellTable, build_table
from napari_dynaclr.presentation.lineage_layout import (
    LineageLayout,
    NodeKind,
    family_layout,
    family_rows,
    lay_out,
)

FRAMES = 12
Spec = list[tuple[int, int, list[int]]]


def make_table(spec: Spec, n_fovs: int = 1, frames: int = FRAMES) -> CellTable:
    """Build a table from (fov, place of the mother or -1, frames) of each track; FOVs must not decrease."""
    track = np.repeat(np.arange(len(spec)), [len(times) for _, _, times in spec])
    t = np.array([moment for _, _, times in spec for moment in times], dtype=np.int64)
    columns = {"t": t, "y": np.zeros(t.size), "x": np.zeros(t.size)}
    forest = build_forest(np.array([mother for _, mother, _ in spec]))
    fov = np.array([fov for fov, _, _ in spec])
    return build_table(columns, track, np.arange(len(spec)) + 10, fov, forest, np.full(n_fovs, frames))


def draw_family(table: CellTable, row: int) -> LineageLayout:
    rows = family_rows(table, row)
    return lay_out(table, rows, np.zeros(rows.size, dtype=int), np.zeros(rows.size, dtype=bool), (3.0, 0.5))


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    """Two fields of view of tracks with gaps; no mother starts after her daughter."""
    spec: Spec = []
    for fov in range(2):
        first = len(spec)
        for _ in range(draw(st.integers(1, 7))):
            mother = draw(st.integers(-1, len(spec) - first - 1))
            earliest = min(spec[first + mother][2]) if mother >= 0 else 0
            times = draw(st.sets(st.integers(earliest, FRAMES - 1), min_size=1, max_size=6))
            spec.append((fov, first + mother if mother >= 0 else -1, sorted(times)))
    return spec


def family_of(spec: Spec, track: int) -> list[int]:
    """Return the tracks of a family in preorder by walking down from the root."""
    while spec[track][1] >= 0:
        track = spec[track][1]
    order, open_tracks = [], [track]
    while open_tracks:
        track = open_tracks.pop()
        order.append(track)
        open_tracks += [child for child in range(len(spec)) if spec[child][1] == track][::-1]
    return order


@settings(deadline=None, max_examples=50)
@given(specs(), st.data())
def test_nodes_are_the_family_in_order(spec: Spec, data: st.DataObject) -> None:
    table = make_table(spec, 2)
    row = data.draw(st.integers(0, len(table) - 1))
    layout = draw_family(table, row)
    family = family_of(spec, int(table.track_id[table.track[row]]) - 10)
    expected = [(track + 10, moment) for track in family for moment in spec[track][2]]
    found = layout.track_id[layout.node_track].tolist(), layout.frame.tolist()
    assert list(zip(*found, strict=True)) == expected
    assert table.t[layout.row].tolist() == layout.frame.tolist()
    assert layout.row[layout.node_of(row)] == row
    assert layout.hours.tolist() == [3.0 + 0.5 * moment for _, moment in expected]
    mothers = [family.index(spec[track][1]) if spec[track][1] >= 0 else -1 for track in family]
    assert layout.parent.tolist() == mothers


def kind_of(spec: Spec, track: int, moment: int) -> NodeKind:
    mother, times = spec[track][1:]
    children = [k for k, (_, other, _) in enumerate(spec) if other == track]
    for child in children:
        earlier = [time for time in times if time < spec[child][2][0]]
        if moment == (earlier[-1] if earlier else times[0]):
            return NodeKind.DIVISION if len(children) > 1 else NodeKind.LINK
    if moment == times[-1] and not children:
        return NodeKind.RECORDING_END if moment == FRAMES - 1 else NodeKind.END
    if moment == times[0]:
        return NodeKind.START if mother < 0 else NodeKind.DAUGHTER
    return NodeKind.FRAME


@settings(deadline=None, max_examples=50)
@given(specs(), st.data())
def test_events_and_lines(spec: Spec, data: st.DataObject) -> None:
    table = make_table(spec, 2)
    layout = draw_family(table, data.draw(st.integers(0, len(table) - 1)))
    places = [
        (int(layout.track_id[k]) - 10, int(t)) for k, t in zip(layout.node_track, layout.frame, strict=True)
    ]
    assert [NodeKind(kind) for kind in layout.kind.tolist()] == [kind_of(spec, *place) for place in places]
    joined = {(a, b) for a, b in layout.gaps.tolist()}
    for a, b in layout.runs.tolist():
        assert [places[k][1] for k in range(a, b + 1)] == list(range(places[a][1], places[b][1] + 1))
        joined |= {(k, k + 1) for k in range(a, b)}
    same_track = {(k, k + 1) for k in range(len(places) - 1) if places[k][0] == places[k + 1][0]}
    assert joined == same_track
    assert all(places[b][1] - places[a][1] > 1 for a, b in layout.gaps.tolist())


@settings(deadline=None, max_examples=50)
@given(specs(), st.data())
def test_tracks_stand_apart_and_mothers_in_the_middle(spec: Spec, data: st.DataObject) -> None:
    table = make_table(spec, 2)
    layout = draw_family(table, data.draw(st.integers(0, len(table) - 1)))
    leaves = [k for k in range(layout.parent.size) if k not in layout.parent]
    assert layout.position[leaves].tolist() == list(range(len(leaves)))
    for mother in set(layout.parent.tolist()) - {-1}:
        daughters = layout.position[layout.parent == mother]
        assert layout.position[mother] == (daughters.min() + daughters.max()) / 2


def test_another_family_and_another_table_are_refused() -> None:
    table = make_table([(0, -1, [0, 1]), (0, -1, [0])])
    layout = draw_family(table, 0)
    with pytest.raises(KeyError, match="track 10"):
        layout.node_of(1)
    for row in (-1, 3):
        with pytest.raises(IndexError, match="3 observations"):
            family_rows(table, row)


def test_real_tables_bring_losses_borders_and_hours(coded_source: Path) -> None:
    from dynaclr.experiment import ExperimentRegistry

    registry = ExperimentRegistry.from_yaml(coded_source)
    index = MultiExperimentIndex(registry, (0, 1), (16, 16), (0.5, 1.0))
    border = np.flatnonzero(index.near_border(slice(None)) & (index.table.track_fov[index.table.track] == 4))
    layout = family_layout(index, int(border[0]))
    assert layout.fov == 4
    assert layout.clamped.all()
    assert layout.hours.tolist() == index.hours(layout.row).tolist()
    assert layout.loss.tolist() == index.exclusion[layout.row].tolist()
    assert Exclusion.LAST_FRAMES in layout.loss
    mother = np.flatnonzero(index.table.track_id[index.table.track] == 1)
    assert family_layout(index, int(mother[0])).track_id.tolist() == [1, 2, 3]


def big_family(n_tracks: int, length: int) -> CellTable:
    """A family where the mother of track k is track (k - 1) // 2, each seen `length` frames."""
    depth = np.floor(np.log2(np.arange(n_tracks) + 1)).astype(int)
    spec: Spec = [
        (0, (k - 1) // 2, list(range(depth[k] * length, (depth[k] + 1) * length))) for k in range(n_tracks)
    ]
    spec[0] = (0, -1, spec[0][2])
    return make_table(spec, frames=int(depth.max() + 1) * length)


@pytest.mark.parametrize(
    ("n_tracks", "length"), [(1000, 5), (1, 10_000)], ids=["1000 tracks", "10000 frames"]
)
def test_large_families_are_laid_out(n_tracks: int, length: int) -> None:
    table = big_family(n_tracks, length)
    assert draw_family(table, len(table) // 2).row.size == n_tracks * length


def test_a_chain_of_thousands_of_tracks() -> None:
    table = make_table([(0, k - 1, [k]) for k in range(4000)], frames=4000)
    layout = draw_family(table, 1234)
    assert np.all(layout.position == 0)
    assert np.all(layout.kind[:-1] == NodeKind.LINK)
    assert layout.kind[-1] == NodeKind.RECORDING_END
