"""Judges a training's YAML and command line before anything is built; knows no Lightning.

Names, types and bounds are those of the catalogue. What is wrong is told with file, line and field, all of it
at once.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from dynaclr.base.errors import ConfigError, suggest, together
from dynaclr.base.paths import is_file, path_in_file, paths_in_training
from dynaclr.base.yaml_reader import key_lines, load_yaml, without_lines
from dynaclr.options.catalogue import fixed_parameters, init_parameters
from dynaclr.options.parameter import Kind

Keys = tuple[str, ...]

_OF_A_CALL = ("ckpt_path", "output", "untrained")
_SECTIONS = {"trainer": "", "run": "", "data": "MultiExperimentDataModule", "model": "ContrastiveModule"}
"""Sections of a training, and the class that each stands for."""
_OBJECTS = {
    ("model", "encoder"): "dynaclr.encoder",
    ("model", "loss_function"): "dynaclr.loss",
    ("data", "normalizations"): "dynaclr.transforms",
    ("data", "augmentations"): "dynaclr.transforms",
}
"""{field: room of its classes}."""
_BETA, _LOSS_BETA = ("data", "hcl_beta"), ("model", "loss_function", "init_args", "beta")
_OF_A_CLASS = ("class_path", "init_args", "dict_kwargs")

Fault = tuple[Keys, str]


class _Source(NamedTuple):
    """What a person wrote in one file, or in one option of the command line."""

    content: Mapping[str, Any]
    file: Path | None = None
    lines: Mapping[Keys, int] = {}

    def get(self, keys: Keys) -> Any:
        """Return what stands at a place; None for nothing."""
        value: Any = self.content
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def place(self, keys: Keys) -> str:
        """Return where something stands, in words."""
        where = "command line" if self.file is None else f"file {self.file}"
        line = _line(self.lines, keys)
        return f"{where}{'' if line is None else f', line {line}'}, field {'.'.join(keys)}"


def checked_file(file: Path, trainer: Collection[str] | None = None) -> dict[str, Any]:
    """Return what a training's YAML says, its sections written plainly.

    `model` and `data` may be written as `class_path` and `init_args` of the class that they stand for.

    Parameters
    ----------
    file
        The YAML.
    trainer
        Names that Lightning's Trainer takes; None to leave its section to Lightning.

    Raises
    ------
    ConfigError
        If the file cannot be read, an option is unknown, or a value is of another type or out of bounds.
    """
    source = _read(file)
    found = [f"{source.place(keys)}: {text}" for keys, text in _faults(source.content, trainer)]
    found += _weights([source])[1]
    if found:
        raise ConfigError(together(str(file), found))
    return dict(source.content)


def _read(file: Path) -> _Source:
    content = _with_numbers(_plain_sections(without_lines(load_yaml(file))))
    return _Source(content, file, key_lines(file))


def check_arguments(arguments: Sequence[str], trainer: Collection[str], others: Collection[str]) -> list[str]:
    """Return arguments of fit, validate, predict or inspect, made plain, if nothing in them is at fault.

    A configuration with sections written as class_path and init_args becomes one that has none. A weight of
    hard negatives given to the loss alone becomes that of the data, and the reverse, so that the two agree
    in what is recorded.

    Parameters
    ----------
    arguments
        What follows the verb.
    trainer
        Names that Lightning's Trainer takes.
    others
        Options that are not of a training's YAML.

    Raises
    ------
    ConfigError
        As `checked_file`, and for options of the command line.
    """
    rest, sources, found = list(arguments), [], []
    for place, name, value in _options(arguments):
        if name == "config" and is_file(value):
            sources.append(_read(Path(value)))
            if _is_long(load_yaml(Path(value))):
                text = _with_paths(sources[-1])
                rest[place] = f"--config={text}" if rest[place].startswith("-") else text
        elif name.split(".")[0] not in others and not name.endswith("+"):
            sources.append(_typed(name, value))
    for source in sources:
        found += [f"{source.place(keys)}: {text}" for keys, text in _faults(source.content, trainer)]
    weight, wrong = _weights(sources)
    found += wrong
    if found:
        raise ConfigError(together("options", found))
    return rest if weight is None else [*rest, f"--data.hcl_beta={weight}"]


def _weights(sources: Sequence[_Source]) -> tuple[float | None, list[str]]:
    """Return the weight of hard negatives that is meant, None for the default, and what is wrong with it.

    It is an option of the data, or of the loss. A later source changes what an earlier one says in the same
    place, or in both places alike.
    """
    meant: dict[Keys, tuple[Any, str]] = {}
    for source in sources:
        found: dict[Keys, tuple[Any, str]] = {}
        for keys in (_BETA, _LOSS_BETA):
            found[keys] = (source.get(keys), source.place(keys))
        given = {keys: item for keys, item in found.items() if item[0] is not None}
        meant = given if set(given) <= set(meant) and given else {**meant, **given}
        if len({value for value, _ in meant.values()}) > 1:
            (first, here), (second, there) = meant.values()
            text = f"two weights of hard negatives, {first} ({here}) and {second} ({there}). Set one of them."
            return None, [text]
    return next((value for value, _ in meant.values()), None), []


def _with_paths(source: _Source) -> str:
    """Return the content of a file as YAML that may lie anywhere: its paths are absolute."""
    content = dict(source.content)
    for name, text in list(paths_in_training(content)):
        section, _, last = name.rpartition(".")
        inner = content[section] if section else content
        inner[last] = str(path_in_file(text, source.file or Path(), name))
    return yaml.safe_dump(content, sort_keys=False)


def _line(lines: Mapping[Keys, int], keys: Keys) -> int | None:
    """Return the line of a place, or of what holds it; its section may be written with init_args."""
    for size in range(len(keys), 0, -1):
        for candidate in (keys[:size], (keys[0], "init_args", *keys[1:size])):
            if candidate in lines:
                return lines[candidate]
    return None


def _is_long(content: Mapping[str, Any]) -> bool:
    """Whether a section is written as the class that it stands for, with init_args."""
    return any(_arguments(name, content.get(name)) is not None for name in _SECTIONS)


def _arguments(section: str, value: Any) -> dict[str, Any] | None:
    name = _SECTIONS[section]
    if not name or not isinstance(value, dict) or "class_path" not in value:
        return None
    module, _, last = str(value["class_path"]).rpartition(".")
    ours = last == name and module.split(".")[0] in ("dynaclr", "")
    return value.get("init_args") or {} if ours else None


def _plain_sections(content: dict[str, Any]) -> dict[str, Any]:
    """Return a training with `model` and `data` as their arguments alone."""
    plain = {section: _arguments(section, content.get(section)) for section in _SECTIONS}
    return content | {section: value for section, value in plain.items() if value is not None}


def _with_numbers(content: dict[str, Any]) -> dict[str, Any]:
    """Return a training with texts such as 1e-3, which YAML 1.1 takes for no numbers, as numbers."""
    for path, item in fixed_parameters().items():
        section, _, name = path.rpartition(".")
        inner = content.get(section) if section else content
        if isinstance(inner, dict) and isinstance(inner.get(name), str):
            inner[name] = item.meant(inner[name])
    return content


def _faults(content: Mapping[str, Any], trainer: Collection[str] | None) -> Iterator[Fault]:
    """Yield (place, what is wrong)."""
    known = fixed_parameters()
    for name, value in content.items():
        if name in _SECTIONS:
            if isinstance(value, Mapping):
                yield from _section(name, value, trainer)
        elif name in known:
            if not isinstance(value, bool):  # Lightning draws a seed for true, and sets none for false
                yield from _value((name,), value)
        elif name not in (*_OF_A_CALL, "config"):
            yield (str(name),), _unknown(str(name), [*_SECTIONS, *known, *_OF_A_CALL])


def _section(section: str, content: Mapping[str, Any], trainer: Collection[str] | None) -> Iterator[Fault]:
    if "class_path" in content and _SECTIONS[section]:
        ours, fix = _SECTIONS[section], f"Write its arguments directly under '{section}:'."
        text = f"expected the arguments of dynaclr's {ours}; found {content['class_path']!r}. {fix}"
        yield (section, "class_path"), text
        return
    names = {item.name for item in fixed_parameters().values() if item.section == section}
    names |= {keys[1] for keys in _OBJECTS if keys[0] == section} | set(trainer or ())
    for name, value in content.items():
        keys = (section, str(name))
        if keys in _OBJECTS:
            items: list[tuple[Keys, Any]] = [(keys, value)]
            if isinstance(value, list):
                items = [((*keys, str(place)), item) for place, item in enumerate(value)]
            for place, item in items:
                yield from _object(place, item, _OBJECTS[keys])
        elif name in names:
            yield from _value(keys, value)
        elif section != "trainer" or trainer is not None:
            yield keys, _unknown(str(name), names)


def _value(keys: Keys, value: Any) -> Iterator[Fault]:
    """Yield what is wrong with the value of an option.

    Of a trainer only numbers are judged, since it takes more than the catalogue knows.
    """
    item = fixed_parameters().get(".".join(keys))
    number = isinstance(value, (int, float)) and item is not None and item.bounds is not None
    if item is None or (keys[0] == "trainer" and not number):
        return
    fault = item.fault(value)
    if fault is not None:
        yield keys, fault


def _object(keys: Keys, value: Any, room: str) -> Iterator[Fault]:
    """Yield what is wrong with a class_path and its init_args."""
    if not isinstance(value, Mapping):
        return
    for name in value:
        if name not in _OF_A_CLASS:
            text = _unknown(str(name), _OF_A_CLASS)
            yield (*keys, str(name)), f"{text} The arguments of a class go under its init_args."
    class_path = str(value.get("class_path", ""))
    module, dot, name = class_path.rpartition(".")
    if not name or (dot and module.split(".")[0] != "dynaclr"):
        return
    door = importlib.import_module(room)
    try:
        thing = getattr(importlib.import_module(module or room), name, None)
    except ImportError:
        thing = None
    if thing is None:
        known = [f"{room}.{item}" for item in vars(door) if item[:1].isupper()]
        yield (*keys, "class_path"), f"no class {class_path}.{suggest(class_path, known)}"
        return
    given = value.get("init_args") or {}
    if isinstance(given, Mapping):
        faults = list(_init_args((*keys, "init_args"), given, thing, f"{room}.{name}"))
        if not faults and keys[0] == "data":
            faults = list(_transform((*keys, "init_args"), given, thing))
        yield from faults


def _transform(keys: Keys, given: Mapping[str, Any], thing: Any) -> Iterator[Fault]:
    """Yield what a transform says of its arguments: it judges them itself, as from Python."""
    names = inspect.signature(thing).parameters.items()
    missing = [name for name, item in names if item.default is item.empty and name not in given]
    if missing:
        yield keys, f"{thing.__name__} needs {', '.join(missing)}."
        return
    try:
        thing(**given)
    except ConfigError as error:
        told = str(error)
        places = [name for name in given if told.startswith(f"field {thing.__name__}.{name}: ")]
        yield (*keys, *places), told.partition(": ")[2] if places else told


def _init_args(keys: Keys, given: Mapping[str, Any], thing: Any, class_path: str) -> Iterator[Fault]:
    names, section = inspect.signature(thing).parameters, ".".join(keys[:2])
    judged = init_parameters(section, class_path) if keys[0] == "model" else {}
    for name, value in given.items():
        item = judged.get(f"{section}.init_args.{name}")
        fault = None if item is None else item.fault(item.meant(value))
        if name not in names:
            fault = _unknown(str(name), names)
        if fault is not None:
            yield (*keys, str(name)), fault


def _unknown(name: str, known: Collection[str]) -> str:
    """Return what is wrong with a name that is none of the known ones."""
    hint = suggest(name, known)
    homes = [path for path in fixed_parameters() if path.rpartition(".")[2] == name]
    if not hint and homes:
        hint = f" It is written as {homes[0]}."
    return f"unknown option.{hint}"


def _options(arguments: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Yield (place of its value, name, value) of the options of a command line."""
    for place, item in enumerate(arguments):
        name, equals, value = item.partition("=")
        name = {"-c": "--config", "-h": "--help"}.get(name, name)
        if not name.startswith("--"):
            continue
        if not equals and place + 1 < len(arguments) and not arguments[place + 1].startswith("--"):
            place, value = place + 1, arguments[place + 1]
        yield place, name.removeprefix("--"), value


def _typed(name: str, text: str) -> _Source:
    """Return an option of the command line as a file has it."""
    keys = tuple(name.split("."))
    item = fixed_parameters().get(name)
    value: Any = text
    if item is None or item.kind is not Kind.TEXT or text == "null":
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            value = text
    if item is not None:
        value = item.meant(value)
    if keys[:2] in _OBJECTS and len(keys) > 2 and keys[2] not in _OF_A_CLASS:
        keys = (*keys[:2], "init_args", *keys[2:])
    for key in reversed(keys):
        value = {key: value}
    return _Source(value)
