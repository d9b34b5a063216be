"""Trainings to begin with, fitted to a list of experiments; reads plates, no tracks and no pixels."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from dynaclr.base.errors import ConfigError
from dynaclr.base.paths import absolute_path
from dynaclr.experiment import ExperimentRegistry
from dynaclr.options.catalogue import ENCODERS
from dynaclr.options.spec import RunSpec
from dynaclr.pipeline import DataConfig, SplitConfig, split_fovs
from dynaclr.transforms import RandomAffine

_HELD = 0.2
_AFFINE: dict[str, Any] = {"rotation_degrees": 180.0, "scale_range": [0.9, 1.1], "shear_degrees": 5.0}


class Preset(StrEnum):
    """How much a training takes on."""

    QUICK = "quick look"
    DEFAULT = "default"
    THOROUGH = "thorough"


_FINAL_PX = {Preset.QUICK: 32, Preset.DEFAULT: 64, Preset.THOROUGH: 96}
_CHANGES: dict[Preset, dict[str, Any]] = {
    Preset.QUICK: {
        "trainer.max_epochs": 2,
        "trainer.limit_train_batches": 50,
        "trainer.limit_val_batches": 10,
        "data.batch_size": 32,
        "run.name": "quick-look",
    },
    Preset.DEFAULT: {"trainer.max_epochs": 50, "data.batch_size": 128, "model.warmup_steps": 50},
    Preset.THOROUGH: {
        "trainer.max_epochs": 200,
        "data.batch_size": 256,
        "data.num_workers": 4,
        "model.warmup_steps": 200,
        "model.encoder.class_path": ENCODERS[1],
        "run.name": "thorough",
        "run.checkpoint_every_n_epochs": 20,
    },
}


def preset_spec(preset: Preset, experiments: Path) -> RunSpec:
    """Return a training of a preset on some experiments.

    Slices are all that every plate has, or as many as experiments state; patches are as large as a rotation
    of what the network sees needs and images allow. FOVs are held out for validation where a condition of
    every experiment has two, else the last of several experiments, else nothing.

    Parameters
    ----------
    preset
        How much the training takes on.
    experiments
        The experiments.yaml.

    Raises
    ------
    ConfigError, DataError
        If the experiments cannot be read.
    """
    registry = ExperimentRegistry.from_yaml(experiments)
    shapes = [fov.shape for plate in registry.plates.values() for fov in plate.fovs.values()]
    depth = min(_depths(registry))
    plane = [min(shape[axis] for shape in shapes) for axis in (3, 4)]
    final = [min(_FINAL_PX[preset], size) for size in plane]
    needed = RandomAffine(**_AFFINE).required_patch_yx((final[0], final[1]))
    patch = [min(need, size) for need, size in zip(needed, plane, strict=True)]
    channels = registry.num_source_channels
    data = {
        "experiments_yaml": str(absolute_path(experiments)),
        "z_range": [0, depth],
        "yx_patch_size": patch,
        "final_yx_patch_size": final,
        "channel_dropout_channels": [1] if channels > 1 else [],
        "channel_dropout_prob": 0.3 if channels > 1 else 0.0,
        "normalizations": [_object("NormalizeByStatistics", level="fov_statistics")],
        "augmentations": _augmentations(preset),
        "missing_statistics": "compute",
        "leaky": 0.25 if len(registry.names) > 1 else 0.0,
        **_split(registry, depth, patch),
    }
    encoder = {"class_path": ENCODERS[0], "init_args": {"in_channels": channels, "in_stack_depth": depth}}
    loss = {"class_path": "dynaclr.loss.NTXentHCL", "init_args": {"temperature": 0.2}}
    values = {
        "trainer": {"devices": 1, "gradient_clip_val": 1.0},
        "data": data,
        "model": {"encoder": encoder, "loss_function": loss},
    }
    return RunSpec.of_values(values, f"preset '{preset}'").changed(_CHANGES[preset])


def _depths(registry: ExperimentRegistry) -> Iterator[int]:
    """Yield how many slices each experiment has: those that it states, else those of its plate."""
    for config in registry.experiments:
        if config.z_range is not None:
            yield config.z_range[1] - config.z_range[0]
        else:
            yield from (fov.shape[2] for fov in registry.plates[config.name].fovs.values())


def _object(name: str, **arguments: Any) -> dict[str, Any]:
    return {"class_path": f"dynaclr.transforms.{name}", "init_args": arguments}


def _augmentations(preset: Preset) -> list[dict[str, Any]]:
    plain = [_object("RandomAffine", **_AFFINE), _object("RandomFlip"), _object("RandomScaleIntensity")]
    if preset is Preset.QUICK:
        return plain
    return [
        *plain,
        _object("RandomGamma"),
        _object("RandomGaussianBlur"),
        _object("RandomGaussianNoise"),
    ]


def _split(registry: ExperimentRegistry, depth: int, patch: list[int]) -> dict[str, Any]:
    """Return what is held out."""
    data = DataConfig(Path(), (0, depth), (patch[0], patch[1]))
    try:
        split_fovs(registry, data, SplitConfig(val_fov_fraction=_HELD), seed=0)
    except ConfigError:
        if len(registry.names) > 1:
            return {"val_experiments": [registry.names[-1]]}
        return {"val_experiments": [], "no_validation": True}
    return {"val_experiments": [], "val_fov_fraction": _HELD}
