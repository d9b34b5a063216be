from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.embedding import projection
from dynaclr.embedding.maps import map_file, read_map, write_map
from dynaclr.embedding.projection import (
    UMAP_MISSING,
    Method,
    has_umap,
    kmeans,
    principal_components,
    projected,
)
from dynaclr.embedding.table import Space


def matrix(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(rows, columns)) @ rng.normal(size=(columns, columns))).astype(np.float32)


def blobs(count: int, each: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    label = np.repeat(np.arange(count), each)
    return rng.normal(size=(label.size, 8)) * 0.2 + 10 * rng.normal(size=(count, 8))[label], label


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 40), st.integers(1, 12), st.integers(1, 6), st.integers(0, 10))
def test_components_are_those_of_a_singular_value_decomposition(
    rows: int, columns: int, count: int, seed: int
) -> None:
    features = matrix(rows, columns, seed)
    values = np.asarray(features, dtype=np.float64)
    values = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-12)
    left, singular, right = np.linalg.svd(values, full_matrices=False)
    found = principal_components(features, count)
    assert found.shape == (rows, min(count, columns))
    gaps = np.diff(np.r_[np.inf, singular, 0.0][: found.shape[1] + 2])
    for k in range(min(found.shape[1], singular.size)):
        if -gaps[k : k + 2].max() > 1e-3 * singular[0]:  # two of one size are no two axes
            sign = np.sign(right[k][np.abs(right[k]).argmax()])
            if np.diff(np.sort(np.abs(right[k]))[-2:]).min(initial=1.0) > 1e-6:
                assert np.allclose(found[:, k], sign * left[:, k] * singular[k], atol=1e-4 * singular[0])


def test_components_over_many_chunks_agree_with_another_library(monkeypatch: pytest.MonkeyPatch) -> None:
    features = matrix(500, 20)
    features[:, 3] = 0.1
    whole = principal_components(features, 4)
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(projection, "_CHUNK_ROWS", 64)
    parts = principal_components(features, 4, lambda done, total: seen.append((done, total)))
    assert np.allclose(whole, parts, atol=1e-4)
    assert seen[-1] == (32, 32)
    assert seen == sorted(seen)
    spread = features.std(axis=0)
    standard = (features - features.mean(axis=0)) / np.where(spread > 1e-6, spread, np.inf)
    reference = PCA(4, svd_solver="full").fit_transform(standard.astype(np.float64))
    assert np.allclose(np.abs(whole), np.abs(reference), atol=1e-3)


def test_what_has_no_components_is_refused() -> None:
    features = matrix(10, 3)
    features[4, 1] = np.nan
    with pytest.raises(DataError, match=r"row 4.*1 rows of 10"):
        principal_components(features)
    with pytest.raises(DataError, match="no features"):
        principal_components(features[:0])


def test_groups_are_found_and_ordered_by_size() -> None:
    points, label = blobs(4)
    points, label = np.r_[points, points[label == 2] + 0.01], np.r_[label, label[label == 2]]
    group = kmeans(points, 4)
    assert [len(np.unique(group[label == k])) for k in range(4)] == [1] * 4
    assert set(group[label == 2]) == {0}
    assert np.array_equal(group, kmeans(points, 4))
    assert set(kmeans(points, 1)) == {0}


def test_there_are_no_more_groups_than_points() -> None:
    points = np.repeat(np.eye(2), 5, axis=0)
    assert (
        kmeans(points, 7).tolist() == [*[0] * 5, *[1] * 5] or kmeans(points, 7).tolist() == [1] * 5 + [0] * 5
    )
    assert kmeans(points[:1], 3).tolist() == [0]


def test_work_that_is_not_wanted_ends() -> None:
    def stop(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        principal_components(matrix(20, 3), 2, stop)
    with pytest.raises(InterruptedError):
        principal_components(matrix(20, 3), 2, stop)


def test_a_map_keeps_neighbors_and_is_always_the_same() -> None:
    points, label = blobs(3)
    places = projected(points, Method.TSNE)
    assert places.shape == (len(points), 2)
    assert trustworthiness(points, places, n_neighbors=5) > 0.8
    near = np.linalg.norm(places[:, None] - places[None], axis=2).argsort(axis=1)[:, 1]
    assert (label[near] == label).all()
    assert np.array_equal(places, projected(points, Method.TSNE))
    assert projected(points[:6, :1], Method.TSNE).shape == (6, 2)
    with pytest.raises(DataError, match="too few"):
        projected(points[:4], Method.TSNE)


@pytest.mark.skipif(has_umap(), reason="umap-learn is installed")
def test_a_package_that_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match="pip install umap-learn") as caught:
        projected(matrix(20, 3), Method.UMAP)
    assert str(caught.value) == UMAP_MISSING


@pytest.mark.filterwarnings("ignore::ImportWarning:umap")  # of a part that is not used
@pytest.mark.skipif(not has_umap(), reason="umap-learn is not installed")
def test_umap_keeps_neighbors() -> None:
    points, _ = blobs(3)
    assert trustworthiness(points, projected(points, Method.UMAP), n_neighbors=5) > 0.8


def test_a_map_is_found_again_by_what_it_was_made_from(tmp_path: Path) -> None:
    vectors, places = matrix(7, 3), matrix(7, 2, 1)
    file = map_file(tmp_path / "embedding.parquet", Method.TSNE, Space.PROJECTIONS)
    assert file.name == "embedding.t-sne-projections.npz"
    assert read_map(file, vectors) is None
    write_map(file, places, vectors)
    assert np.array_equal(read_map(file, vectors), places)
    assert read_map(file, vectors + 1) is None
    for damage in (b"", b"text", file.read_bytes()[:-30]):
        file.write_bytes(damage)
        assert read_map(file, vectors) is None
