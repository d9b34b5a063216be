from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynaclr.base.errors import DataError
from dynaclr.embedding.table import EmbeddingWriter, read_embeddings


def identities(first: int, count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "parent_track_id": -1,
            "track_id": k,
            "note": f"cell, {k}\nzwei",
            "t": 0,
            "fov_name": "A/1/0",
            **more,
        }
        for k in range(first, first + count)
    ]


def matrix(count: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, columns), dtype=np.float32)


def write(path: Path, *sizes: int) -> tuple[np.ndarray, np.ndarray]:
    features, projections = matrix(sum(sizes), 6), matrix(sum(sizes), 3, 1)
    first = 0
    with EmbeddingWriter(path) as writer:
        for size in sizes:
            part = slice(first, first + size)
            writer.write(features[part], projections[part], identities(first, size))
            first += size
        assert writer.rows == sum(sizes)
    return features, projections


@pytest.mark.parametrize("sizes", [(1,), (5, 5, 3), (40,)])
def test_it_comes_back_in_order(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    features, projections = write(tmp_path / "deep" / "e.parquet", *sizes)
    table = read_embeddings(tmp_path / "deep" / "e.parquet")
    assert np.array_equal(table.features, features)
    assert np.array_equal(table.projections, projections)
    assert (table.features.dtype, table.projections.dtype) == (np.float32, np.float32)
    assert table.observations["track_id"].tolist() == list(range(sum(sizes)))
    assert table.observations["note"].tolist() == [f"cell, {k}\nzwei" for k in range(sum(sizes))]
    assert list(table.observations) == ["fov_name", "track_id", "t", "parent_track_id", "note", "finite"]
    assert table.observations["finite"].all()


def test_views_into_larger_arrays_are_written_right(tmp_path: Path) -> None:
    features = matrix(10, 12)[::2, ::3]
    with EmbeddingWriter(tmp_path / "e.parquet") as writer:
        writer.write(features, features.astype(np.float64)[:, ::-1], identities(0, 5))
    table = read_embeddings(tmp_path / "e.parquet")
    assert np.array_equal(table.features, features)
    assert np.array_equal(table.projections, features[:, ::-1])


def test_values_that_are_no_numbers_come_back_as_such(tmp_path: Path) -> None:
    features = np.array([[np.nan, np.inf, -0.0, 1e-40]], dtype=np.float32)
    with EmbeddingWriter(tmp_path / "e.parquet") as writer:
        writer.write(features, features, identities(0, 1))
    assert read_embeddings(tmp_path / "e.parquet").features.tobytes() == features.tobytes()


def test_the_file_appears_when_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    old = write(path, 3)[0]
    with EmbeddingWriter(path) as writer:
        writer.write(matrix(4, 6, 9), matrix(4, 3), identities(0, 4))
        assert np.array_equal(read_embeddings(path).features, old)
    assert np.array_equal(read_embeddings(path).features, matrix(4, 6, 9))
    assert [item.name for item in tmp_path.iterdir()] == ["e.parquet"]


def test_an_error_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "e.parquet"
    old = write(path, 3)[0]
    with pytest.raises(RuntimeError, match="chunk 7"), EmbeddingWriter(path) as writer:
        writer.write(matrix(4, 6, 9), matrix(4, 3), identities(0, 4))
        raise RuntimeError("chunk 7 is damaged")
    assert np.array_equal(read_embeddings(path).features, old)
    assert [item.name for item in tmp_path.iterdir()] == ["e.parquet"]


def test_nothing_written_is_no_file(tmp_path: Path) -> None:
    with EmbeddingWriter(tmp_path / "e.parquet"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_embedding_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    whole = tmp_path / "whole.parquet"
    write(whole, 30)
    cases = {"empty": b"", "text": b"features,t\n1,2\n", "cut": whole.read_bytes()[:-20]}
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
    pq.write_table(pa.table({"t": [1, 2]}), tmp_path / "other")
    pq.write_table(pa.table({"features": [1.0], "projections": [2.0]}), tmp_path / "flat")
    (tmp_path / "folder").mkdir()
    for name in (*cases, "other", "flat", "folder", "missing"):
        with pytest.raises(DataError, match="not an embedding") as caught:
            read_embeddings(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)


def test_two_that_write_one_file_at_a_time_each_write_all_of_theirs(tmp_path: Path) -> None:
    """The window and a terminal, say: the file is that of the one that ended last, and whole."""
    path = tmp_path / "e.parquet"
    one, other = EmbeddingWriter(path), EmbeddingWriter(path)
    with one:
        one.write(
            np.full((4, 3), 1, np.float32), np.zeros((4, 2), np.float32), [{"track_id": n} for n in range(4)]
        )
        with other:
            other.write(np.full((2, 3), 2, np.float32), np.zeros((2, 2), np.float32), [{"track_id": 9}] * 2)
            one.write(np.full((1, 3), 1, np.float32), np.zeros((1, 2), np.float32), [{"track_id": 4}])
        assert read_embeddings(path).features.tolist() == [[2.0] * 3] * 2
    assert read_embeddings(path).features.tolist() == [[1.0] * 3] * 5
    assert [item.name for item in tmp_path.iterdir()] == ["e.parquet"]


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("strange", [np.nan, -np.inf])
def test_vectors_that_are_not_finite_are_marked(tmp_path: Path, part: int, strange: float) -> None:
    parts = [matrix(5, 4), matrix(5, 2)]
    parts[part][3, 1] = strange
    with EmbeddingWriter(tmp_path / "e.parquet") as writer:
        writer.write(parts[0], parts[1], identities(0, 5))
        assert (writer.rows, writer.not_finite) == (5, 1)
    table = read_embeddings(tmp_path / "e.parquet")
    assert table.observations["finite"].tolist() == [True, True, True, False, True]
