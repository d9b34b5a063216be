"""Every option of the data as one flat list, folded into a `PipelineConfig`; knows no Lightning."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from dynaclr.base.paths import absolute_path
from dynaclr.curation import CURATION_FILE
from dynaclr.experiment import slices_of
from dynaclr.index import IndexOptions
from dynaclr.pipeline import DataConfig, PipelineConfig, SamplingConfig, SplitConfig, TransformConfig
from dynaclr.tracks import TrackPolicy
from dynaclr.transforms import MapTransform, Normalization, Transform

__all__ = ("marks_file", "pipeline_config")


def pipeline_config(
    experiments_yaml: str,
    z_range: tuple[int, int],
    yx_patch_size: tuple[int, int],
    final_yx_patch_size: tuple[int, int],
    val_experiments: list[str],
    tau_range: tuple[float, float] = (0.5, 2.0),
    tau_decay_rate: float = 2.0,
    batch_size: int = 128,
    experiment_aware: bool = True,
    condition_balanced: bool = True,
    leaky: float = 0.0,
    temporal_enrichment: bool = False,
    temporal_window_hours: float = 2.0,
    temporal_global_fraction: float = 0.3,
    experiment_weights: dict[str, float] | None = None,
    condition_ratio: dict[str, float] | None = None,
    channel_dropout_channels: list[int] = [1],  # noqa: B006 - the CLI shows the default; never changed
    channel_dropout_prob: float = 0.5,
    normalizations: list[Normalization | MapTransform] = [],  # noqa: B006 - as above
    augmentations: list[Transform | MapTransform] = [],  # type: ignore[type-arg]  # noqa: B006 - as above
    cache_pool_bytes: int = 0,
    seed: int = 0,
    include_wells: list[str] | None = None,
    exclude_fovs: list[str] | None = None,
    val_fov_fraction: float = 0.0,
    no_validation: bool = False,
    relation: Literal["descendant", "track", "lineage", "self"] = "descendant",
    missing_chunks: Literal["exclude", "error", "zeros"] = "exclude",
    missing_tracks: Literal["skip", "error"] = "skip",
    bad_coordinates: Literal["error", "drop"] = "error",
    duplicate_rows: Literal["error", "drop"] = "error",
    missing_statistics: Literal["error", "compute"] = "error",
    return_negative: bool = False,
    group_by: list[str] = ["experiment"],  # noqa: B006 - as above
    stratify_by: list[str] = ["condition"],  # noqa: B006 - as above
    index_cache: str | None = None,
    curation: str | None = "auto",
) -> PipelineConfig:
    """Return the configuration of a pipeline from the options of a `data:` section.

    Parameters
    ----------
    experiments_yaml
        The list of experiments.
    z_range
        Slices to read, half open.
    yx_patch_size, final_yx_patch_size
        Patch that is read, and what the network sees after augmentation, pixels.
    val_experiments
        Experiments held out whole for validation.
    tau_range, tau_decay_rate
        Hours from anchor to positive, and how fast their probability falls.
    batch_size
        Pairs of a batch (on each device).
    experiment_aware, condition_balanced, leaky, temporal_enrichment, temporal_window_hours,
    temporal_global_fraction, experiment_weights, condition_ratio, group_by, stratify_by, seed
        As `FlexibleBatchSampler` says.
    channel_dropout_channels, channel_dropout_prob
        Channels (positions in source_channel) that are zeroed for a whole sample in training.
    normalizations
        Of every stage: `dynaclr.transforms` with statistics, for example `NormalizeByStatistics`, or MONAI's
        `MapTransform`s that draw nothing; their keys are ch_0, ch_1, ... in the order of source_channel.
    augmentations
        Of training: `dynaclr.transforms`, or MONAI's `MapTransform`s, applied sample by sample.
    cache_pool_bytes
        Bytes of decoded chunks kept between batches; 0 for what one batch shares.
    include_wells, exclude_fovs
        Selection, as `MultiExperimentIndex` says.
    val_fov_fraction
        Fraction of the FOVs of every training experiment that validates instead.
    no_validation
        Whether holding out nothing is meant.
    relation
        "descendant", "track", "lineage" or "self".
    missing_chunks
        "exclude", "error" or "zeros".
    missing_tracks
        FOVs without a track file: "skip" or "error".
    bad_coordinates, duplicate_rows
        Rows of track files: "error" or "drop".
    missing_statistics
        "error" or "compute".
    return_negative
        Whether batches hold negatives.
    index_cache
        Folder for a cache of the index; None for none.
    curation
        File of marks: what they exclude is not trained on. "auto" is
        curation.csv beside experiments_yaml where there is one; None for none.
    """
    tracks = TrackPolicy(missing_tracks, bad_coordinates, duplicate_rows)
    cache = None if index_cache is None else absolute_path(index_cache)
    listed = absolute_path(experiments_yaml)
    marks = marks_file(listed, curation)
    return PipelineConfig(
        DataConfig(
            experiments_yaml=listed,
            z_range=slices_of(z_range),
            yx_patch_size=(yx_patch_size[0], yx_patch_size[1]),
            tau_range_hours=(tau_range[0], tau_range[1]),
            tau_decay_rate=tau_decay_rate,
            include_wells=include_wells,
            exclude_fovs=exclude_fovs,
            return_negative=return_negative,
            cache_pool_bytes=cache_pool_bytes,
            options=IndexOptions(relation, missing_chunks, tracks, cache, marks),
        ),
        SplitConfig(tuple(val_experiments), val_fov_fraction, no_validation),
        SamplingConfig(
            batch_size=batch_size,
            experiment_aware=experiment_aware,
            leaky=leaky,
            experiment_weights=experiment_weights,
            condition_balanced=condition_balanced,
            condition_ratio=condition_ratio,
            temporal_enrichment=temporal_enrichment,
            temporal_window_hours=temporal_window_hours,
            temporal_global_fraction=temporal_global_fraction,
            seed=seed,
            group_by=tuple(group_by),
            stratify_by=tuple(stratify_by),
        ),
        TransformConfig(
            final_yx_patch_size=(final_yx_patch_size[0], final_yx_patch_size[1]),
            normalizations=tuple(normalizations),
            augmentations=tuple(augmentations),
            channel_dropout_channels=tuple(channel_dropout_channels),
            channel_dropout_prob=channel_dropout_prob,
            missing_statistics=missing_statistics,
        ),
    )


def marks_file(experiments_yaml: Path, curation: str | None) -> Path | None:
    """Return the file of marks that an option stands for, None if no marks are to count."""
    if curation != "auto":
        return None if curation is None else absolute_path(curation)
    beside = experiments_yaml.parent / CURATION_FILE
    return beside if beside.is_file() else None
