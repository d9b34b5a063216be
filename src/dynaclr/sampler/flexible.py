"""Which anchors form batch k of epoch e."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.arguments import keep_arguments, with_arguments
from dynaclr.base.bounds import Bounds
from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.fingerprint import fingerprint
from dynaclr.base.numbering import AnchorNumbers
from dynaclr.base.option import bounds_of, without_effect
from dynaclr.base.permutation import permuted
from dynaclr.base.random import BatchKey, KeyedBatch
from dynaclr.sampler.axes import Axis, Cells, Columns, FrameColumns, axis_of, require, weights_by_label
from dynaclr.sampler.options import SamplingConfig
from dynaclr.sampler.shortages import never_drawn, shortages
from dynaclr.sampler.stratified import Account, Shares, StratifiedDraw

BOUNDS = bounds_of(SamplingConfig)
"""Bounds of the options that are numbers."""


@with_arguments
class FlexibleBatchSampler:
    """Batches of anchor numbers (of rows of `valid_anchors`), each a pure function of (seed, epoch, number).

    Every axis is met at once: quotas of conditions, of leaked anchors and of anchors near the focal hour
    hold exactly, their combinations to within one. Where the anchors for a combination are missing,
    in this order: the window of hours is widened to all hours; then a leaked anchor is taken from the
    batch's own experiment. Where there are fewer than asked for, they are drawn with replacement.
    A condition that the batch's experiment lacks gives its share to the others. Each is warned about
    once, with numbers.

    With all axes off, an epoch is a permutation: every anchor occurs once. The arguments are read-only
    attributes.

    Parameters
    ----------
    valid_anchors
        Frame or `Columns` of the anchors.
    batch_size, experiment_aware, leaky, experiment_weights, condition_balanced, condition_ratio,
    temporal_enrichment, temporal_window_hours, temporal_global_fraction, seed, group_by, stratify_by
        As `SamplingConfig` says.
    num_replicas, rank
        Number of processes and this one's number. Batches rank, rank + num_replicas, ... are its own.
    drop_last
        Drop the last incomplete batch (or the batches that do not reach every rank) of an epoch.

    Raises
    ------
    ConfigError
        If a value is out of range, a name is unknown or a column that an axis needs is missing.
    """

    batch_size: int
    experiment_aware: bool
    num_replicas: int
    rank: int
    seed: int
    drop_last: bool

    def __init__(
        self,
        valid_anchors: Any,
        batch_size: int = 128,
        experiment_aware: bool = True,
        leaky: float = 0.0,
        experiment_weights: Mapping[str, float] | None = None,
        condition_balanced: bool = True,
        condition_ratio: Mapping[str, float] | None = None,
        temporal_enrichment: bool = False,
        temporal_window_hours: float = 2.0,
        temporal_global_fraction: float = 0.3,
        num_replicas: int = 1,
        rank: int = 0,
        seed: int = 0,
        drop_last: bool = True,
        *,
        group_by: Sequence[str] = (keys.EXPERIMENT,),
        stratify_by: Sequence[str] = (keys.CONDITION,),
    ) -> None:
        given = dict(locals(), group_by=tuple(_names(group_by)), stratify_by=tuple(_names(stratify_by)))
        self.options = SamplingConfig(**{name: given[name] for name in SamplingConfig.__dataclass_fields__})
        _check_ranks(num_replicas, rank)
        columns: Columns = FrameColumns(valid_anchors) if hasattr(valid_anchors, "iloc") else valid_anchors
        batch_size, num_replicas, rank, seed = int(batch_size), int(num_replicas), int(rank), int(seed)
        keep_arguments(self, locals())
        self.epoch = 0
        self.size = len(columns)
        everything = Axis(np.zeros(self.size, dtype=np.int64), ("all",))
        self.group = (
            axis_of(columns, _names(group_by), "experiment_aware") if experiment_aware else everything
        )
        self.stratum = (
            axis_of(columns, _names(stratify_by), "condition_balanced") if condition_balanced else everything
        )
        self._plain = not (experiment_aware or condition_balanced or temporal_enrichment)
        hours = _hours(columns) if temporal_enrichment else None
        self._check_size()
        self._cells = Cells(self.stratum, self.group, hours)
        sizes = self._cells.sizes
        self._group_weights = weights_by_label(
            experiment_weights if experiment_aware else None,
            self.group.labels,
            sizes.sum(axis=0),
            "experiment_weights",
        )
        self._ratio = weights_by_label(
            condition_ratio if condition_balanced else None,
            self.stratum.labels,
            np.ones(len(self.stratum)),
            "condition_ratio",
        )
        focal = 1.0 - temporal_global_fraction if temporal_enrichment else 0.0
        self._shares = Shares(leaky if experiment_aware else 0.0, focal, float(temporal_window_hours))
        self._draw = StratifiedDraw(
            self._cells, self._ratio, self._group_weights, self._shares, self.batch_size, self._fallback
        )
        self._warned: set[str] = set()
        self._check_groups()

    def _check_size(self) -> None:
        if not self.size:
            raise ConfigError(problem("no anchors to sample from", expected="at least one", found=0))
        if self._plain and self.drop_last and self.size < self.batch_size:
            raise ConfigError(
                problem(
                    "fewer anchors than the batch size",
                    field="batch_size",
                    expected=f"<= {self.size} anchors",
                    found=self.batch_size,
                    fix="Lower batch_size, or set drop_last to false.",
                )
            )
        if self.drop_last and self.batches_per_epoch < self.num_replicas:
            raise ConfigError(
                problem(
                    "more ranks than batches",
                    field="num_replicas",
                    expected=f"<= {self.batches_per_epoch} batches of {self.batch_size}",
                    found=self.num_replicas,
                    fix="Lower batch_size or the number of devices.",
                )
            )

    def _check_groups(self) -> None:
        """Warn about options without effect and shares that the data cannot give without repeating rows."""
        for number, text in enumerate(without_effect(self.options)):
            self._warn(f"without effect {number}", text)
        if self.options.temporal_enrichment and not self._shares.focal:
            self._warn("focal", "temporal_enrichment has no effect: temporal_global_fraction is 1")
        for field, axis, on, leaky in (
            ("experiment_weights", self.group, self.experiment_aware, self._shares.leaky),
            ("condition_ratio", self.stratum, self.options.condition_balanced, 0.0),
        ):
            never = never_drawn(field, getattr(self.options, field), axis.labels, leaky) if on else None
            if never is not None:
                self._warn(field, never)
        found = shortages(
            self._cells.sizes,
            self.stratum,
            self.group,
            self._ratio,
            self._group_weights,
            self._shares,
            self.batch_size,
        )
        for topic, text in found:
            self._warn(topic, text)

    def _fallback(self, topic: str, stratum: int, group: int, text: str) -> None:
        label = f"'{self.stratum.labels[stratum]}' of '{self.group.labels[group]}'"
        self._warn(topic, f"{text} ({label})")

    def _warn(self, topic: str, text: str) -> None:
        if topic not in self._warned:
            self._warned.add(topic)
            warnings.warn(f"sampler: {text}.", stacklevel=4)

    @property
    def sampler(self) -> FlexibleBatchSampler:
        """Itself: Lightning looks for the `set_epoch` of a batch sampler under this name."""
        return self

    @property
    def fingerprint(self) -> str:
        """A digest of all that the batches are drawn from, the same on every rank."""
        return fingerprint(
            *(self.batch_size, self.seed, self.drop_last, self.size, self._plain),
            *(self.group.labels, self._group_weights, self.stratum.labels, self._ratio),
            *(self._shares.leaky, self._shares.focal, self._shares.window_hours),
            *self._cells.contents,
        )

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that iteration yields."""
        self.epoch = int(epoch)

    @property
    def batches_per_epoch(self) -> int:
        """Batches of an epoch over all ranks, before they are shared out."""
        if self.drop_last:
            return max(self.size // self.batch_size, 0 if self._plain else 1)
        return -(-self.size // self.batch_size)

    def __len__(self) -> int:
        """Return the number of batches of this rank, the same on every rank."""
        if self.drop_last:
            return self.batches_per_epoch // self.num_replicas
        return -(-self.batches_per_epoch // self.num_replicas)

    def __iter__(self) -> Iterator[KeyedBatch]:
        yield from self.iterate(self.epoch)

    def iterate(self, epoch: int, start: int = 0) -> Iterator[KeyedBatch]:
        """Yield this rank's batches of an epoch from its `start`-th on; nothing before is built."""
        for place in range(start, len(self)):
            yield self.batch(epoch, self.rank + place * self.num_replicas)

    def batch(self, epoch: int, k: int) -> KeyedBatch:
        """Return batch k of an epoch, counted over all ranks, in time independent of k and of the anchors."""
        return self.account(epoch, k)[0]

    def account(self, epoch: int, k: int) -> tuple[KeyedBatch, Account]:
        """Return batch k of an epoch as `batch` does, and how it came about."""
        if epoch < 0 or k < 0:
            raise ValueError(f"epoch and batch are 0-based; found epoch {epoch}, batch {k}")
        key = BatchKey(self.seed, int(epoch), int(k))
        anchors, account = (self._permutation_batch(key), Account()) if self._plain else self._draw(key)
        return KeyedBatch(anchors.tolist(), key), account

    @property
    def shares(self) -> Shares:
        """Leaked and focal fractions; 0 where the axis is off."""
        return self._shares

    def _permutation_batch(self, key: BatchKey) -> AnchorNumbers:
        """Anchors of the epoch's permutation; batches past its end (ranks that wait) start over."""
        first = (key.batch % self.batches_per_epoch) * self.batch_size
        places = np.arange(first, min(first + self.batch_size, self.size))
        return AnchorNumbers(permuted(places, self.size, key.seed, key.epoch))


def _names(columns: str | Sequence[str]) -> Sequence[str]:
    return (columns,) if isinstance(columns, str) else tuple(columns)


def _hours(columns: Columns) -> npt.NDArray[np.float64]:
    require(columns, keys.HOURS, "temporal_enrichment")
    hours = columns.numbers(keys.HOURS)
    if not np.isfinite(hours).all():
        count = int(np.count_nonzero(~np.isfinite(hours)))
        raise ConfigError(
            problem(
                "anchors without hours post infection",
                field=keys.HOURS,
                expected="a number for every anchor",
                found=f"{count} blanks",
                fix="Give start_hpi of the experiment, or switch temporal_enrichment off.",
            )
        )
    return hours


def _check_ranks(replicas: int, rank: int) -> None:
    for field, value, bounds in (
        ("num_replicas", replicas, Bounds(1)),
        ("rank", rank, Bounds(0, replicas - 1)),
    ):
        if not bounds.holds(value):
            raise ConfigError(problem("value out of range", field=field, expected=bounds, found=value))
