from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.tracks.lineage import CycleError, build_forest, latest_in_subtree


@st.composite
def parents(draw: st.DrawFn) -> list[int]:
    """Acyclic parents in arbitrary order."""
    size = draw(st.integers(1, 40))
    earlier = [draw(st.integers(-1, place - 1)) for place in range(size)]
    order = draw(st.permutations(range(size)))
    shuffled = [-1] * size
    for place, parent in enumerate(earlier):
        shuffled[order[place]] = order[parent] if parent >= 0 else -1
    return shuffled


def ancestors(parent: list[int], node: int) -> list[int]:
    line = []
    while parent[node] >= 0:
        node = parent[node]
        line.append(node)
    return line


@settings(deadline=None, max_examples=100)
@given(parents())
def test_forest_equals_walking_up(parent: list[int]) -> None:
    forest = build_forest(np.array(parent))
    number = {old: new for new, old in enumerate(forest.order.tolist())}
    assert sorted(number) == list(range(len(parent)))
    for old in range(len(parent)):
        new, line = number[old], ancestors(parent, old)
        assert forest.parent[new] == (number[parent[old]] if parent[old] >= 0 else -1)
        assert forest.root[new] == number[line[-1] if line else old]
        assert forest.depth[new] == len(line)
        subtree = {
            number[other] for other in range(len(parent)) if other == old or old in ancestors(parent, other)
        }
        assert subtree == set(range(new, int(forest.last[new])))


@settings(deadline=None, max_examples=50)
@given(parents(), st.integers(0, 10))
def test_roots_and_siblings_keep_the_order_of_the_input(parent: list[int], _: int) -> None:
    forest = build_forest(np.array(parent))
    for mother in (-1, *range(len(parent))):
        children = [old for old in forest.order.tolist() if parent[old] == mother]
        assert children == sorted(children)


@settings(deadline=None, max_examples=50)
@given(parents(), st.data())
def test_latest_in_subtree(parent: list[int], data: st.DataObject) -> None:
    forest = build_forest(np.array(parent))
    latest = np.array(data.draw(st.lists(st.integers(0, 99), min_size=len(parent), max_size=len(parent))))
    expected = [latest[k : forest.last[k]].max() for k in range(len(parent))]
    assert latest_in_subtree(forest, latest).tolist() == expected


@pytest.mark.parametrize(
    ("parent", "members"), [([0], [0]), ([1, 2, 0, -1, 3], [0, 1, 2]), ([-1, 2, 1], [1, 2])]
)
def test_a_cycle_is_named(parent: list[int], members: list[int]) -> None:
    with pytest.raises(CycleError) as caught:
        build_forest(np.array(parent))
    assert caught.value.members == members


def test_a_chain_of_thousands() -> None:
    forest = build_forest(np.arange(-1, 4999))
    assert forest.depth[-1] == 4999
    assert forest.last.tolist() == [5000] * 5000


def test_no_tracks() -> None:
    assert build_forest(np.empty(0, dtype=np.int64)).order.size == 0
