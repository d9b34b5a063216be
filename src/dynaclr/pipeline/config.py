"""What a pipeline is made from, as small frozen records; computes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dynaclr.base.errors import ConfigError, problem
from dynaclr.index import IndexOptions
from dynaclr.transforms import MapAugmentation, MapNormalization, MapTransform

__all__ = ("DataConfig", "PipelineConfig", "SamplingConfig", "SplitConfig", "TransformConfig")


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Which observations there are and what is read around them.

    Attributes
    ----------
    experiments_yaml
        The list of experiments.
    z_range
        Slices to read, half open.
    yx_patch_size
        Patch that is read, pixels.
    tau_range_hours, tau_decay_rate
        Law of the time between anchor and positive.
    include_wells, exclude_fovs
        Selection.
    return_negative
        Whether batches hold negatives.
    cache_pool_bytes
        Bytes of decoded chunks kept between batches; 0 for what one batch shares.
    options
        Relation of positives, and what happens to imperfect data.
    """

    experiments_yaml: Path
    z_range: tuple[int, int]
    yx_patch_size: tuple[int, int]
    tau_range_hours: tuple[float, float] = (0.5, 2.0)
    tau_decay_rate: float = 2.0
    include_wells: Sequence[str] | None = None
    exclude_fovs: Sequence[str] | None = None
    return_negative: bool = False
    cache_pool_bytes: int = 0
    options: IndexOptions = field(default_factory=IndexOptions)


@dataclass(frozen=True, slots=True)
class SplitConfig:
    """What is held out for validation.

    Attributes
    ----------
    val_experiments
        Whole experiments.
    val_fov_fraction
        Fraction of the FOVs of every other experiment, drawn once from the seed.
    no_validation
        Whether holding out nothing is meant.
    """

    val_experiments: Sequence[str] = ()
    val_fov_fraction: float = 0.0
    no_validation: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.val_fov_fraction < 1:
            raise ConfigError(
                problem(
                    "value out of range",
                    field="val_fov_fraction",
                    expected="0 <= x < 1",
                    found=self.val_fov_fraction,
                )
            )

    @property
    def holds_out(self) -> bool:
        """Whether anything validates."""
        return bool(self.val_experiments) or self.val_fov_fraction > 0


@dataclass(frozen=True, slots=True)
class SamplingConfig:
    """Arguments of `FlexibleBatchSampler`, which describes them."""

    batch_size: int = 128
    experiment_aware: bool = True
    leaky: float = 0.0
    experiment_weights: Mapping[str, float] | None = None
    condition_balanced: bool = True
    condition_ratio: Mapping[str, float] | None = None
    temporal_enrichment: bool = False
    temporal_window_hours: float = 2.0
    temporal_global_fraction: float = 0.3
    seed: int = 0
    group_by: Sequence[str] = ("experiment",)
    stratify_by: Sequence[str] = ("condition",)


@dataclass(frozen=True, slots=True)
class TransformConfig:
    """What happens to pixels after they are read.

    Attributes
    ----------
    normalizations
        Callables (images, norm_meta), in every stage; MONAI's are wrapped into such.
    augmentations
        `dynaclr.transforms`, in training only; MONAI's are wrapped into such.
    final_yx_patch_size
        What the network sees, pixels.
    channel_dropout_channels, channel_dropout_prob
        Channels zeroed at random in training.
    missing_statistics
        FOVs without the statistics that the normalizations need: "error" or "compute" (into a sidecar).
    """

    final_yx_patch_size: tuple[int, int]
    normalizations: Sequence[Any] = ()
    augmentations: Sequence[Any] = ()
    channel_dropout_channels: Sequence[int] = ()
    channel_dropout_prob: float = 0.0
    missing_statistics: Literal["error", "compute"] = "error"

    def __post_init__(self) -> None:
        if self.missing_statistics not in ("error", "compute"):
            raise ConfigError(
                problem(
                    "unknown choice",
                    field="missing_statistics",
                    expected="'error' or 'compute'",
                    found=repr(self.missing_statistics),
                )
            )
        for name, kind in (("normalizations", MapNormalization), ("augmentations", MapAugmentation)):
            given = getattr(self, name)
            ours = tuple(kind(item) if isinstance(item, MapTransform) else item for item in given)
            object.__setattr__(self, name, ours)


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """Everything between a list of experiments and a prepared batch."""

    data: DataConfig
    split: SplitConfig
    sampling: SamplingConfig
    transforms: TransformConfig
