"""Nodes and edges become tracks: against a walk from node to node."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.base.errors import DataError
from dynaclr.tracks.graph import LinkCounts, split_tracks

Edges = list[tuple[int, int]]


def split(frames: dict[int, int], edges: Edges) -> tuple[dict[str, Any], LinkCounts]:
    ids = np.array(list(frames), dtype=np.int64)
    nodes = {"id": ids, "t": np.array(list(frames.values()), dtype=np.int64), "y": ids * 1.0, "x": ids * 2.0}
    counts = LinkCounts()
    return split_tracks(nodes, np.array(edges, dtype=np.int64).reshape(-1, 2), counts, "f"), counts


def families(columns: dict[str, Any]) -> dict[tuple[int, ...], tuple[int, ...] | None]:
    """{observations of a track: those of its parent}."""
    members: dict[int, tuple[int, ...]] = {}
    parents: dict[int, int] = {}
    for track, node, parent in zip(
        *(columns[name].tolist() for name in ("track_id", "id", "parent_track_id")), strict=True
    ):
        members[track] = (*members.get(track, ()), node)
        assert parents.setdefault(track, parent) == parent
    return {nodes: members.get(parents[track]) for track, nodes in members.items()}


def walked(frames: dict[int, int], edges: Edges) -> dict[tuple[int, ...], tuple[int, ...] | None]:
    """The same, node by node."""
    links = {tuple(sorted(edge, key=lambda node: frames[node])) for edge in edges}
    links = {(a, b) for a, b in links if frames[a] < frames[b]}
    after = {node: sorted(b for a, b in links if a == node) for node in frames}
    before = {node: sorted(a for a, b in links if b == node) for node in frames}
    found: dict[tuple[int, ...], tuple[int, ...] | None] = {}
    of: dict[int, tuple[int, ...]] = {}
    for node in sorted(frames, key=lambda one: (frames[one], one)):
        if len(before[node]) == 1 and len(after[before[node][0]]) == 1:
            continue
        chain = [node]
        while len(after[chain[-1]]) == 1 and len(before[after[chain[-1]][0]]) == 1:
            chain.append(after[chain[-1]][0])
        of |= dict.fromkeys(chain, tuple(chain))
        found[tuple(chain)] = None
    return {chain: of[before[chain[0]][0]] if len(before[chain[0]]) == 1 else None for chain in found}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[int, int], Edges]:
    ids = draw(st.lists(st.integers(0, 2**62), min_size=1, max_size=12, unique=True))
    frames = {node: draw(st.integers(0, 5)) for node in ids}
    pairs = st.tuples(st.sampled_from(ids), st.sampled_from(ids)).filter(
        lambda pair: frames[pair[0]] != frames[pair[1]]
    )
    several = len(set(frames.values())) > 1
    return frames, draw(st.lists(pairs, max_size=14)) if several else []


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_every_graph_is_split_as_a_walk_would(graph: tuple[dict[int, int], Edges]) -> None:
    columns, counts = split(*graph)
    assert families(columns) == walked(*graph)
    assert counts.tracks == len(walked(*graph))


def test_a_division_a_merge_and_a_link_over_missing_frames() -> None:
    frames = {10: 0, 11: 1, 12: 2, 13: 2, 14: 5, 15: 3, 16: 6}
    columns, counts = split(frames, [(10, 11), (11, 12), (11, 13), (12, 14), (13, 15), (15, 16), (14, 16)])
    mother, merged = (10, 11), (16,)
    assert families(columns) == {mother: None, (12, 14): mother, (13, 15): mother, merged: None}
    assert (counts.divisions, counts.merges, counts.skipped_frames) == (1, 1, 2)
    assert columns["track_id"].tolist() == [1, 1, 2, 2, 3, 3, 4]
    assert columns["parent_id"].tolist() == [-1, 10, 11, 12, 11, 13, -1]
    assert columns["x"].tolist() == [20.0, 22.0, 24.0, 28.0, 26.0, 30.0, 32.0]


def test_links_against_time_twice_and_to_nowhere() -> None:
    columns, counts = split({1: 0, 2: 1, 3: 1}, [(2, 1), (1, 2), (2, 3), (1, 99)])
    assert families(columns) == {(1, 2): None, (3,): None}
    assert "1 links name spots that are not there" in counts.notes[0]
    assert "1 links join two spots of one frame" in counts.notes[1]


def test_a_long_track_and_ids_that_floats_would_mix_up() -> None:
    base, length = 2**60, 100_000
    frames = {base + i: i for i in range(length)}
    columns, counts = split(frames, [(base + i, base + i + 1) for i in range(length - 1)])
    assert (counts.tracks, counts.observations) == (1, length)
    assert np.array_equal(columns["id"], base + np.arange(length))


@pytest.mark.parametrize(
    ("ids", "message"), [([1, 1], "ids of observations repeat"), ([-1, 1], "id below 0")]
)
def test_ids_that_cannot_be(ids: list[int], message: str) -> None:
    nodes = {"id": np.array(ids), "t": np.array([0, 1]), "y": np.zeros(2), "x": np.zeros(2)}
    with pytest.raises(DataError, match=f"file f.*{message}"):
        split_tracks(nodes, np.empty((0, 2), dtype=np.int64), LinkCounts(), "f")
