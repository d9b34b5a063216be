"""What all anchors hold, counted once for any number of batches."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.dataset import MultiExperimentTripletDataset

LINEAGE = "lineage"

_HOUR_STEPS = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 24.0, 48.0, 96.0, 168.0)
_HOUR_LABELS = 10
_FINE_BINS = 30
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class Pool:
    """Counts over all anchors of a dataset.

    Parameters
    ----------
    dataset
        A dataset of anchors (fit).
    """

    def __init__(self, dataset: MultiExperimentTripletDataset) -> None:
        self.dataset, self.index = dataset, dataset.index
        self.rows = dataset.rows
        self.fov: npt.NDArray[np.int32] = self.index.table.fov_of(self.rows)
        self.root = self.index.table.forest.root[self.index.table.track[self.rows]]
        self.hours = self.index.hours(self.rows)
        self.hour_edges = _round_edges(self.hours)
        self.fine_edges = _frame_edges(self.hours, float(self.index.fov_interval_hours.max()))

    def __len__(self) -> int:
        return int(self.rows.size)

    @cached_property
    def per_fov(self) -> IntArray:
        """Anchors of each FOV (n_fovs,)."""
        return np.bincount(self.fov, minlength=len(self.index.fovs)).astype(np.int64)

    @cached_property
    def per_root(self) -> IntArray:
        """Anchors of the lineage of each root (n_tracks,)."""
        return np.bincount(self.root, minlength=self.index.table.n_tracks).astype(np.int64)

    def labels(self, axis: str) -> tuple[str, ...]:
        """Return the labels of experiment, condition, well or fov_name."""
        return self.index.codes(axis, np.empty(0, dtype=np.int64))[1]

    def counts(self, axis: str) -> IntArray:
        """Return anchors of each label of such an axis."""
        return self._by_fov(axis, self.per_fov)

    def _by_fov(self, axis: str, per_fov: IntArray) -> IntArray:
        codes = self._fov_codes(axis)
        size = len(self.labels(axis))
        return np.bincount(codes, weights=per_fov, minlength=size).round().astype(np.int64)

    def _fov_codes(self, axis: str) -> npt.NDArray[np.int32]:
        index = self.index
        every = np.arange(len(index.fovs), dtype=np.int32)
        return {
            keys.EXPERIMENT: index.fov_experiment,
            keys.CONDITION: index.fov_condition,
            keys.WELL: index.fov_well,
            keys.FOV_NAME: every,
        }[axis]

    @cached_property
    def crossing(self) -> IntArray:
        """Anchors by (experiment, condition)."""
        shape = (len(self.index.registry.names), len(self.index.condition_names))
        counts = np.bincount(self.cell_of_fov, weights=self.per_fov, minlength=shape[0] * shape[1])
        return counts.round().astype(np.int64).reshape(shape)

    @cached_property
    def cell_of_fov(self) -> IntArray:
        """Number of (experiment, condition) of each FOV (n_fovs,)."""
        conditions = len(self.index.condition_names)
        return self.index.fov_experiment.astype(np.int64) * conditions + self.index.fov_condition

    @cached_property
    def kinship(self) -> FloatArray:
        """Chance that two different anchors of one (experiment, condition) share a lineage (n_cells,)."""
        n = self.per_root.astype(np.float64)
        cell = self.cell_of_fov[self.index.table.track_fov]
        size = self.crossing.size
        pairs = np.bincount(cell, weights=n * (n - 1), minlength=size)
        total = self.crossing.ravel().astype(np.float64)
        possible = total * (total - 1)
        return np.divide(pairs, possible, out=np.zeros(size), where=possible > 0)

    def lineage_label(self, root: int) -> str:
        """Return "experiment/A/1/0 track 7" of the track that a lineage starts with."""
        table = self.index.table
        return f"{self.index.positions[int(table.track_fov[root])]} track {int(table.track_id[root])}"

    @cached_property
    def hour_counts(self) -> IntArray:
        """Anchors in each bin of `hour_edges`."""
        return np.bincount(hour_bins(self.hours, self.hour_edges), minlength=self.hour_edges.size - 1).astype(
            np.int64
        )

    @cached_property
    def fine_counts(self) -> IntArray:
        """Anchors by (condition, bin of `fine_edges`)."""
        return self.by_condition(self.fov, self.hours)

    def by_condition(self, fov: npt.NDArray[np.integer], hours: FloatArray) -> IntArray:
        """Return a histogram over `fine_edges` for each condition (n_conditions, n_bins)."""
        bins, count = self.fine_edges.size - 1, len(self.index.condition_names)
        codes = self.index.fov_condition[fov].astype(np.int64) * bins + hour_bins(hours, self.fine_edges)
        return np.bincount(codes, minlength=count * bins).reshape(count, bins).astype(np.int64)

    @cached_property
    def moved(self) -> float:
        """Share of anchors whose patch is moved to lie inside the image."""
        return float(self.index.near_border(self.rows).mean())


def hour_bins(hours: FloatArray, edges: FloatArray) -> IntArray:
    """Return the bin of each hour; the first and the last bin take what lies beyond."""
    return np.clip(np.searchsorted(edges, hours + 1e-9, side="right") - 1, 0, edges.size - 2).astype(np.int64)


def _frame_edges(hours: FloatArray, interval: float) -> FloatArray:
    """Return edges of at most about thirty bins, each a whole number of the longest intervals wide."""
    low, high = float(hours.min()), float(hours.max())
    width = interval * max(np.ceil((high - low) / interval / _FINE_BINS), 1.0)
    return np.asarray(low - interval / 2 + width * np.arange(int((high - low + interval / 2) // width) + 2))


def _round_edges(hours: FloatArray) -> FloatArray:
    """Return edges of at most ten bins of a round width that hold all hours."""
    low, high = float(hours.min()), float(hours.max())
    for step in _HOUR_STEPS:
        first = np.floor(low / step + 1e-9)
        count = int(np.floor(high / step + 1e-9) - first) + 1
        if count <= _HOUR_LABELS:
            return np.asarray((first + np.arange(count + 1)) * step)
    return np.linspace(low, high, _HOUR_LABELS + 1)
