"""Reads what a pipeline is made from out of a training's YAML, an experiments.yaml or a run folder.

Takes the `data:` section as the command line does, with the same types, and loads no Lightning.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.paths import absolute_path, path_in_file, paths_in_training
from dynaclr.base.yaml_reader import load_yaml, without_lines
from dynaclr.experiment import ExperimentRegistry
from dynaclr.options.fold import pipeline_config
from dynaclr.pipeline import PipelineConfig
from dynaclr.transforms import light_monai

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser

__all__ = ("config_path", "first_look", "read_config")

_LOADER_OPTIONS = ("num_workers", "prefetch_batches", "hcl_beta")  # of the data section, not of the pipeline
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
    data = content.get("data")
    if not isinstance(data, dict):
        found = ", ".join(map(str, content)) or "an empty file"
        raise ConfigError(
            problem("neither a training nor a list of experiments", file=file, field="data", found=found)
        )
    options = {name: value for name, value in data.items() if name not in _LOADER_OPTIONS}
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

    parser = _parser()
    try:
        with light_monai():
            parsed = parser.instantiate(parser.parse_object(options))
    except (ArgumentError, TypeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(problem("option of the data section", file=file, found=str(error))) from error
    return pipeline_config(**vars(parsed))


@cache
def _parser() -> ArgumentParser:
    """Return a parser of the options; making one takes half a second."""
    from jsonargparse import ArgumentParser

    parser = ArgumentParser(exit_on_error=False)
    parser.add_function_arguments(pipeline_config)
    return parser
