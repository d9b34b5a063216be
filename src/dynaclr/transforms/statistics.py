"""Normalization of batches by stored statistics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dynaclr.base import keys
from dynaclr.base.errors import ConfigError, DataError, listing, problem, suggest
from dynaclr.transforms import checks
from dynaclr.transforms.base import check_images, working_dtype

FLOOR = 1e-6
"""Smallest divisor: a channel without contrast becomes 0 everywhere rather than infinite."""

_FIX = "Run `python -m dynaclr preprocess`, which computes and stores the statistics."

NormMeta = Mapping[str, Mapping[str, Tensor]]


class Normalization(ABC):
    """A map of images by the statistics of each sample's own store, FOV or frame.

    Parameters
    ----------
    level
        "dataset_statistics", "fov_statistics" or "timepoint_statistics".
    channels
        Source channels that are changed; None for all.
    """

    def __init__(self, level: str, channels: Sequence[int] | None) -> None:
        self.level = _one_of(self, "level", level, keys.STATISTICS_LEVELS)
        if channels is not None:
            good = checks.sequence(channels) and all(type(item) is int and item >= 0 for item in channels)
            if not good or not channels or len(set(channels)) != len(channels):
                name = f"{type(self).__name__}.channels"
                expected = "a list of different whole numbers, 0 or more"
                raise ConfigError(
                    problem("wrong channels", field=name, expected=expected, found=repr(channels))
                )
        self.channels = None if channels is None else tuple(channels)

    def __call__(self, images: Tensor, norm_meta: NormMeta | None) -> Tensor:
        """Return normalized images, a new tensor of the same dtype and device.

        Parameters
        ----------
        images
            (B, C, Z, Y, X), floating point.
        norm_meta
            {level: {statistic: (B, C)}}; None if no store has any.

        Raises
        ------
        DataError
            If a statistic is missing, or is no finite number for a sample and channel that needs it.
        ConfigError
            If a channel is not there.
        """
        check_images(images)
        if self.channels is None:
            return self._normalized(images, norm_meta, list(range(images.shape[1])))
        if max(self.channels) >= images.shape[1]:
            name = f"{type(self).__name__}.channels"
            expected = f"0 to {images.shape[1] - 1}"
            raise ConfigError(
                problem("unknown channel", field=name, expected=expected, found=listing(self.channels))
            )
        result = images.clone()
        result[:, self.channels] = self._normalized(images[:, self.channels], norm_meta, list(self.channels))
        return result

    @property
    @abstractmethod
    def statistics(self) -> tuple[str, ...]:
        """Names of the statistics that are needed, for checks at set-up."""

    @abstractmethod
    def _normalized(self, images: Tensor, norm_meta: NormMeta | None, channels: list[int]) -> Tensor:
        """Return normalized images; their channels are `channels` of the statistics."""

    def _statistic(
        self, norm_meta: NormMeta | None, name: str, images: Tensor, channels: list[int]
    ) -> Tensor:
        """Return a statistic as (B, C, 1, 1, 1), checked."""
        where = f"{self.level}.{name}"
        values = ((norm_meta or {}).get(self.level) or {}).get(name)
        if values is None:
            there = [f"{level}.{key}" for level, content in (norm_meta or {}).items() for key in content]
            raise DataError(
                problem(
                    "statistic is missing", field=where, found=listing(there) or "no statistics", fix=_FIX
                )
            )
        chosen = values[:, channels]
        bad = (~torch.isfinite(chosen)).nonzero()
        if len(bad):
            row, channel = bad[0].tolist()
            found = f"{float(chosen[row, channel])} in {len(bad)} of {chosen.numel()}"
            what = "statistic is missing or non-finite"
            place = f"sample {row}, channel {channels[channel]}"
            expected = "a finite number"
            raise DataError(problem(what, row=place, field=where, expected=expected, found=found, fix=_FIX))
        return chosen[:, :, None, None, None].to(images.device, working_dtype(images))


class NormalizeByStatistics(Normalization):
    """x becomes (x - subtrahend) / max(divisor, 1e-6).

    Parameters
    ----------
    level
        "dataset_statistics", "fov_statistics" or "timepoint_statistics".
    subtrahend, divisor
        Names of statistics: mean, std, median, iqr, p1, p5, p95, p99, min, max.
    channels
        Source channels that are normalized; None for all.

    Raises
    ------
    ConfigError
        If a name is unknown or a channel is no whole number.
    """

    def __init__(
        self,
        level: str = keys.FOV_STATISTICS,
        subtrahend: str = "mean",
        divisor: str = "std",
        channels: list[int] | None = None,
    ) -> None:
        super().__init__(level, channels)
        self.subtrahend = _one_of(self, "subtrahend", subtrahend, keys.STATISTICS)
        self.divisor = _one_of(self, "divisor", divisor, keys.STATISTICS)

    @property
    def statistics(self) -> tuple[str, ...]:
        """Names of the statistics that are needed."""
        return (self.subtrahend, self.divisor)

    def _normalized(self, images: Tensor, norm_meta: NormMeta | None, channels: list[int]) -> Tensor:
        middle = self._statistic(norm_meta, self.subtrahend, images, channels)
        width = self._statistic(norm_meta, self.divisor, images, channels)
        return ((images - middle) / width.clamp_min(FLOOR)).to(images.dtype)


class ScaleByPercentiles(Normalization):
    """x becomes (x - low) / max(high - low, 1e-6): `low` goes to 0 and `high` to 1.

    Parameters
    ----------
    level
        "dataset_statistics", "fov_statistics" or "timepoint_statistics".
    low, high
        Names of statistics; different ones.
    clip
        Cut the result at 0 and 1.
    channels
        Source channels that are scaled; None for all.

    Raises
    ------
    ConfigError
        If a name is unknown, `low` is `high`, or a channel is no whole number.
    """

    def __init__(
        self,
        level: str = keys.FOV_STATISTICS,
        low: str = "p1",
        high: str = "p99",
        clip: bool = False,
        channels: list[int] | None = None,
    ) -> None:
        super().__init__(level, channels)
        self.low = _one_of(self, "low", low, keys.STATISTICS)
        self.high = _one_of(self, "high", high, keys.STATISTICS)
        if low == high:
            what = "low and high are the same statistic"
            raise ConfigError(problem(what, field="ScaleByPercentiles.high", found=high))
        self.clip = checks.flag(self, "clip", clip)

    @property
    def statistics(self) -> tuple[str, ...]:
        """Names of the statistics that are needed."""
        return (self.low, self.high)

    def _normalized(self, images: Tensor, norm_meta: NormMeta | None, channels: list[int]) -> Tensor:
        low = self._statistic(norm_meta, self.low, images, channels)
        high = self._statistic(norm_meta, self.high, images, channels)
        scaled = (images - low) / (high - low).clamp_min(FLOOR)
        return (scaled.clamp_(0, 1) if self.clip else scaled).to(images.dtype)


def _one_of(owner: object, field: str, value: str, options: Sequence[str]) -> str:
    if value not in options:
        name = f"{type(owner).__name__}.{field}"
        text = problem("unknown name", field=name, expected=listing(options), found=repr(value))
        raise ConfigError(text + suggest(value, options))
    return value
