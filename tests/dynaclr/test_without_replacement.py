from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.without_replacement import distinct_ranks


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
