"""Which fields of view train and which validate; reads no tracks."""

from __future__ import annotations

import numpy as np

from dynaclr.base.errors import ConfigError, listing, problem, suggest
from dynaclr.base.random import FIXED_EPOCH, BatchKey, Purpose, shuffled, uniforms
from dynaclr.experiment import ExperimentRegistry, known_names, select_fovs
from dynaclr.pipeline.config import DataConfig, SplitConfig

Part = tuple[ExperimentRegistry, list[str]]
"""Experiments of a part, and the FOVs ("experiment/A/1/0") that it leaves out."""
Split = tuple[Part, Part | None]


def split_fovs(registry: ExperimentRegistry, data: DataConfig, split: SplitConfig, seed: int) -> Split:
    """Return the training part and the validation part (None if nothing is held out).

    Raises
    ------
    ConfigError
        If a name is unknown, everything or nothing is held out.
    """
    held = list(dict.fromkeys(split.val_experiments))
    for name in held:
        if name not in registry.names:
            raise ConfigError(
                problem(
                    "unknown experiment",
                    field="val_experiments",
                    expected=f"some of {listing(registry.names)}",
                    found=repr(name),
                    fix=suggest(name, registry.names).strip() or None,
                )
            )
    training = [name for name in registry.names if name not in held]
    if not training:
        raise ConfigError(
            problem(
                "all experiments are held out for validation: none is left for training",
                field="val_experiments",
                found=held,
            )
        )
    if not held and not split.val_fov_fraction and not split.no_validation:
        raise ConfigError(
            problem(
                "no validation data",
                field="val_experiments",
                expected=f"some of {listing(registry.names)}",
                found="an empty list",
                fix="Name experiments, or set val_fov_fraction to split by FOV, or no_validation to true.",
            )
        )
    excluded = list(data.exclude_fovs or ())
    fovs = _held_fovs(registry.subset(training), data, split.val_fov_fraction, seed)
    train: Part = (registry.subset(training), [*excluded, *fovs])
    if not held and not fovs:
        return train, None
    kept = [name for names in _grouped(registry.subset(training), data).values() for name in names]
    val: Part = (
        registry if fovs else registry.subset(held),
        [*excluded, *(name for name in kept if name not in set(fovs))] if fovs else excluded,
    )
    return train, val


def _grouped(registry: ExperimentRegistry, data: DataConfig) -> dict[tuple[str, str], list[str]]:
    """Return the FOVs in use ("experiment/A/1/0") by (experiment, condition)."""
    entries, _ = select_fovs(
        registry, known_names(registry, data.include_wells), known_names(registry, data.exclude_fovs)
    )
    groups: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        experiment = registry.names[entry.experiment]
        groups.setdefault((experiment, entry.condition), []).append(f"{experiment}/{entry.layout.name}")
    return groups


def _held_fovs(registry: ExperimentRegistry, data: DataConfig, fraction: float, seed: int) -> list[str]:
    """Draw the FOVs that validate: of every condition of an experiment that has two or more, never all.

    Raises
    ------
    ConfigError
        If no condition of an experiment has two FOVs.
    """
    if not fraction:
        return []
    chosen: dict[str, list[str]] = {name: [] for name in registry.names}
    for number, ((experiment, _), names) in enumerate(_grouped(registry, data).items()):
        count = int(np.clip(round(fraction * len(names)), 1, len(names) - 1)) if len(names) > 1 else 0
        key = BatchKey(seed, FIXED_EPOCH, number)
        order = shuffled(len(names), uniforms(key, Purpose.SPLIT, len(names))[:, 0])
        chosen[experiment] += [names[place] for place in order[:count]]
    for experiment, names in chosen.items():
        if not names:
            raise ConfigError(
                problem(
                    "no condition has two FOVs to split",
                    experiment=experiment,
                    field="val_fov_fraction",
                    expected="at least two FOVs of a condition",
                    fix="Hold out whole experiments with val_experiments.",
                )
            )
    return [name for names in chosen.values() for name in names]
