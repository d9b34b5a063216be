"""Which experiments belong together."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from dynaclr.base.errors import ConfigError, listing, problem, suggest, together
from dynaclr.base.paths import absolute_path
from dynaclr.experiment.config import ExperimentConfig, read_experiments
from dynaclr.experiment.plates import PlateLayout, read_plate
from dynaclr.tau_sampling import frames_from_hours

__all__ = ("ExperimentConfig", "ExperimentRegistry", "read_experiments")


class ExperimentRegistry:
    """Experiments that are trained on together, checked against their plates.

    Parameters
    ----------
    experiments
        At least one; names unique also when case is ignored.

    Raises
    ------
    ConfigError
        If the experiments do not fit together or do not fit their plates; all problems at once.
    DataError
        If a plate cannot be read.
    """

    def __init__(self, experiments: Sequence[ExperimentConfig]) -> None:
        if not experiments:
            raise ConfigError(problem("no experiments", expected="at least one", found=0))
        self.experiments = tuple(experiments)
        problems = [*_name_problems(self.experiments), *_count_problems(self.experiments)]
        if problems:
            raise ConfigError(together("experiments", problems))
        self.plates: dict[str, PlateLayout] = {
            config.name: read_plate(config.plate_path, config.name, config.channel_names)
            for config in self.experiments
        }
        problems = [
            text for config in self.experiments for text in _plate_problems(config, self.plates[config.name])
        ]
        if problems:
            raise ConfigError(together("experiments", problems))

    @classmethod
    def from_yaml(cls, path: str | Path) -> ExperimentRegistry:
        """Read experiments.yaml; relative paths are relative to the file."""
        return cls(read_experiments(absolute_path(path)))

    def subset(self, names: Sequence[str]) -> ExperimentRegistry:
        """Return a registry of some of the experiments, in the order of this one; nothing is read again."""
        for name in names:
            self.get_experiment(name)
        chosen = object.__new__(ExperimentRegistry)
        chosen.experiments = tuple(config for config in self.experiments if config.name in set(names))
        chosen.plates = {config.name: self.plates[config.name] for config in chosen.experiments}
        return chosen

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the experiments."""
        return tuple(config.name for config in self.experiments)

    @property
    def num_source_channels(self) -> int:
        """Number of channels that are trained on, equal in all experiments."""
        return len(self.experiments[0].source_channel)

    @property
    def channel_maps(self) -> dict[str, dict[int, int]]:
        """{experiment: {position in source_channel: index in channel_names}}."""
        return {
            config.name: {
                place: list(config.channel_names).index(channel)
                for place, channel in enumerate(config.source_channel)
            }
            for config in self.experiments
        }

    def get_experiment(self, name: str) -> ExperimentConfig:
        """Return an experiment by name.

        Raises
        ------
        KeyError
            If there is none; the names are listed.
        """
        for config in self.experiments:
            if config.name == name:
                return config
        raise KeyError(f"no experiment '{name}'; there are {listing(self.names)}.{suggest(name, self.names)}")

    def tau_range_frames(self, name: str, tau_range_hours: tuple[float, float]) -> tuple[int, int]:
        """Return a range of hours as frames of one experiment, rounded half away from zero.

        Raises
        ------
        ConfigError
            If the range is reversed, negative or shorter than one frame.

        Warns
        -----
        UserWarning
            If fewer than two frames are left.
        """
        config = self.get_experiment(name)
        low, high = tau_range_hours
        if not (math.isfinite(low) and math.isfinite(high)) or low < 0 or high < low:
            raise ConfigError(
                problem(
                    "tau range cannot be used",
                    field="tau_range",
                    expected="0 <= low <= high",
                    found=(low, high),
                )
            )
        first, last = (frames_from_hours(hours, config.interval_minutes) for hours in (low, high))
        shown = f"{low}-{high} h = {first}-{last} frames at {config.interval_minutes:g} min"
        if last < 1:
            raise ConfigError(
                problem(
                    "tau range is shorter than one frame",
                    experiment=name,
                    field="tau_range",
                    found=shown,
                    fix="Raise the upper end of the range.",
                )
            )
        first = max(first, 1)
        if last - first + 1 < 2:
            warnings.warn(
                problem(
                    "tau range contains a single frame count", experiment=name, field="tau_range", found=shown
                ),
                stacklevel=2,
            )
        return first, last


def _name_problems(experiments: Sequence[ExperimentConfig]) -> Iterable[str]:
    seen: dict[str, ExperimentConfig] = {}
    for config in experiments:
        other = seen.get(config.name.lower())
        seen[config.name.lower()] = other or config
        if other is not None:
            lines = (
                f"lines {other.line_in_file} and {config.line_in_file}"
                if config.line_in_file
                else "two entries"
            )
            yield problem(
                f"duplicate experiment name ({lines})",
                experiment=config.name,
                field="name",
                expected="names that differ by more than upper and lower case",
                found=f"'{other.name}' and '{config.name}'",
            )


def _count_problems(experiments: Sequence[ExperimentConfig]) -> Iterable[str]:
    first = experiments[0]
    for config in experiments[1:]:
        if len(config.source_channel) != len(first.source_channel):
            yield problem(
                "experiments have different numbers of source channels",
                experiment=config.name,
                field="source_channel",
                expected=f"{len(first.source_channel)} as in '{first.name}' {list(first.source_channel)}",
                found=f"{len(config.source_channel)} {list(config.source_channel)}",
            )


def _plate_problems(config: ExperimentConfig, plate: PlateLayout) -> Iterable[str]:
    if plate.channel_names != tuple(config.channel_names):
        yield problem(
            "channel_names differ from the store's",
            experiment=config.name,
            file=config.data_path,
            field="channel_names",
            expected=list(plate.channel_names),
            found=list(config.channel_names),
        )
    listed = {well: label for label, wells in config.condition_wells.items() for well in wells}
    lacking = [f"{well} ('{label}')" for well, label in listed.items() if well not in plate.wells]
    if not lacking:
        return
    none_left = len(lacking) == len(listed)
    text = problem(
        "no well of the conditions is on the plate"
        if none_left
        else "conditions list wells that are not on the plate",
        experiment=config.name,
        file=config.data_path,
        field="condition_wells",
        expected=f"some of {listing(plate.wells)}",
        found=listing(lacking),
    )
    if none_left:
        yield text
    else:
        warnings.warn(text, stacklevel=4)
