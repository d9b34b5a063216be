"""What a person says about one experiment, and whether the values can be; looks at no file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, InitVar, dataclass, fields
from pathlib import Path
from typing import Any

from dynaclr.base.bounds import Bounds
from dynaclr.base.errors import ConfigError, listing, problem, suggest, together
from dynaclr.base.paths import absolute_path, is_url, path_in_file
from dynaclr.base.yaml_reader import LINE, key_lines, load_yaml, without_lines
from dynaclr.experiment.locations import Location, location

FILL_IN = "FILL_IN"
"""What stands in a file where a person must write something."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class ExperimentConfig:
    """One experiment as a person describes it; every value stays as it was given.

    Attributes
    ----------
    name
        Unique name; letters, digits, ".", "_" and "-".
    data_path
        OME-Zarr plate, or a single image; a folder or a URL (s3, gs, http, https).
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
    pixel_size_um
        Micrometers a pixel, one number or [y, x], where the plate does not say or is wrong.
    z_range
        Slices of this experiment (first, last + 1) in place of those of the training.
    line
        Where it stands in its file, for messages; None outside of files. No value of the experiment.
    """

    name: str
    data_path: str | Path
    tracks_path: str | Path
    channel_names: Sequence[str]
    source_channel: Sequence[str]
    condition_wells: dict[str, list[str]]
    interval_minutes: float = 30.0
    start_hpi: float = 0.0
    organelle: str = ""
    date: str = ""
    moi: float = 0.0
    pixel_size_um: float | Sequence[float] | None = None
    z_range: Sequence[int] | None = None
    line: InitVar[int | None] = None

    def __post_init__(self, line: int | None) -> None:
        problems = list(_field_problems(self))
        if problems:
            raise ConfigError(together(f"experiment {self.name}", problems))
        object.__setattr__(self, "_line", line)

    @property
    def line_in_file(self) -> int | None:
        """Where the experiment stands in its file, None outside of files."""
        return getattr(self, "_line", None)

    @property
    def pixel_yx_um(self) -> tuple[float, float] | None:
        """`pixel_size_um` of both axes, None if it is not given."""
        size = self.pixel_size_um
        if size is None:
            return None
        y, x = size if isinstance(size, Sequence) else (size, size)
        return float(y), float(x)

    @property
    def plate_path(self) -> Location:
        """`data_path`, absolute."""
        return location(self.data_path)

    @property
    def tracks_root(self) -> Path:
        """`tracks_path`, absolute."""
        return absolute_path(self.tracks_path)

    def condition_of(self, well: str) -> str | None:
        """Return the condition of a well, None if no condition lists it."""
        for label, wells in self.condition_wells.items():
            if well in wells:
                return label
        return None


_SHORTEST_MINUTES = 1e-9  # so that the frames of an hour can be counted
_POSITIVE = Bounds(0, above=True)
_NUMBERS = ("interval_minutes", "start_hpi", "moi")


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
        elif is_url(value) and key == "tracks_path":
            yield wrong("tracks are read from a folder", key, "a folder", value)
        elif is_url(value):
            try:
                location(value)
            except ConfigError as error:
                yield f"{error} (data_path of experiment {name})"
    for key in _NUMBERS:
        value = getattr(config, key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            yield wrong("not a number", key, "a finite number", repr(value))
        elif key == "interval_minutes" and value <= 0:
            yield wrong("interval must be positive", key, "> 0 minutes", value)
        elif key == "interval_minutes" and value < _SHORTEST_MINUTES:
            yield wrong("interval is too short", key, f">= {_SHORTEST_MINUTES:g} minutes", value)
    for key in ("organelle", "date"):
        if not isinstance(getattr(config, key), str):
            yield wrong("not text", key, "a text; put it in quotes", repr(getattr(config, key)))
    for key in ("channel_names", "source_channel"):
        yield from _name_list_problems(getattr(config, key), key, wrong)
    if not _is_size(config.pixel_size_um):
        expected = "a number > 0, or [y, x]"
        yield wrong("not a pixel size", "pixel_size_um", expected, repr(config.pixel_size_um))
    if not _is_window(config.z_range):
        expected = "[first, last + 1], whole numbers, 0 <= first <= last"
        yield wrong("not a range of slices", "z_range", expected, repr(config.z_range))
    yield from _source_problems(config, wrong)
    yield from _well_problems(config.condition_wells, wrong)


def _is_size(value: object) -> bool:
    sides = value if isinstance(value, Sequence) and not isinstance(value, str) else [value, value]
    return value is None or (len(sides) == 2 and all(_POSITIVE.holds(side) for side in sides))


def _is_window(value: object) -> bool:
    if value is None or (isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2):
        ends = value or (0, 1)
        return all(type(end) is int for end in ends) and 0 <= ends[0] < ends[1]
    return False


def _name_list_problems(value: object, key: str, wrong: Any) -> Iterable[str]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        yield wrong("not a list of names", key, "a list of channel names", repr(value))
        return
    for item in value:
        if not isinstance(item, str):
            yield wrong("a name is not text", key, "texts", repr(item), "Put the name in quotes.")
    twice = sorted({str(item) for item in value if list(value).count(item) > 1})
    if twice:
        yield wrong("duplicate channel", key, "each channel once", listing(twice))


def _source_problems(config: ExperimentConfig, wrong: Any) -> Iterable[str]:
    if isinstance(config.channel_names, str) or isinstance(config.source_channel, str):
        return
    if not isinstance(config.channel_names, Sequence) or not isinstance(config.source_channel, Sequence):
        return
    for channel in config.source_channel:
        if channel not in config.channel_names:
            yield wrong(
                "source channel is not in channel_names",
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
            yield wrong("a condition is not text", key, "texts", repr(label), "Put the label in quotes.")
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


_FIELDS = {item.name: item for item in fields(ExperimentConfig)}
_REQUIRED = tuple(name for name, item in _FIELDS.items() if item.default is MISSING)


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
    configs, problems = [], list(_left_open(path, entries))
    for number, entry in enumerate(() if problems else entries, start=1):
        try:
            configs.append(_entry(entry, number, path))
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError(together(str(path), problems))
    return configs


def _left_open(path: Path, entries: object) -> Iterable[str]:
    """Yield what nobody has filled in yet, with its line."""
    if FILL_IN not in str(entries):
        return
    for keys, value in _leaves(without_lines(entries), ("experiments",)):
        if FILL_IN in (value, keys[-1]):
            where = f"{path}, line {key_lines(path).get(keys, '?')}"
            fix = f"Replace {FILL_IN} by what is so; the comment beside it says what belongs there."
            yield problem(
                "not filled in yet", file=where, field=keys[min(2, len(keys) - 1)], found=FILL_IN, fix=fix
            )


def _leaves(value: object, keys: tuple[str, ...]) -> Iterable[tuple[tuple[str, ...], object]]:
    inner = (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, item in inner:
        yield (*keys, str(key)), item
        yield from _leaves(item, (*keys, str(key)))


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
        if isinstance(values[key], str) and values[key].strip() and not is_url(values[key]):
            absolute = path_in_file(values[key], path, key)
            if Path(values[key]) != absolute:
                values[key] = str(absolute)
    try:
        return ExperimentConfig(**values, line=line)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
