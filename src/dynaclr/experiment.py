"""What an experiment is and which experiments belong together; knows plates, no tracks and no pixels."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from dynaclr.errors import ConfigError, listing, problem, suggest, together
from dynaclr.plates import PlateLayout, read_plate
from dynaclr.strict_yaml import LINE, load_yaml, without_lines
from dynaclr.tau_sampling import frames_from_hours

__all__ = ("ExperimentConfig", "ExperimentRegistry")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class ExperimentConfig:
    """One experiment as a person describes it.

    Attributes
    ----------
    name
        Unique name; letters, digits, ".", "_" and "-".
    data_path
        HCS OME-Zarr plate.
    tracks_path
        Root of the track files, <tracks_path>/<row>/<col>/<fov>/*.csv.
    channel_names
        All channels of the store, in its order.
    source_channel
        Channels to train on. Experiments are aligned by position in this list: names may differ,
        the count may not.
    condition_wells
        {label: [wells]}, for example {"infected": ["A/1"]}.
    interval_minutes
        Time between frames.
    start_hpi
        Hours after infection or perturbation at frame 0.
    organelle, date, moi
        Notes that travel with the embedding.
    """

    name: str
    data_path: Path
    tracks_path: Path
    channel_names: Sequence[str]
    source_channel: Sequence[str]
    condition_wells: dict[str, list[str]]
    interval_minutes: float = 30.0
    start_hpi: float = 0.0
    organelle: str = ""
    date: str = ""
    moi: float = 0.0
    line: int | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        problems = list(_field_problems(self))
        if problems:
            raise ConfigError(together(f"experiment {self.name}", problems))
        object.__setattr__(self, "data_path", Path(self.data_path))
        object.__setattr__(self, "tracks_path", Path(self.tracks_path))
        object.__setattr__(self, "channel_names", tuple(self.channel_names))
        object.__setattr__(self, "source_channel", tuple(self.source_channel))

    def condition_of(self, well: str) -> str | None:
        """Return the condition of a well, None if no condition lists it."""
        for label, wells in self.condition_wells.items():
            if well in wells:
                return label
        return None


_FIELDS = {item.name: item for item in fields(ExperimentConfig) if item.name != "line"}
_REQUIRED = tuple(name for name, item in _FIELDS.items() if item.default is MISSING)
_NUMBERS = ("interval_minutes", "start_hpi", "moi")
_TEXTS = ("name", "organelle", "date")


def _field_problems(config: ExperimentConfig) -> Iterable[str]:
    """Yield what is wrong with the values themselves; files are not looked at."""
    name = config.name

    def wrong(what: str, key: str, expected: object, found: object, fix: str | None = None) -> str:
        return problem(what, experiment=str(name), field=key, expected=expected, found=found, fix=fix)

    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield wrong("name cannot be used", "name", "letters, digits, '.', '_', '-'", repr(name))
    for key in ("data_path", "tracks_path"):
        value = getattr(config, key)
        if not isinstance(value, (str, Path)) or not str(value).strip():
            yield wrong("not a path", key, "a path", repr(value))
    for key in _NUMBERS:
        value = getattr(config, key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            yield wrong("not a number", key, "a finite number", repr(value))
        elif key == "interval_minutes" and value <= 0:
            yield wrong("interval must be positive", key, "> 0 minutes", value)
    for key in ("organelle", "date"):
        if not isinstance(getattr(config, key), str):
            yield wrong("not a text", key, "a text; put it in quotes", repr(getattr(config, key)))
    for key in ("channel_names", "source_channel"):
        yield from _name_list_problems(getattr(config, key), key, wrong)
    yield from _source_problems(config, wrong)
    yield from _well_problems(config.condition_wells, wrong)


def _name_list_problems(value: object, key: str, wrong: Any) -> Iterable[str]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        yield wrong("not a list of names", key, "a list of channel names", repr(value))
        return
    for item in value:
        if not isinstance(item, str):
            yield wrong("a name is not a text", key, "texts", repr(item), "Put the name in quotes.")
    twice = sorted({str(item) for item in value if list(value).count(item) > 1})
    if twice:
        yield wrong("a channel stands twice", key, "each channel once", listing(twice))


def _source_problems(config: ExperimentConfig, wrong: Any) -> Iterable[str]:
    if isinstance(config.channel_names, str) or isinstance(config.source_channel, str):
        return
    if not isinstance(config.channel_names, Sequence) or not isinstance(config.source_channel, Sequence):
        return
    for channel in config.source_channel:
        if channel not in config.channel_names:
            yield wrong(
                "channel to train on is not among channel_names",
                "source_channel",
                f"one of {list(config.channel_names)}",
                repr(channel),
                suggest(str(channel), config.channel_names).strip() or None,
            )


def _well_problems(conditions: object, wrong: Any) -> Iterable[str]:
    key = "condition_wells"
    if not isinstance(conditions, Mapping) or not conditions:
        yield wrong("no condition", key, "{label: [wells]}", repr(conditions))
        return
    owner: dict[str, str] = {}
    for label, wells in conditions.items():
        if not isinstance(label, str):
            yield wrong("a condition is not a text", key, "texts", repr(label), "Put the label in quotes.")
        if isinstance(wells, str) or not isinstance(wells, Sequence) or not wells:
            yield wrong(f"condition '{label}' has no list of wells", key, '["A/1", ...]', repr(wells))
            continue
        for well in wells:
            if not isinstance(well, str) or well.count("/") != 1 or ".." in well:
                yield wrong(f"condition '{label}' lists no well", key, '"row/column"', repr(well))
            elif well in owner and owner[well] != label:
                yield wrong("a well is in two conditions", key, f"'{owner[well]}' or '{label}'", well)
            else:
                owner[str(well)] = str(label)


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
            config.name: read_plate(config.data_path, config.name) for config in self.experiments
        }
        problems = [
            text for config in self.experiments for text in _plate_problems(config, self.plates[config.name])
        ]
        if problems:
            raise ConfigError(together("experiments", problems))

    @classmethod
    def from_yaml(cls, path: str | Path) -> ExperimentRegistry:
        """Read experiments.yaml; relative paths are relative to the file."""
        return cls(read_experiments(Path(path)))

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
        """{experiment: {position in source_channel: index in the store}}."""
        return {
            config.name: {
                place: config.channel_names.index(channel)
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
                problem("tau range leaves a single offset", experiment=name, field="tau_range", found=shown),
                stacklevel=2,
            )
        return first, last


def read_experiments(path: Path) -> list[ExperimentConfig]:
    """Return the experiments listed in a YAML file; plates are not looked at.

    Raises
    ------
    ConfigError
        If the file or one of its entries is wrong; all entries are reported together.
    """
    content = load_yaml(path)
    unknown = [key for key in content if key not in ("experiments", LINE)]
    entries = content.get("experiments")
    if unknown or not isinstance(entries, list) or not entries:
        found = f"keys {listing(key for key in content if key != LINE)}" if unknown else repr(entries)
        raise ConfigError(
            problem(
                "no list of experiments" if not unknown else "unknown key at the top",
                file=path,
                field=str(unknown[0]) if unknown else "experiments",
                expected="the single key 'experiments' with a list under it",
                found=found,
            )
        )
    configs, problems = [], []
    for number, entry in enumerate(entries, start=1):
        try:
            configs.append(_entry(entry, number, path))
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError(together(str(path), problems))
    return configs


def _entry(entry: object, number: int, path: Path) -> ExperimentConfig:
    if not isinstance(entry, dict):
        raise ConfigError(problem(f"entry {number} is not a mapping", file=path, found=repr(entry)))
    line = entry[LINE]
    values = without_lines(entry)
    where = f"{path}, line {line}"
    problems = [
        problem("unknown field", file=where, field=str(key), fix=suggest(str(key), _FIELDS).strip() or None)
        for key in values
        if key not in _FIELDS
    ]
    problems += [problem("missing field", file=where, field=key) for key in _REQUIRED if key not in values]
    if problems:
        raise ConfigError(together(where, problems))
    for key in ("data_path", "tracks_path"):
        if isinstance(values[key], str) and values[key].strip():
            values[key] = path.parent / Path(values[key].strip()).expanduser()
    try:
        return ExperimentConfig(**values, line=line)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _name_problems(experiments: Sequence[ExperimentConfig]) -> Iterable[str]:
    seen: dict[str, ExperimentConfig] = {}
    for config in experiments:
        other = seen.setdefault(config.name.lower(), config)
        if other is not config:
            lines = f"lines {other.line} and {config.line}" if config.line else "two entries"
            yield problem(
                f"two experiments have one name ({lines})",
                experiment=config.name,
                field="name",
                expected="names that differ in more than case",
                found=f"'{other.name}' and '{config.name}'",
            )


def _count_problems(experiments: Sequence[ExperimentConfig]) -> Iterable[str]:
    first = experiments[0]
    for config in experiments[1:]:
        if len(config.source_channel) != len(first.source_channel):
            yield problem(
                "experiments train on different numbers of channels",
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
    for label, wells in config.condition_wells.items():
        for well in wells:
            if well not in plate.wells:
                yield problem(
                    f"condition '{label}' lists a well that the plate lacks",
                    experiment=config.name,
                    file=config.data_path,
                    field="condition_wells",
                    expected=f"one of {listing(plate.wells)}",
                    found=well,
                )
