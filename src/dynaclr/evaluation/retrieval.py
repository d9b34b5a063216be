"""Is a cell found again some frames later? Takes features of queries and of a gallery."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import DataError, problem
from dynaclr.evaluation.observations import Observations

Features = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Recall:
    """Share of queries found, what chance gives, and how many queries there were."""

    value: float
    chance: float
    queries: int


def recall_at_1(
    observations: Observations,
    query: Features,
    gallery: Features,
    lag_frames: int,
    rows: npt.NDArray[np.bool_],
    fitted_on: npt.NDArray[np.bool_],
) -> Recall:
    """Return how often the nearest cell of the same FOV `lag_frames` later is the same cell.

    The gallery of a query at t is every cell of its FOV at t + lag; a hit is the same track or a
    descendant. Queries without one in the gallery are left out. Chance is the mean share of hits in
    the gallery. Distance is the cosine of standardized features.

    Parameters
    ----------
    observations
        What the rows are.
    query, gallery
        (N, D) features; the gallery's may be of patches that were turned.
    lag_frames
        Frames between query and gallery.
    rows
        (N,) rows that take part.
    fitted_on
        (N,) rows that the standardization is fitted on.

    Raises
    ------
    DataError
        If features contain NaN or Inf (every comparison with them would be a miss or a hit by
        accident), or there is no row to fit on.
    """
    if not fitted_on.any():
        raise DataError(
            problem("no observations to fit the standardization on", expected="at least one", found=0)
        )
    for name, features, taken in (("query", query, rows | fitted_on), ("gallery", gallery, rows)):
        _refuse_no_numbers(name, features, taken)
    mean = query[fitted_on].mean(axis=0)
    deviation = np.maximum(query[fitted_on].std(axis=0), 1e-9)
    a, b = (_unit((features - mean) / deviation) for features in (query, gallery))
    hits, chances = [], []
    for fov in np.unique(observations.fov[rows]):
        here = rows & (observations.fov == fov)
        for t in np.unique(observations.t[here]):
            first = np.flatnonzero(here & (observations.t == t))
            second = np.flatnonzero(here & (observations.t == t + lag_frames))
            if not second.size:
                continue
            kin = observations.same_cell_later(first[:, None], second[None, :])
            asked = kin.any(axis=1)
            best = (a[first] @ b[second].T).argmax(axis=1)
            hits += kin[np.arange(first.size), best][asked].tolist()
            chances += kin[asked].mean(axis=1).tolist()
    if not hits:
        return Recall(float("nan"), float("nan"), 0)
    return Recall(float(np.mean(hits)), float(np.mean(chances)), len(hits))


def _refuse_no_numbers(name: str, features: Features, taken: npt.NDArray[np.bool_]) -> None:
    wrong = np.flatnonzero(taken & ~np.isfinite(features).all(axis=1))
    if wrong.size:
        raise DataError(
            problem(
                "features contain NaN or Inf",
                row=int(wrong[0]),
                field=name,
                found=f"{wrong.size} rows of {int(taken.sum())}",
            )
        )


def _unit(values: Features) -> npt.NDArray[np.float64]:
    norm = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(norm, 1e-12), dtype=np.float64)
