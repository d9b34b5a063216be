"""What is written of an option is written once; where a signature repeats it, the two are compared."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from dynaclr.base.option import facts_of
from dynaclr.base.paths import paths_in_training
from dynaclr.index import IndexOptions
from dynaclr.options.catalogue import GROUPS, data_options, fixed_parameters, options
from dynaclr.options.parameter import Kind
from dynaclr.options.settings import TrainerOptions
from dynaclr.pipeline import DataConfig
from dynaclr.sampler import FlexibleBatchSampler

CONTRACTED = [
    "experiments_yaml",
    "z_range",
    "yx_patch_size",
    "final_yx_patch_size",
    "val_experiments",
    "tau_range",
    "tau_decay_rate",
    "batch_size",
    "num_workers",
    "experiment_aware",
    "condition_balanced",
    "leaky",
    "temporal_enrichment",
    "temporal_window_hours",
    "temporal_global_fraction",
    "experiment_weights",
    "condition_ratio",
    "channel_dropout_channels",
    "channel_dropout_prob",
    "normalizations",
    "augmentations",
    "hcl_beta",
    "cache_pool_bytes",
    "seed",
    "include_wells",
    "exclude_fovs",
]
"""Arguments of the data module that users rely on, in order."""


def defaults(thing: Any) -> dict[str, Any]:
    """{argument: default}; None for none, lists for tuples."""
    found = inspect.signature(thing.__init__ if inspect.isclass(thing) else thing).parameters
    values = {name: item.default for name, item in found.items() if name != "self"}
    return {name: plain(value) for name, value in values.items()}


def plain(value: Any) -> Any:
    if value is inspect.Parameter.empty:
        return None
    return list(value) if isinstance(value, tuple) else value


def test_the_data_module_takes_the_options_of_the_data_section() -> None:
    from dynaclr.datamodule import MultiExperimentDataModule

    theirs = defaults(MultiExperimentDataModule)
    assert list(theirs)[: len(CONTRACTED)] == CONTRACTED
    mine = {item.name: item for item in (*data_options().values(), *options("loader"))}
    assert theirs == {name: mine[name].default for name in theirs}
    assert set(theirs) == set(mine)
    signature = inspect.signature(MultiExperimentDataModule).parameters
    required = {name for name, item in signature.items() if item.default is inspect.Parameter.empty}
    assert required == {item.name for item in mine.values() if item.required}


def test_the_sampler_takes_the_options_of_sampling() -> None:
    theirs = defaults(FlexibleBatchSampler)
    for name in ("valid_anchors", "num_replicas", "rank", "drop_last"):
        del theirs[name]
    assert theirs == {item.name: item.default for item in options("sampling")}


def test_the_module_takes_the_options_of_the_model() -> None:
    from dynaclr.engine import ContrastiveModule

    theirs = defaults(ContrastiveModule)
    for name in ("encoder", "loss_function", "hcl_beta"):
        del theirs[name]
    assert theirs == {item.name: item.default for item in options("model")}


def test_the_trainer_takes_the_options_of_the_trainer() -> None:
    from lightning.pytorch import Trainer

    from dynaclr.cli.training import _TRAINER_DEFAULTS

    theirs = {**defaults(Trainer), **_TRAINER_DEFAULTS}
    for field in fields(TrainerOptions):
        same = field.default == theirs[field.name]
        assert same or (theirs[field.name] is None and field.name == "check_val_every_n_epoch"), field.name


def test_a_record_lists_each_option_once_with_all_that_is_known() -> None:
    paths = [item.path for group in GROUPS for item in options(group)]
    assert len(paths) == len(set(paths)) == len(fixed_parameters())
    leaky = fixed_parameters()["data.leaky"]
    assert (leaky.kind, str(leaky.bounds), leaky.needs) == (Kind.NUMBER, "0..1", "experiment_aware")
    assert (leaky.group, leaky.basic, leaky.section) == ("sampling", False, "data")
    assert fixed_parameters()["data.tau_range"].unit == "hours"
    for item in fixed_parameters().values():
        assert item.needs is None or f"{item.section}.{item.needs}" in fixed_parameters()


@pytest.mark.parametrize("item", fixed_parameters().values(), ids=lambda item: item.path)
def test_help_is_one_line(item: Any) -> None:
    assert 10 < len(item.help) <= 100 and not item.help.endswith(".") and "\n" not in item.help


def test_values_are_taken_as_records_hold_them() -> None:
    known = data_options()
    assert known["tau_range"].taken([1, 2]) == (1.0, 2.0)
    assert known["experiment_weights"].taken({"a": 1}) == {"a": 1.0}
    assert known["experiments_yaml"].fault(Path("a.yaml")) is None
    assert known["experiment_weights"].taken(None) is None


def test_the_paths_of_the_data_are_those_that_a_file_s_folder_is_put_before() -> None:
    declared = {
        facts.name or field.name
        for record in (DataConfig, IndexOptions)
        for field in fields(record)
        if (facts := facts_of(field)) is not None and "Path" in str(get_type_hints(record)[field.name])
    }
    content = {"data": dict.fromkeys(data_options(), "somewhere")}
    assert {name for name, _ in paths_in_training(content)} == {f"data.{name}" for name in declared}
