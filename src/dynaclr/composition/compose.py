"""Draws batches as a training would and counts what they hold; reads no pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.numbering import AnchorNumbers
from dynaclr.base.random import KeyedBatch
from dynaclr.composition.axes import AxisCounts, Crossing, HourHistogram, count_axis
from dynaclr.composition.coverage import Coverage, count_coverage
from dynaclr.composition.draws import count_draws
from dynaclr.composition.exclusions import count_exclusions
from dynaclr.composition.pool import LINEAGE, Pool, hour_bins
from dynaclr.composition.positives import border_shares, tau_counts
from dynaclr.composition.record import Composition
from dynaclr.dataset import Kin, MultiExperimentTripletDataset, PairDraw
from dynaclr.sampler import Account, FlexibleBatchSampler

_KIN_LABELS = ("self", "same track", "descendant", "other relative")
_CHUNK = 32  # batches whose positives are drawn together
_MOST_LINEAGES = 11
IntArray = npt.NDArray[np.int64]
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Anchors of all batches, one after another, batch of each, and their pairs."""

    pool: Pool
    anchors: AnchorNumbers
    batch: IntArray
    n_batches: int
    pairs: PairDraw

    @property
    def fov(self) -> npt.NDArray[np.int32]:
        """FOV of each anchor."""
        return self.pool.fov[self.anchors]


def compose(
    dataset: MultiExperimentTripletDataset,
    batches: Iterable[KeyedBatch],
    progress: Progress | None = None,
    pool: Pool | None = None,
) -> Composition:
    """Return the composition of batches as a training would draw them; no pixels are read.

    Parameters
    ----------
    dataset
        A dataset of anchors (fit).
    batches
        Anchor numbers with their keys, from a sampler.
    progress
        Called with the number of batches done.
    pool
        What the dataset's anchors hold, if that was counted already.

    Raises
    ------
    ValueError
        If there is no batch.
    """
    return _composed(pool or Pool(dataset), ((batch, None) for batch in batches), progress, None)


def compose_epochs(
    dataset: MultiExperimentTripletDataset,
    sampler: FlexibleBatchSampler,
    batches: Iterable[tuple[int, int]],
    progress: Progress | None = None,
    pool: Pool | None = None,
) -> Composition:
    """Return the composition of a sampler's batches, and how the sampler came to them.

    Parameters
    ----------
    dataset, progress, pool
        As `compose` says.
    sampler
        What draws them.
    batches
        (epoch, number over all ranks) of each.

    Raises
    ------
    ValueError
        If there is no batch.
    """
    drawn = (sampler.account(epoch, k) for epoch, k in batches)
    return _composed(pool or Pool(dataset), drawn, progress, sampler)


def _composed(
    pool: Pool,
    drawn: Iterable[tuple[KeyedBatch, Account | None]],
    progress: Progress | None,
    sampler: FlexibleBatchSampler | None,
) -> Composition:
    batches, accounts, draws = [], [], []
    for chunk in _chunks(drawn):
        batches += [batch for batch, _ in chunk]
        accounts += [account for _, account in chunk if account is not None]
        draws.append(pool.dataset.draw_many([batch for batch, _ in chunk]))
        if progress is not None:
            progress(len(batches))
    if not batches:
        raise ValueError("no batches to summarize")
    anchors = AnchorNumbers(np.concatenate([np.asarray(batch, dtype=np.int64) for batch in batches]))
    batch = np.repeat(np.arange(len(batches)), [len(item) for item in batches])
    found = _Drawn(pool, anchors, batch, len(batches), _joined(draws))
    composition = _counted(found, len(batches[0]), _coverage(found, batches, sampler))
    if sampler is not None:
        composition.draws = count_draws(sampler, accounts, anchors, composition.hours, batch)
    return composition


def _chunks(
    drawn: Iterable[tuple[KeyedBatch, Account | None]],
) -> Iterator[list[tuple[KeyedBatch, Account | None]]]:
    chunk: list[tuple[KeyedBatch, Account | None]] = []
    for item in drawn:
        chunk.append(item)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _joined(draws: list[PairDraw]) -> PairDraw:
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(draw, name) for draw in draws]) for name in PairDraw.__slots__
    }
    return PairDraw(**columns)


