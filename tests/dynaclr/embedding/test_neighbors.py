from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.base.errors import DataError
from dynaclr.embedding.neighbors import NeighborSearch


def reference(vectors: np.ndarray, row: int, count: int, excluded: np.ndarray) -> list[int]:
    """One pair at a time, in plain Python."""

    def cosine(other: int) -> float:
        a, b = vectors[row].tolist(), vectors[other].tolist()
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return dot / (sum(x * x for x in a) ** 0.5 * sum(y * y for y in b) ** 0.5)

    others = [k for k in range(len(vectors)) if k != row and not excluded[k] and vectors[k].any()]
    return sorted(others, key=lambda k: (-round(cosine(k), 9), k))[:count]


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 30), st.integers(1, 6), st.integers(1, 40), st.integers(0, 99))
def test_neighbors_are_those_of_a_plain_search(rows: int, width: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-3, 4, size=(rows, width)).astype(np.float64)  # ties, and rows that are zero
    vectors[0] = 1.0
    excluded = rng.random(rows) < 0.2
    found = NeighborSearch(vectors).nearest(0, count, excluded)
    assert [round(value, 9) for value in found.similarity] == sorted(
        (round(value, 9) for value in found.similarity), reverse=True
    )
    expected = reference(vectors, 0, count, excluded)
    cosine = dict(zip(found.rows.tolist(), found.similarity.round(6).tolist(), strict=True))
    assert len(cosine) == len(expected)
    assert sorted(cosine.values()) == sorted(
        round(float(vectors[0] @ vectors[k] / np.linalg.norm(vectors[0]) / np.linalg.norm(vectors[k])), 6)
        for k in expected
    )


def test_of_equals_the_first_comes_first() -> None:
    vectors = np.tile(np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32), (4, 1))
    found = NeighborSearch(vectors).nearest(2, 5)
    assert found.rows.tolist() == [0, 4, 6, 1, 3]
    assert found.similarity.tolist() == [1, 1, 1, 0, 0]
    assert NeighborSearch(vectors).nearest(2, 2).rows.tolist() == [0, 4]


def test_rows_without_a_direction_are_nobodys_neighbors() -> None:
    vectors = np.array([[1, 0], [0, 0], [np.nan, 1], [-1, 0], [np.inf, 0]], dtype=np.float32)
    search = NeighborSearch(vectors)
    found = search.nearest(0, 9)
    assert found.rows.tolist() == [3]
    assert found.similarity.tolist() == [-1]
    for row in (1, 2, 4):
        with pytest.raises(DataError, match=f"row {row}"):
            search.nearest(row, 1)
    assert search.nearest(0, 3, np.ones(5, dtype=bool)).rows.size == 0
