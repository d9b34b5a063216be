"""Options of the batches: which anchors meet in one; draws nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dynaclr.base import keys
from dynaclr.base.bounds import Bounds
from dynaclr.base.option import check, option


@dataclass(frozen=True, slots=True)
class SamplingConfig:
    """Which anchors meet in a batch."""

    batch_size: int = option("Pairs of a batch, on each device", 128, bounds=Bounds(1), basic=True)
    experiment_aware: bool = option("Build each batch around one experiment", True)
    leaky: float = option(
        "Part of such a batch that comes from the other experiments",
        0.0,
        bounds=Bounds(0, 1),
        needs="experiment_aware",
    )
    experiment_weights: Mapping[str, float] | None = option(
        "How often a batch is built around each; null: by number of anchors",
        None,
        needs="experiment_aware",
    )
    condition_balanced: bool = option("Give conditions fixed shares of a batch", True)
    condition_ratio: Mapping[str, float] | None = option(
        "Shares of the conditions; null: equal", None, needs="condition_balanced"
    )
    temporal_enrichment: bool = option("Gather a batch around one focal hour after infection", False)
    temporal_window_hours: float = option(
        "Anchors at most this far from the focal hour count as near",
        2.0,
        bounds=Bounds(0, above=True),
        unit="hours",
        needs="temporal_enrichment",
    )
    temporal_global_fraction: float = option(
        "Part of the batch at any hour; 0: all near the focal hour",
        0.3,
        bounds=Bounds(0, 1),
        needs="temporal_enrichment",
    )
    seed: int = option(
        "Seed of all draws: batches, pairs, augmentation, split", 0, bounds=Bounds(0, 2**63 - 1)
    )
    group_by: Sequence[str] = option(
        "Columns that make the groups which experiment_aware acts on",
        (keys.EXPERIMENT,),
        needs="experiment_aware",
    )
    stratify_by: Sequence[str] = option(
        "Columns that make the strata which condition_balanced acts on",
        (keys.CONDITION,),
        needs="condition_balanced",
    )

    def __post_init__(self) -> None:
        check(self)
