"""What a pipeline is made from, as small frozen records of options; computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dynaclr.base.bounds import Bounds
from dynaclr.base.option import check, option
from dynaclr.index import IndexOptions, ReadingOptions
from dynaclr.sampler import SamplingConfig
from dynaclr.transforms import MapAugmentation, MapNormalization, MapTransform, Normalization, Transform

__all__ = ("DataConfig", "PipelineConfig", "SamplingConfig", "SplitConfig", "TransformConfig")


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Which observations there are and what is read around them; `options` is about imperfect data."""

    experiments_yaml: Path = option("The list of experiments, experiments.yaml", basic=True)
    z_range: tuple[int, int] = option(
        "Slices to read: first and last + 1", unit="slices", basic=True, bounds=Bounds(0)
    )
    yx_patch_size: tuple[int, int] = option(
        "Patch that is read from disk", unit="pixels", basic=True, bounds=Bounds(1)
    )
    reading: ReadingOptions = field(default_factory=ReadingOptions, kw_only=True)
    tau_range_hours: tuple[float, float] = option(
        "Shortest and longest time from anchor to positive",
        (0.5, 2.0),
        name="tau_range",
        unit="hours",
        basic=True,
        bounds=Bounds(0),
    )
    tau_decay_rate: float = option(
        "How fast the probability of longer times falls; 0: uniform", 2.0, bounds=Bounds(0)
    )
    include_wells: Sequence[str] | None = option("Wells to read, such as A/1; null: all", None)
    exclude_fovs: Sequence[str] | None = option("FOVs to leave out, such as A/1/0", None)
    return_negative: bool = option("Add a negative to each pair, for a triplet loss of torch", False)
    cache_pool_bytes: int = option(
        "Decoded chunks kept between batches; 0: what one batch shares", 0, unit="bytes", bounds=Bounds(0)
    )
    options: IndexOptions = field(default_factory=IndexOptions)

    def __post_init__(self) -> None:
        check(self)

    @property
    def stack_depth(self) -> int:
        """Slices of a patch."""
        return self.reading.depth(self.z_range)


@dataclass(frozen=True, slots=True)
class SplitConfig:
    """What is held out for validation."""

    val_experiments: Sequence[str] = option(
        "Experiments held out whole for validation", (), required=True, basic=True
    )
    val_fov_fraction: float = option(
        "Part of the FOVs of every other experiment that validates",
        0.0,
        bounds=Bounds(0, 1, below=True),
        basic=True,
    )
    no_validation: bool = option("Say that holding out nothing is meant", False)

    def __post_init__(self) -> None:
        check(self)

    @property
    def holds_out(self) -> bool:
        """Whether anything validates."""
        return bool(self.val_experiments) or self.val_fov_fraction > 0


@dataclass(frozen=True, slots=True)
class TransformConfig:
    """What happens to pixels after they are read."""

    final_yx_patch_size: tuple[int, int] = option(
        "Patch that the network sees; the margin is what rotations need",
        unit="pixels",
        basic=True,
        bounds=Bounds(1),
    )
    normalizations: Sequence[Normalization | MapTransform] = option(
        "Normalizations in every stage, ours or MONAI's", ()
    )
    augmentations: Sequence[Transform | MapTransform] = option(  # type: ignore[type-arg] # the parser takes no parameters
        "Random transforms in training only, ours or MONAI's", ()
    )
    channel_dropout_channels: Sequence[int] = option(
        "Channels (positions in source_channel) that dropout may zero", (1,)
    )
    channel_dropout_prob: float = option(
        "How often each of them is zeroed for a whole sample in training", 0.5, bounds=Bounds(0, 1)
    )
    missing_statistics: Literal["error", "compute"] = option(
        "FOVs without the statistics that normalizations need", "error"
    )

    def __post_init__(self) -> None:
        check(self)
        for name, kind in (("normalizations", MapNormalization), ("augmentations", MapAugmentation)):
            given = getattr(self, name)
            ours = tuple(kind.of(item) for item in (given if isinstance(given, Sequence) else [given]))
            object.__setattr__(self, name, ours)


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """Everything between a list of experiments and a prepared batch."""

    data: DataConfig
    split: SplitConfig
    sampling: SamplingConfig
    transforms: TransformConfig