def _coverage(drawn: _Drawn, batches: list[KeyedBatch], sampler: FlexibleBatchSampler | None) -> Coverage:
    size = max(len(drawn.pool) // max(len(batches[0]), 1), 1)
    per_epoch = size if sampler is None else sampler.batches_per_epoch
    epochs = np.array([batch.key.epoch for batch in batches], dtype=np.int64)
    return count_coverage(drawn.pool, drawn.anchors, drawn.batch, epochs, per_epoch)


def _counted(drawn: _Drawn, batch_size: int, coverage: Coverage) -> Composition:
    pool, pairs, index = drawn.pool, drawn.pairs, drawn.pool.index
    hours = pool.hours[drawn.anchors]
    tau_hours = pairs.tau_frames * index.fov_interval_hours[drawn.fov]
    return Composition(
        axes=_axes(drawn, hours),
        condition_labels=tuple(index.condition_names),
        hours=hours,
        condition_codes=index.fov_condition[drawn.fov].astype(np.int64),
        tau_frames=pairs.tau_frames,
        requested_frames=pairs.requested_frames,
        tau_hours=tau_hours,
        duplicates=_duplicates(drawn),
        lineage_pairs=_lineage_pairs(drawn),
        expected_lineage_pairs=_expected_lineage_pairs(drawn),
        distinct_anchors=int(coverage.seen[-1]),
        anchors=len(pool),
        max_repeats=coverage.max_repeats,
        batch_size=batch_size,
        rows=pairs.anchor,
        crossing=_crossing(drawn),
        hour_histogram=HourHistogram(
            pool.fine_edges,
            tuple(index.condition_names),
            pool.by_condition(drawn.fov, hours),
            pool.fine_counts,
        ),
        tau=tau_counts(pool, pairs),
        border=border_shares(pool, pairs),
        exclusions=count_exclusions(index),
        coverage=coverage,
        warnings=[text for text in index.report.warnings if text.startswith("condition ")],
    )


def _axes(drawn: _Drawn, hours: npt.NDArray[np.float64]) -> dict[str, AxisCounts]:
    """Return counts by experiment, condition, well, FOV, hours, lineage and relation."""
    pool, count = drawn.pool, drawn.n_batches
    axes = {}
    for name in (keys.EXPERIMENT, keys.CONDITION, keys.WELL, keys.FOV_NAME):
        codes, labels = pool.index.codes(name, drawn.pairs.anchor)
        axes[name] = count_axis(tuple(labels), codes, drawn.batch, count, pool.counts(name))
    edges = pool.hour_edges
    spans = tuple(f"{low:g}-{high:g} h" for low, high in pairwise(edges))
    axes["hours"] = count_axis(spans, hour_bins(hours, edges), drawn.batch, count, pool.hour_counts)
    axes[LINEAGE] = _lineages(drawn)
    nothing = np.empty(0, dtype=np.int64)
    axes["relation"] = count_axis(_KIN_LABELS, drawn.pairs.kin, drawn.batch, count, nothing)
    if len(_KIN_LABELS) != len(Kin):
        raise AssertionError("a relation has no label")
    return axes


def _lineages(drawn: _Drawn) -> AxisCounts:
    """Return counts of the lineages that occur most, and of all others together."""
    pool = drawn.pool
    roots, codes, counts = np.unique(pool.root[drawn.anchors], return_inverse=True, return_counts=True)
    most = np.argsort(-counts, kind="stable")[:_MOST_LINEAGES]
    rank = np.full(roots.size, most.size, dtype=np.int64)
    rank[most] = np.arange(most.size)
    known = pool.per_root[roots[most]]
    others = int(np.count_nonzero(pool.per_root)) - most.size
    labels = (*(pool.lineage_label(root) for root in roots[most].tolist()), f"{others} other lineages")
    there = np.r_[known, len(pool) - known.sum()]
    return count_axis(labels, rank[codes], drawn.batch, drawn.n_batches, there)


def _duplicates(drawn: _Drawn) -> IntArray:
    """Return for each batch how many of its anchors are repeats of another."""
    size, n = len(drawn.pool), drawn.n_batches
    distinct = np.unique(drawn.batch * size + drawn.anchors) // size
    return np.bincount(drawn.batch, minlength=n) - np.bincount(distinct, minlength=n)


def _lineage_pairs(drawn: _Drawn) -> IntArray:
    """Return for each batch how many pairs of its samples share a lineage."""
    tracks = drawn.pool.index.table.n_tracks
    code, n = np.unique(drawn.batch * tracks + drawn.pool.root[drawn.anchors], return_counts=True)
    pairs = np.bincount(code // tracks, weights=n * (n - 1) / 2, minlength=drawn.n_batches)
    return pairs.round().astype(np.int64)


def _expected_lineage_pairs(drawn: _Drawn) -> npt.NDArray[np.float64]:
    """Return the mean of `_lineage_pairs` over any anchors of the same experiments and conditions."""
    pool = drawn.pool
    size = pool.crossing.size
    cell = drawn.batch * size + pool.cell_of_fov[drawn.fov]
    n = np.bincount(cell, minlength=drawn.n_batches * size).reshape(drawn.n_batches, size)
    return np.asarray((n * (n - 1) / 2) @ pool.kinship)


def _crossing(drawn: _Drawn) -> Crossing:
    pool = drawn.pool
    cell = np.bincount(pool.cell_of_fov[drawn.fov], minlength=pool.crossing.size)
    return Crossing(
        tuple(pool.index.registry.names),
        tuple(pool.index.condition_names),
        cell.reshape(pool.crossing.shape).astype(np.int64),
        pool.crossing,
    )
