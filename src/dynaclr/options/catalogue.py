"""Every option of a training as one list: name, type, default, bounds and words; builds nothing.

Defaults, types and words come from the signatures and docstrings of what takes them. What a class of
Lightning takes is repeated in the small tables here, since this module must load none of it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_type_hints

from dynaclr.encoder import ContrastiveEncoder, SmallEncoder
from dynaclr.index import MultiExperimentIndex
from dynaclr.loss import NTXentHCL, NTXentLoss, TripletMarginLoss
from dynaclr.options.fold import pipeline_config
from dynaclr.options.parameter import Parameter, described, parameter_of
from dynaclr.options.settings import RunSettings
from dynaclr.sampler import FlexibleBatchSampler

__all__ = ("ENCODERS", "LOSSES", "fixed_parameters", "init_parameters")

ENCODERS = ("dynaclr.encoder.SmallEncoder", "dynaclr.encoder.ContrastiveEncoder")
LOSSES = ("dynaclr.loss.NTXentHCL", "dynaclr.loss.NTXentLoss", "dynaclr.loss.TripletMarginLoss")
_CLASSES: dict[str, Callable[..., Any]] = dict(
    zip(
        (*ENCODERS, *LOSSES),
        (SmallEncoder, ContrastiveEncoder, NTXentHCL, NTXentLoss, TripletMarginLoss),
        strict=True,
    )
)


@dataclass(frozen=True)
class LearningOptions:
    """What `ContrastiveModule` takes besides encoder and loss.

    Attributes
    ----------
    lr
        Learning rate at its highest.
    weight_decay
        Of AdamW; norms and biases have none.
    warmup_steps
        Steps over which the learning rate rises linearly from 0.
    schedule
        "cosine" falls to 0 at the last step, "constant" stays.
    health_every_n_steps
        How often alignment, uniformity and effective rank of a training batch are logged; 0 for never.
    channels_last
        Whether weights and images lie in memory with the channels innermost; newer GPUs are faster then.
    compile
        Backend of torch.compile for the encoder, "inductor" for speed; None compiles nothing.
    """

    lr: float = 1e-3
    weight_decay: float = 1e-2
    warmup_steps: int = 0
    schedule: Literal["cosine", "constant"] = "cosine"
    health_every_n_steps: int = 50
    channels_last: bool = False
    compile: Literal["inductor", "aot_eager", "eager"] | None = None


@dataclass(frozen=True)
class LoaderOptions:
    """What `MultiExperimentDataModule` takes besides the options of the pipeline.

    Attributes
    ----------
    num_workers
        Batches read at the same time; 0 reads in the training thread.
    hcl_beta
        Weight of hard negatives in a loss that has one.
    prefetch_batches
        Batches read ahead of those being read.
    """

    num_workers: int = 1
    hcl_beta: float = 0.5
    prefetch_batches: int = 2


@dataclass(frozen=True)
class TrainerOptions:
    """What of Lightning's Trainer a person who trains an encoder changes.

    Attributes
    ----------
    max_epochs
        Epochs of the training.
    accelerator
        Kind of device; "auto" takes a GPU if there is one.
    devices
        How many devices train together; "auto" takes all.
    num_nodes
        How many computers train together.
    strategy
        How devices train together; "auto" is one process a device.
    precision
        Numbers that the network computes with; None is float32.
    deterministic
        Whether only operations are used that give the same numbers each time; slower on a GPU.
    gradient_clip_val
        Norm to which gradients are shortened; None leaves them.
    limit_train_batches
        Batches of an epoch, or their share below 1; None takes all.
    limit_val_batches
        Batches of a validation, or their share below 1; None takes all.
    check_val_every_n_epoch
        Epochs between validations.
    """

    max_epochs: int = 10
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    devices: int | str = "auto"
    num_nodes: int = 1
    strategy: str = "auto"
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] | None = None
    deterministic: bool = False
    gradient_clip_val: float | None = None
    limit_train_batches: int | float | None = None
    limit_val_batches: int | float | None = None
    check_val_every_n_epoch: int = 1


_LEAST: dict[str, float] = {
    "seed_everything": 0,
    "data.tau_decay_rate": 0,
    "data.batch_size": 1,
    "data.leaky": 0,
    "data.temporal_global_fraction": 0,
    "data.channel_dropout_prob": 0,
    "data.cache_pool_bytes": 0,
    "data.seed": 0,
    "data.val_fov_fraction": 0,
    "data.num_workers": 0,
    "data.hcl_beta": 0,
    "data.prefetch_batches": 0,
    "model.weight_decay": 0,
    "model.warmup_steps": 0,
    "model.health_every_n_steps": 0,
    "in_channels": 1,
    "in_stack_depth": 1,
    "projection_dim": 1,
    "drop_path_rate": 0,
    "trainer.max_epochs": 1,
    "trainer.num_nodes": 1,
    "trainer.gradient_clip_val": 0,
    "trainer.check_val_every_n_epoch": 1,
    "run.checkpoint_every_n_epochs": 0,
    "run.checkpoint_every_n_steps": 0,
    "run.log_every_n_steps": 1,
    "run.stop_every_n_steps": 1,
    "run.previews": 0,
    "run.nonfinite_patience": 1,
}
_ABOVE: dict[str, float] = {
    "data.temporal_window_hours": 0,
    "model.lr": 0,
    "temperature": 0,
    "temperature_end": 0,
    "margin": 0,
}
_MOST: dict[str, float] = {
    "data.leaky": 1,
    "data.temporal_global_fraction": 1,
    "data.channel_dropout_prob": 1,
}
_BELOW: dict[str, float] = {"data.val_fov_fraction": 1, "drop_path_rate": 1}
_PLAIN: dict[str, str] = {
    "": "seed_everything backbone widths projection_dim pretrained temperature margin",
    "trainer": "max_epochs accelerator devices precision",
    "run": "name root checkpoint_every_n_epochs",
    "data": "experiments_yaml z_range yx_patch_size final_yx_patch_size val_experiments val_fov_fraction "
    "tau_range batch_size num_workers relation curation",
    "model": "lr",
}


@cache
def fixed_parameters() -> Mapping[str, Parameter]:
    """Return {path: parameter} of all options that do not depend on the choice of encoder and loss.

    A path is that of the configuration, for example "data.batch_size".
    """
    words = described(pipeline_config)
    of_others = {**described(MultiExperimentIndex), **described(FlexibleBatchSampler)}
    words = {name: of_others[name] if text.startswith("As ") else text for name, text in words.items()}
    found = [
        _made("seed_everything", "seed_everything", int, 0, "Seed of the weights; batches have data.seed."),
        *_of_table("trainer", TrainerOptions),
        *_of_table("run", RunSettings),
        *_of_signature("data", pipeline_config, words),
        *_of_table("data", LoaderOptions),
        *_of_table("model", LearningOptions),
    ]
    return {item.path: item for item in found}


@cache
def init_parameters(section: str, class_path: str) -> Mapping[str, Parameter]:
    """Return {path: parameter} of a class in `section` ("model.encoder" or "model.loss_function").

    A class that is not in `ENCODERS` or `LOSSES` has none: its arguments are kept as they are. The weight
    of hard negatives is no argument of a loss here: "data.hcl_beta" decides.
    """
    thing = _CLASSES.get(class_path)
    if thing is None:
        return {}
    words = described(thing)
    if thing in (NTXentHCL, TripletMarginLoss):
        inherited = described(NTXentLoss)
        words = {name: inherited[name] if text.startswith("As ") else text for name, text in words.items()}
    found = _of_signature(f"{section}.init_args", thing, words)
    return {item.path: item for item in found if item.name != "beta"}


def _of_table(section: str, table: type[Any]) -> list[Parameter]:
    words, hints = described(table), get_type_hints(table)
    return [
        _made(f"{section}.{name}", name, hints[name], field.default, words[name])
        for name, field in table.__dataclass_fields__.items()
    ]


def _of_signature(section: str, thing: Callable[..., Any], words: Mapping[str, str]) -> list[Parameter]:
    hints = get_type_hints(thing.__init__ if inspect.isclass(thing) else thing)
    return [
        _made(f"{section}.{name}", name, hints[name], item.default, words.get(name, ""))
        for name, item in inspect.signature(thing).parameters.items()
    ]


def _made(path: str, name: str, annotation: Any, default: Any, words: str) -> Parameter:
    section, _, inner = path.partition(".")
    of_object = "." in inner or not inner
    place = name if of_object else path
    return parameter_of(
        path,
        annotation,
        default,
        words,
        lower=_LEAST.get(place, _ABOVE.get(place)),
        upper=_MOST.get(place, _BELOW.get(place)),
        lower_excluded=place in _ABOVE,
        upper_excluded=place in _BELOW,
        advanced=name not in _PLAIN["" if of_object else section].split(),
    )
