"""Features in few dimensions, and groups of their rows; takes plain arrays, knows no cells and no files."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.draws import BatchKey, Purpose, choose, generator, uniforms
from dynaclr.errors import ConfigError, DataError, problem

__all__ = ("UMAP_MISSING", "Method", "has_umap", "kmeans", "principal_components", "projected")

Features = npt.NDArray[np.floating[Any]]
Progress = Callable[[int, int], None]
"""Called with (done, all)."""

UMAP_MISSING = "UMAP needs the package umap-learn. Install it with:  pip install umap-learn"
_KEY = BatchKey(0, 0, 0)
_CHUNK_ROWS = 8192
_FIRST_COMPONENTS = 50  # what t-SNE and UMAP are made from: the rest is mostly noise, and costs time
_FEWEST_ROWS = 5
_PERPLEXITY = 30.0
_START_SPREAD = 1e-4  # standard deviation of the places that t-SNE starts from


class Method(StrEnum):
    """Ways to two dimensions that are not linear."""

    TSNE = "t-SNE"
    UMAP = "UMAP"


def has_umap() -> bool:
    """Whether umap-learn is installed; it is not imported."""
    return importlib.util.find_spec("umap") is not None


def principal_components(
    features: Features, count: int = 2, progress: Progress | None = None
) -> npt.NDArray[np.float64]:
    """Return the first principal components (N, count) of standardised features (N, D).

    The largest coefficient of every component is positive. There are no more components than features.

    Parameters
    ----------
    features
        (N, D), N at least 1.
    count
        How many components.
    progress
        Called between chunks of rows; what it raises ends the work.

    Raises
    ------
    DataError
        If features are no numbers, or there are no rows.
    """
    rows, width = features.shape
    kind = np.result_type(features, np.float32)  # sums over chunks are float64 all the same
    chunks = [slice(first, first + _CHUNK_ROWS) for first in range(0, rows, _CHUNK_ROWS)]
    if not chunks:
        raise DataError(problem("no features to find components of", expected="at least one row", found=0))
    mean, square, spread = np.zeros(width), np.zeros(width), np.zeros((width, width))
    for place, part in enumerate(chunks):
        mean += features[part].sum(axis=0, dtype=np.float64) / rows
        _tell(progress, place, 4 * len(chunks))
    _refuse_no_numbers(features, mean)
    for place, part in enumerate(chunks, start=len(chunks)):
        square += ((features[part] - mean) ** 2).sum(axis=0)
        _tell(progress, place, 4 * len(chunks))
    deviation = np.maximum(np.sqrt(square / rows), 1e-12)
    for place, part in enumerate(chunks, start=2 * len(chunks)):
        standard = ((features[part] - mean) / deviation).astype(kind)
        spread += standard.T @ standard
        _tell(progress, place, 4 * len(chunks))
    axes = np.linalg.eigh(spread)[1][:, ::-1][:, :count]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    result = np.empty((rows, axes.shape[1]))
    for place, part in enumerate(chunks, start=3 * len(chunks)):
        result[part] = ((features[part] - mean) / deviation).astype(kind) @ axes.astype(kind)
        _tell(progress, place + 1, 4 * len(chunks))
    return result


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)


def _refuse_no_numbers(features: Features, mean: npt.NDArray[np.float64]) -> None:
    if np.isfinite(mean).all():
        return
    wrong = np.flatnonzero(~np.isfinite(features).all(axis=1))
    raise DataError(
        problem(
            "features are no numbers",
            row=int(wrong[0]) if wrong.size else None,
            found=f"{wrong.size} rows of {len(features)}",
        )
    )


def kmeans(
    points: Features, count: int, progress: Progress | None = None, most_rounds: int = 50
) -> npt.NDArray[np.int64]:
    """Return the group (N,) of each point (N, D): Lloyd's k-means from k-means++ starts, always the same.

    It ends when no more than one point of a thousand changes its group. Group 0 is the largest. There are
    fewer groups than asked for if there are fewer different points.

    Parameters
    ----------
    points
        (N, D).
    count
        How many groups.
    progress
        Called before every round; what it raises ends the work.
    most_rounds
        Rounds after which it stops though points still change their group.
    """
    values = np.asarray(points, dtype=np.result_type(points, np.float32))
    centres = _starts(values, count)
    group = np.full(len(values), -1)
    for number in range(most_rounds):
        _tell(progress, number, most_rounds)
        nearest = _squared_distances(values, centres).argmin(axis=1)
        changed = np.count_nonzero(nearest != group)
        group = nearest
        if changed <= len(values) // 1000:
            break
        sizes = np.bincount(group, minlength=len(centres))
        sums = np.column_stack([np.bincount(group, column, len(centres)) for column in values.T])
        there = sizes > 0
        centres[there] = (sums[there] / sizes[there, None]).astype(values.dtype)
    order = np.argsort(-np.bincount(group, minlength=len(centres)), kind="stable")
    rank = np.empty(len(centres), dtype=np.int64)
    rank[order] = np.arange(len(centres))
    return np.asarray(rank[group])


def _starts(values: npt.NDArray[np.floating[Any]], count: int) -> npt.NDArray[np.floating[Any]]:
    """Return centres (<= count, D): each a point drawn by its squared distance to those before it."""
    drawn = uniforms(_KEY, Purpose.AUDIT, count)[:, 0]
    weight = np.ones(len(values))
    centres: list[npt.NDArray[Any]] = []
    for uniform in drawn:
        if not weight.sum() > 0:
            break
        chosen = values[choose(np.cumsum(weight), np.array([uniform]))[0]]
        centres.append(chosen)
        away = ((values - chosen) ** 2).sum(axis=1)
        weight = away if len(centres) == 1 else np.minimum(weight, away)
    return np.array(centres)


def _squared_distances(
    values: npt.NDArray[np.floating[Any]], centres: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.floating[Any]]:
    """Return squared distances (N, K) less the square of each point, which orders no centres."""
    return np.asarray((centres**2).sum(axis=1) - 2 * values @ centres.T)


def projected(features: Features, method: Method) -> npt.NDArray[np.float32]:
    """Return places (N, 2) of the rows of features (N, D) in a map that keeps neighbours; always the same.

    It is made from the first 50 principal components, and tells of its progress on the terminal.

    Raises
    ------
    ConfigError
        If the method needs a package that is not installed.
    DataError
        If features are no numbers, or rows too few.
    """
    if method is Method.UMAP and not has_umap():
        raise ConfigError(UMAP_MISSING)
    if len(features) < _FEWEST_ROWS:
        raise DataError(problem("too few rows for a map", expected=_FEWEST_ROWS, found=len(features)))
    first = principal_components(features, _FIRST_COMPONENTS)
    seed = int(generator(_KEY, Purpose.AUDIT, slot=1).integers(2**31))
    if method is Method.UMAP:
        import umap

        neighbours = min(15, len(first) - 1)
        fitted = umap.UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1, verbose=True).fit_transform(
            first
        )
    else:
        from sklearn.manifold import TSNE

        start = first[:, :2] if first.shape[1] > 1 else np.column_stack([first, np.zeros(len(first))])
        start = start / max(float(start[:, 0].std()), 1e-12) * _START_SPREAD
        perplexity = min(_PERPLEXITY, (len(first) - 1) / 3)
        model = TSNE(perplexity=perplexity, init=start.astype(np.float32), random_state=seed, verbose=2)
        fitted = model.fit_transform(first.astype(np.float32))
    return np.asarray(fitted, dtype=np.float32)
