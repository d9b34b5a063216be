"""Every option of a training as one list: type, default, bounds, unit, help, needs; builds nothing.

Options are declared in the records of their groups (`GROUPS`), and those of encoders and losses in the
signatures, docstrings and `BOUNDS` of these. Command line, checks, forms, presets and the reference page ask
here.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, get_type_hints

from dynaclr import encoder, loss
from dynaclr.base.bounds import Bounds
from dynaclr.base.option import facts_of
from dynaclr.options.parameter import Parameter, described, parameter_of
from dynaclr.options.settings import LearningOptions, LoaderOptions, RunSettings, SeedOptions, TrainerOptions
from dynaclr.pipeline import DataConfig, SamplingConfig, SplitConfig, TransformConfig

GROUPS: Mapping[str, tuple[str, type[Any]]] = {
    "seed": ("", SeedOptions),
    "trainer": ("trainer", TrainerOptions),
    "run": ("run", RunSettings),
    "data": ("data", DataConfig),
    "split": ("data", SplitConfig),
    "sampling": ("data", SamplingConfig),
    "transforms": ("data", TransformConfig),
    "loader": ("data", LoaderOptions),
    "model": ("model", LearningOptions),
}
"""{group: (section of the YAML that holds it, its record)}, in the order in which people look for them."""
_OF_PIPELINE = ("data", "split", "sampling", "transforms")

ENCODERS = ("dynaclr.encoder.SmallEncoder", "dynaclr.encoder.ContrastiveEncoder")
LOSSES = ("dynaclr.loss.NTXentHCL", "dynaclr.loss.NTXentLoss", "dynaclr.loss.TripletMarginLoss")
_OBJECTS = {"model.encoder": (ENCODERS, encoder), "model.loss_function": (LOSSES, loss)}
_BASIC_ARGUMENTS = frozenset({"backbone", "widths", "projection_dim", "pretrained", "temperature", "margin"})


@cache
def options(group: str) -> tuple[Parameter, ...]:
    """Return the options of a group, one of `GROUPS`, in the order of their record."""
    section, record = GROUPS[group]
    return tuple(_of_record(group, section, record))


@cache
def data_options() -> Mapping[str, Parameter]:
    """Return {name: option} of all that a pipeline is made from, without those of the loader."""
    return {item.name: item for group in _OF_PIPELINE for item in options(group)}


@cache
def fixed_parameters() -> Mapping[str, Parameter]:
    """Return {path: option} of all options that do not depend on the choice of encoder and loss.

    A path is that of the configuration, for example "data.batch_size".
    """
    return {item.path: item for group in GROUPS for item in options(group)}


@cache
def init_parameters(section: str, class_path: str) -> Mapping[str, Parameter]:
    """Return {path: option} of a class in `section` ("model.encoder" or "model.loss_function").

    A class that is not in `ENCODERS` or `LOSSES` has none: its arguments are kept as they are. The weight
    of hard negatives is no argument of a loss here: "data.hcl_beta" decides.
    """
    names, room = _OBJECTS[section]
    if class_path not in names:
        return {}
    found = arguments_of(getattr(room, class_path.rpartition(".")[2]), section, room.BOUNDS)
    return {item.path: item for item in found if item.name != "beta"}


def arguments_of(
    thing: Any, section: str = "", bounds: Mapping[str, Bounds] | None = None
) -> list[Parameter]:
    """Return the arguments of a class that a YAML may name, as its signature and docstring have them."""
    words, hints = _inherited(thing), get_type_hints(thing.__init__)
    return [
        parameter_of(
            f"{section}.init_args.{name}",
            hints.get(name, object),
            MISSING if item.default is inspect.Parameter.empty else item.default,
            words.get(name, ""),
            bounds=(bounds or {}).get(name),
            basic=name in _BASIC_ARGUMENTS,
            group=section,
        )
        for name, item in inspect.signature(thing).parameters.items()
        if item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)
    ]


def _inherited(thing: Any) -> dict[str, str]:
    """Return the descriptions of a class's arguments; "As in" another class is what that one says."""
    words = described(thing)
    others = described(loss.NTXentLoss)
    return {name: others[name] if text.startswith("As ") else text for name, text in words.items()}


def _of_record(group: str, section: str, record: type[Any]) -> list[Parameter]:
    """Return the options of a record, and of the records in it where they stand."""
    found: list[Parameter] = []
    hints = get_type_hints(record)
    for field in fields(record):
        facts, hint = facts_of(field), hints[field.name]
        if facts is not None:
            name = facts.name or field.name
            default = field.default if facts.yaml_default is ... else facts.yaml_default
            found.append(
                parameter_of(
                    f"{section}.{name}" if section else name,
                    hint,
                    MISSING if facts.required else default,
                    facts.help,
                    bounds=facts.bounds,
                    unit=facts.unit,
                    needs=facts.needs,
                    basic=facts.basic,
                    group=group,
                )
            )
        elif is_dataclass(hint):
            found += _of_record(group, section, hint)  # type: ignore[arg-type]
    return found
