"""Features in few dimensions, and groups of their rows; takes plain arrays."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import ConfigError, DataError, problem

Features = npt.NDArray[np.floating[Any]]
Progress = Callable[[int, int], None]
"""Called with (done, all)."""

UMAP_MISSING = "UMAP needs the package umap-learn. Install it with:  pip install umap-learn"
_SEED = 0
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
    """Return the first principal components (N, count) of standardized features (N, D).

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
        If features contain NaN or Inf, or there are no rows.
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
            "features contain NaN or Inf",
            row=int(wrong[0]) if wrong.size else None,
            found=f"{wrong.size} rows of {len(features)}",
        )
    )


def kmeans(points: Features, count: int) -> npt.NDArray[np.int64]:
    """Return the group (N,) of each point (N, D) by k-means, always the same; group 0 is the largest.

    There are fewer groups than asked for if there are fewer different points.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different points than groups
        group = KMeans(min(count, len(points)), random_state=_SEED).fit_predict(points)
    _, group, sizes = np.unique(group, return_inverse=True, return_counts=True)
    return np.argsort(np.argsort(-sizes, kind="stable"))[group]


def projected(features: Features, method: Method) -> npt.NDArray[np.float32]:
    """Return places (N, 2) of the rows of features (N, D) in a map that keeps neighbors; always the same.

    It is made from the first 50 principal components, and tells of its progress on the terminal.

    Raises
    ------
    ConfigError
        If the method needs a package that is not installed.
    DataError
        If features contain NaN or Inf, or rows too few.
    """
    if method is Method.UMAP and not has_umap():
        raise ConfigError(UMAP_MISSING)
    if len(features) < _FEWEST_ROWS:
        raise DataError(
            problem("too few observations for an embedding map", expected=_FEWEST_ROWS, found=len(features))
        )
    first = principal_components(features, _FIRST_COMPONENTS)
    if method is Method.UMAP:
        import umap

        neighbors = min(15, len(first) - 1)
        mapping = umap.UMAP(n_neighbors=neighbors, random_state=_SEED, n_jobs=1, verbose=True)
        fitted = mapping.fit_transform(first)
    else:
        from sklearn.manifold import TSNE

        start = first[:, :2] if first.shape[1] > 1 else np.column_stack([first, np.zeros(len(first))])
        start = start / max(float(start[:, 0].std()), 1e-12) * _START_SPREAD
        perplexity = min(_PERPLEXITY, (len(first) - 1) / 3)
        model = TSNE(perplexity=perplexity, init=start.astype(np.float32), random_state=_SEED, verbose=2)
        fitted = model.fit_transform(first.astype(np.float32))
    return np.asarray(fitted, dtype=np.float32)
