"""Reads what a pipeline is made from out of a training's YAML, an experiments.yaml or a run folder.

Takes the `data:` section as the command line does, with the same types, and loads no Lightning.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.paths import absolute_path, path_in_file, paths_in_training
from dynaclr.base.yaml_reader import load_yaml, without_lines
from dynaclr.experiment import ExperimentRegistry
from dynaclr.options.catalogue import data_options
from dynaclr.options.catalogue import options as options_of
from dynaclr.options.checking import checked_file
from dynaclr.options.fold import pipeline_config
from dynaclr.options.parameter import Kind, Parameter
from dynaclr.pipeline import PipelineConfig, TransformConfig
from dynaclr.transforms import light_monai

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser

_PATCH_PX = 64


def config_path(path: Path) -> Path:
    """Return the YAML that a path stands for: itself, or config.yaml of a run folder.

    Raises
    ------
    ConfigError
        If there is none.
    """
    place = absolute_path(path)
    if place.is_dir() and (place / "config.yaml").is_file():
        return place / "config.yaml"
    if not place.is_file():
        found = "a folder without config.yaml" if place.is_dir() else "nothing there"
        raise ConfigError(
            problem(
                "no configuration",
                file=place,
                expected="a training's YAML, experiments.yaml or a run folder",
                found=found,
            )
        )
    return place


def read_config(path: Path) -> PipelineConfig:
    """Return the configuration that a YAML or a run folder describes.

    Relative paths are relative to the folder of the YAML. A list of experiments alone gets the options
    of `first_look`.

    Raises
    ------
    ConfigError
        If the file cannot be read, or an option is unknown, missing or of another type.
    """
    file = config_path(path)
    content = without_lines(load_yaml(file))
    if "experiments" in content:
        return first_look(file)
    content = checked_file(file) if isinstance(content.get("data"), dict) else content
    data = content.get("data")
    if not isinstance(data, dict):
        found = ", ".join(map(str, content)) or "an empty file"
        raise ConfigError(
            problem(
                "neither a training configuration nor a list of experiments",
                file=file,
                field="data",
                found=found,
            )
        )
    of_loader = {item.name for item in options_of("loader")}
    options = {name: value for name, value in data.items() if name not in of_loader}
    for name, value in paths_in_training({"data": options}):
        options[name.removeprefix("data.")] = str(path_in_file(value, file, name))
    return _configured(file, options)


def first_look(experiments: Path) -> PipelineConfig:
    """Return options to look at experiments without a training: all slices, small patches, raw pixels.

    Raises
    ------
    ConfigError, DataError
        If the experiments cannot be read.
    """
    registry = ExperimentRegistry.from_yaml(experiments)
    shapes = [fov.shape for plate in registry.plates.values() for fov in plate.fovs.values()]
    depth, height, width = (min(shape[axis] for shape in shapes) for axis in (2, 3, 4))
    patch = (min(_PATCH_PX, height), min(_PATCH_PX, width))
    return pipeline_config(
        str(experiments), (0, depth), patch, patch, [], no_validation=True, channel_dropout_prob=0.0
    )


def _configured(file: Path, options: dict[str, Any]) -> PipelineConfig:
    from jsonargparse import ArgumentError

    known = data_options()
    lacking = [name for name, item in known.items() if item.required and name not in options]
    if lacking:
        raise ConfigError(problem("option missing", file=file, field=f"data.{lacking[0]}"))
    objects = {name: value for name, value in options.items() if _is_objects(known.get(name))}
    parser = _parser()
    try:
        with light_monai():
            made = vars(parser.instantiate(parser.parse_object(objects)))
        return pipeline_config(**{**options, **{name: made[name] for name in objects}})
    except (ArgumentError, TypeError, ValueError) as error:
        raise ConfigError(problem("option of the data section", file=file, found=str(error))) from error


def _is_objects(item: Parameter | None) -> bool:
    return item is not None and item.kind is Kind.OBJECTS


@cache
def _parser() -> ArgumentParser:
    """Return a parser of the options; making one takes half a second."""
    from jsonargparse import ArgumentParser

    parser = ArgumentParser(exit_on_error=False)
    hints = get_type_hints(TransformConfig)
    for item in data_options().values():
        if _is_objects(item):
            parser.add_argument(f"--{item.name}", type=hints[item.name], default=[])
    return parser
