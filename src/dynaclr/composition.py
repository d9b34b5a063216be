"""What batches hold, next to what the pool holds: counts along every axis; reads no pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr import keys
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.draws import KeyedBatch
from dynaclr.pairs import Kin

__all__ = ("AxisCounts", "Composition", "compose")

_AXES = (keys.EXPERIMENT, keys.CONDITION, keys.WELL)
_KIN_LABELS = ("self", "same track", "descendant", "other relative")


@dataclass(frozen=True, slots=True)
class AxisCounts:
    """Counts along one axis.

    Attributes
    ----------
    labels
        What is counted.
    counts
        (n_batches, n_labels) rows of each batch.
    pool
        (n_labels,) rows among all anchors; empty where a pool has no meaning.
    """

    labels: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    pool: npt.NDArray[np.int64]

    @property
    def share(self) -> npt.NDArray[np.float64]:
        """Share of each label over all batches."""
        total = self.counts.sum()
        return np.asarray(self.counts.sum(axis=0) / max(int(total), 1))

    @property
    def pool_share(self) -> npt.NDArray[np.float64]:
        """Share of each label in the pool."""
        return np.asarray(self.pool / max(int(self.pool.sum()), 1))


@dataclass(slots=True)
class Composition:
    """Composition of several batches.

    Attributes
    ----------
    axes
        {axis: counts} for experiment, condition, well and relation of the positive.
    hours, condition_codes
        (n_rows,) hours and condition of every anchor drawn.
    tau_frames, requested_frames
        (n_rows,) offsets realised, and what the unrestricted law would have given.
    tau_hours
        (n_rows,) realised offsets in hours.
    duplicates
        (n_batches,) anchors that occur more than once in their batch.
    lineage_pairs
        (n_batches,) pairs of samples of one lineage in the batch: false negatives of a contrastive loss.
    distinct_anchors, anchors
        Anchors seen at least once, and all there are.
    max_repeats
        Most often one anchor was seen.
    batch_size
        Rows of a batch.
    """

    axes: dict[str, AxisCounts]
    condition_labels: tuple[str, ...]
    hours: npt.NDArray[np.float64]
    condition_codes: npt.NDArray[np.int64]
    tau_frames: npt.NDArray[np.int64]
    requested_frames: npt.NDArray[np.int64]
    tau_hours: npt.NDArray[np.float64]
    duplicates: npt.NDArray[np.int64]
    lineage_pairs: npt.NDArray[np.int64]
    distinct_anchors: int
    anchors: int
    max_repeats: int
    batch_size: int
    warnings: list[str] = field(default_factory=list)

    def records(self) -> list[dict[str, Any]]:
        """Return one record an axis and label, for a table."""
        return [
            {
                "axis": name,
                "label": label,
                "share": float(axis.share[place]),
                "pool_share": float(axis.pool_share[place]) if axis.pool.size else None,
                "per_batch_min": int(axis.counts[:, place].min()),
                "per_batch_median": float(np.median(axis.counts[:, place])),
                "per_batch_max": int(axis.counts[:, place].max()),
            }
            for name, axis in self.axes.items()
            for place, label in enumerate(axis.labels)
        ]

    def text(self) -> str:
        """Return the table as text."""
        lines = [f"{'axis':<12}{'label':<28}{'share':>8}{'pool':>8}   rows a batch (min, median, max)"]
        for item in self.records():
            pool = "" if item["pool_share"] is None else f"{100 * item['pool_share']:.1f} %"
            spread = f"{item['per_batch_min']}, {item['per_batch_median']:g}, {item['per_batch_max']}"
            share = f"{100 * item['share']:.1f} %"
            lines.append(f"{item['axis']:<12}{item['label']:<28}{share:>8}{pool:>8}   {spread}")
        moved = float(np.mean(self.tau_frames != self.requested_frames)) if self.tau_frames.size else 0.0
        tau, seen = self.tau_hours, self.distinct_anchors / max(self.anchors, 1)
        lines += [
            f"tau         mean {tau.mean():.2f} h, {tau.min():.2f}-{tau.max():.2f} h; "
            f"{100 * moved:.1f} % moved because a track ends or has a gap",
            f"duplicates  {self.duplicates.mean():.2f} anchors a batch (max {self.duplicates.max()})",
            f"one lineage {self.lineage_pairs.mean():.2f} pairs of samples a batch",
            f"coverage    {self.distinct_anchors} of {self.anchors} anchors "
            f"({100 * seen:.1f} %), none more than {self.max_repeats} times",
        ]
        lines += [f"warning: {text}" for text in self.warnings]
        return "\n".join(lines)


def compose(
    dataset: MultiExperimentTripletDataset,
    batches: Iterable[KeyedBatch],
    progress: Callable[[int], None] | None = None,
) -> Composition:
    """Return the composition of batches as a training would draw them; no pixels are read.

    Parameters
    ----------
    dataset
        A dataset of anchors (fit).
    batches
        Rows with their keys, from a sampler.
    progress
        Called with the number of batches done.
    """
    index = dataset.index
    drawn, duplicates, lineage_pairs, seen = [], [], [], []
    for number, batch in enumerate(batches, start=1):
        draw = dataset.draw(batch)
        drawn.append(draw)
        rows = np.asarray(batch)
        seen.append(rows)
        duplicates.append(rows.size - np.unique(rows).size)
        roots = np.unique(index.table.forest.root[index.table.track[draw.anchor]], return_counts=True)[1]
        lineage_pairs.append(int((roots * (roots - 1) // 2).sum()))
        if progress is not None:
            progress(number)
    if not drawn:
        raise ValueError("no batches to describe")
    anchors = [draw.anchor for draw in drawn]
    axes = {name: _axis(dataset, name, anchors) for name in _AXES}
    kin = np.array([np.bincount(draw.kin, minlength=len(Kin)) for draw in drawn])
    axes["relation"] = AxisCounts(_KIN_LABELS, kin, np.empty(0, dtype=np.int64))
    every = np.concatenate(anchors)
    tau = np.concatenate([draw.tau_frames for draw in drawn])
    repeats = np.unique(np.concatenate(seen), return_counts=True)[1]
    codes, labels = index.codes(keys.CONDITION, every)
    return Composition(
        axes=axes,
        condition_labels=tuple(labels),
        hours=index.hours(every),
        condition_codes=codes.astype(np.int64),
        tau_frames=tau,
        requested_frames=np.concatenate([draw.requested_frames for draw in drawn]),
        tau_hours=tau * index.fov_interval_hours[index.table.fov_of(every)],
        duplicates=np.array(duplicates),
        lineage_pairs=np.array(lineage_pairs),
        distinct_anchors=int(repeats.size),
        anchors=len(dataset),
        max_repeats=int(repeats.max()),
        batch_size=len(seen[0]),
        warnings=[text for text in index.report.warnings if text.startswith("condition ")],
    )


def _axis(
    dataset: MultiExperimentTripletDataset, name: str, anchors: list[npt.NDArray[np.int64]]
) -> AxisCounts:
    index = dataset.index
    pool_codes, labels = index.codes(name, dataset.rows)
    counts = [np.bincount(index.codes(name, rows)[0], minlength=len(labels)) for rows in anchors]
    return AxisCounts(tuple(labels), np.array(counts), np.bincount(pool_codes, minlength=len(labels)))
