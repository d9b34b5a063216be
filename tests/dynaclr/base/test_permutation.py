"""None"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.base.permutation import distinct_ranks, permuted


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 400), st.integers(0, 2**62), st.integers(0, 2**40), st.data())
def test_entries_do_not_depend_on_which_others_are_asked_for(
    size: int, seed: int, epoch: int, data: st.DataObject
) -> None:
    whole = permuted(np.arange(size), size, seed, epoch)
    places = np.array(data.draw(st.lists(st.integers(0, size - 1), max_size=20)), dtype=np.int64)
    assert permuted(places, size, seed, epoch).tolist() == whole[places].tolist()


def test_every_entry_is_equally_likely_at_every_place() -> None:
    size, epochs = 7, 1500
    drawn = np.array([permuted(np.arange(size), size, 3, epoch) for epoch in range(epochs)])
    for place in range(size):
        counts = np.bincount(drawn[:, place], minlength=size)
        assert counts == pytest.approx(epochs / size, rel=0.25)
    pairs = np.bincount(drawn[:, 0] * size + drawn[:, 1], minlength=size * size).reshape(size, size)
    assert np.all(np.diag(pairs) == 0)
    assert pairs[~np.eye(size, dtype=bool)] == pytest.approx(epochs / size / (size - 1), rel=0.7)


def test_seed_and_epoch_both_matter() -> None:
    base = permuted(np.arange(1000), 1000, 0, 0)
    for seed, epoch in ((1, 0), (0, 1)):
        other = permuted(np.arange(1000), 1000, seed, epoch)
        assert np.count_nonzero(base == other) < 12


def test_a_long_permutation_costs_no_more_than_its_entries() -> None:
    size = 2**40 + 1
    entries = permuted(np.array([0, 1, size - 1]), size, 5, 0)
    assert len(set(entries.tolist())) == 3
    assert entries.min() >= 0
    assert entries.max() < size


@pytest.mark.parametrize(("places", "size"), [([3], 3), ([0, 9], 9)])
def test_places_beyond_the_end(places: list[int], size: int) -> None:
    with pytest.raises(ValueError, match=rf"0\.\.{size - 1}"):
        permuted(np.array(places), size, 0, 0)


def test_nothing_asked_for() -> None:
    assert permuted(np.empty(0, dtype=np.int64), 5, 0, 0).size == 0


def floyd(uniform: list[float], size: int) -> list[int]:
    """Bentley and Floyd's algorithm as printed, one number after the other."""
    chosen: list[int] = []
    for place, number in enumerate(uniform):
        top = size - len(uniform) + place
        candidate = min(int(number * (top + 1)), top)
        chosen.append(top if candidate in chosen else candidate)
    return chosen


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=12), st.integers(0, 12))
def test_the_same_as_the_algorithm_as_printed(uniform: list[float], more: int) -> None:
    size = len(uniform) + 1 + more
    assert distinct_ranks(uniform, size) == floyd(uniform, size)


def test_every_subset_is_equally_likely() -> None:
    size, count, draws = 5, 2, 20_000
    uniform = np.random.default_rng(0).random((draws, count))
    drawn = [tuple(sorted(distinct_ranks(row, size))) for row in uniform.tolist()]
    subsets = list(itertools.combinations(range(size), count))
    counts = [drawn.count(subset) for subset in subsets]
    assert sum(counts) == draws
    assert counts == pytest.approx([draws / len(subsets)] * len(subsets), rel=0.1)


@pytest.mark.parametrize(("count", "size"), [(6, 3), (7, 3), (5, 5), (4, 1)])
def test_where_there_are_too_few_all_are_used_equally_often(count: int, size: int) -> None:
    ranks = distinct_ranks(np.random.default_rng(1).random(count).tolist(), size)
    used = np.bincount(ranks, minlength=size)
    assert used.sum() == count
    assert set(used.tolist()) <= {count // size, -(-count // size)}


def test_uniforms_near_one_stay_inside() -> None:
    edge = float(np.nextafter(1.0, 0.0))
    assert max(distinct_ranks([edge] * 3, 10**9)) < 10**9


def test_nothing_to_draw_from() -> None:
    with pytest.raises(ValueError, match="nothing to draw from"):
        distinct_ranks([0.5], 0)
