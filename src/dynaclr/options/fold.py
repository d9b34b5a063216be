"""Every option of the data as one flat list, folded into a `PipelineConfig`; knows no Lightning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from dynaclr.base.errors import ConfigError, problem, suggest
from dynaclr.base.option import facts_of
from dynaclr.base.paths import absolute_path
from dynaclr.curation import CURATION_FILE
from dynaclr.experiment import slices_of
from dynaclr.options.catalogue import data_options
from dynaclr.options.parameter import Kind
from dynaclr.pipeline import PipelineConfig


def pipeline_config(
    experiments_yaml: str,
    z_range: tuple[int, int],
    yx_patch_size: tuple[int, int],
    final_yx_patch_size: tuple[int, int],
    val_experiments: list[str],
    **options: Any,
) -> PipelineConfig:
    """Return the configuration of a pipeline from the options of a `data:` section.

    Parameters
    ----------
    experiments_yaml, z_range, yx_patch_size, final_yx_patch_size, val_experiments, **options
        As `dynaclr.options.catalogue.data_options` lists them; those that are left out have their defaults.

    Raises
    ------
    ConfigError
        If an option is unknown, of another type or out of bounds.
    """
    known = data_options()
    given = {
        "experiments_yaml": experiments_yaml,
        "z_range": slices_of(z_range),
        "yx_patch_size": yx_patch_size,
        "final_yx_patch_size": final_yx_patch_size,
        "val_experiments": val_experiments,
        **options,
    }
    for name, value in given.items():
        if name not in known:
            raise ConfigError(problem("unknown option", field=name, found=repr(value)) + suggest(name, known))
        fault = None if known[name].kind is Kind.OBJECTS else known[name].fault(value)
        if fault is not None:
            raise ConfigError(f"field {name}: {fault}")
    values = {name: item.taken(given.get(name, item.default)) for name, item in known.items()}
    values["curation"] = marks_file(absolute_path(experiments_yaml), values["curation"])
    config: PipelineConfig = _folded(PipelineConfig, values)
    return config


def _folded(group: Any, values: Mapping[str, Any]) -> Any:
    """Return a record of options, and the records in it, from values by their names in a YAML."""
    hints, found = get_type_hints(group), {}
    for field in fields(group):
        facts = facts_of(field)
        if facts is not None:
            value = values[facts.name or field.name]
            is_path = isinstance(value, str) and "Path" in str(hints[field.name])
            found[field.name] = absolute_path(value) if is_path else value
        elif is_dataclass(hints[field.name]):
            found[field.name] = _folded(hints[field.name], values)
    return group(**found)


def marks_file(experiments_yaml: Path, curation: str | None) -> Path | None:
    """Return the file of marks that an option stands for, None if no marks are to count."""
    if curation != "auto":
        return None if curation is None else absolute_path(curation)
    beside = experiments_yaml.parent / CURATION_FILE
    return beside if beside.is_file() else None
