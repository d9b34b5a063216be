"""Reads the list of experiments out of a YAML file; looks at no plate."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path

from dynaclr.errors import ConfigError, listing, problem, suggest, together
from dynaclr.experiment_config import ExperimentConfig
from dynaclr.strict_yaml import LINE, load_yaml, without_lines

__all__ = ("read_experiments",)

_FIELDS = {item.name: item for item in fields(ExperimentConfig) if item.name != "line"}
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
