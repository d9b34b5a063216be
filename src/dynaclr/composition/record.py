"""The composition of batches as data; counts nothing itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.numbering import TableRows
from dynaclr.composition.axes import AxisCounts, Crossing, HourHistogram
from dynaclr.composition.confounds import Confound
from dynaclr.composition.coverage import Coverage
from dynaclr.composition.draws import DrawCounts
from dynaclr.composition.exclusions import ExclusionTable
from dynaclr.composition.intensities import Intensities
from dynaclr.composition.positives import BorderShares, TauCounts


@dataclass(slots=True)
class Composition:
    """Composition of several batches.

    Attributes
    ----------
    axes
        {axis: counts} for experiment, condition, well, fov_name, hours, lineage and relation of the positive.
    hours, condition_codes
        (n,) hours and condition of every anchor drawn.
    tau_frames, requested_frames
        (n,) offsets realized, and what the unrestricted law would have given.
    tau_hours
        (n,) realized offsets in hours.
    duplicates
        (n_batches,) anchors that occur more than once in their batch.
    lineage_pairs
        (n_batches,) pairs of samples of one lineage in the batch: false negatives of a contrastive loss.
    expected_lineage_pairs
        (n_batches,) what that would be on average, had each batch as many anchors of every experiment and
        condition as it has, but any of them.
    distinct_anchors, anchors
        Anchors seen at least once, and all there are.
    max_repeats
        Most often one anchor was seen.
    batch_size
        Anchors of the first batch.
    rows
        (n,) table rows of the anchors drawn.
    crossing, hour_histogram, tau, border, exclusions, coverage
        As their classes say.
    draws
        How the sampler came to the batches; None if it was not asked.
    confounds
        How well conditions are told without looking at cells; empty if that was not measured.
    intensities
        How bright patches are after normalization; None if that was not measured.
    warnings
        What a person should look at.
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
    expected_lineage_pairs: npt.NDArray[np.float64]
    distinct_anchors: int
    anchors: int
    max_repeats: int
    batch_size: int
    rows: TableRows
    crossing: Crossing
    hour_histogram: HourHistogram
    tau: tuple[TauCounts, ...]
    border: BorderShares
    exclusions: ExclusionTable
    coverage: Coverage
    draws: DrawCounts | None = None
    confounds: tuple[Confound, ...] = ()
    intensities: Intensities | None = None
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
