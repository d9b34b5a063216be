"""Refuses configurations that name classes of foreign packages, before anything they name is imported.

A name in a configuration is imported before its type is looked at, so a module that lies beside the file
would run. What a person types on the command line is not looked at; files that it points to are.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from dynaclr.base.errors import ConfigError, problem, together
from dynaclr.base.paths import absolute_path, is_file
from dynaclr.base.yaml_reader import LINE, load_yaml, read_text

KNOWN = ("dynaclr", "lightning", "monai", "timm", "torch")
OPTION, VARIABLE = "--trust-config", "DYNACLR_TRUST_CONFIG"

_CLASSES = (
    ("model", "encoder"),
    ("model", "loss_function"),
    ("data", "normalizations"),
    ("data", "augmentations"),
    ("trainer",),
)
"""Fields where a plain text may name a class, too."""
_PLAIN = (("trainer", "default_root_dir"),)
_SECTIONS = ("model", "data", "trainer")
_NO_CONFIGURATIONS = (("data", "experiments_yaml"), ("data", "index_cache"))
_RUNS = ("--from_run", "--run.resume")
_ENDINGS = (".yaml", ".yml", ".json")

Keys = tuple[str, ...]


def known_classes_only(arguments: Sequence[str]) -> list[str]:
    """Return arguments of fit, validate, predict or inspect without `--trust-config`.

    Raises
    ------
    ConfigError
        If a configuration names a class outside `KNOWN`, and neither the option nor the variable
        DYNACLR_TRUST_CONFIG says that it is trusted; file, line and field of each are named.
    """
    rest = [item for item in arguments if item != OPTION]
    if len(rest) < len(arguments) or os.environ.get(VARIABLE, "").lower() in ("1", "true", "yes"):
        return rest
    found = list(dict.fromkeys(text for file, keys in _files(rest) for text in _problems_of(file, keys, ())))
    if found:
        hint = f"A configuration can run arbitrary code. If you trust it, pass {OPTION} or set {VARIABLE}=1."
        raise ConfigError(f"{together('configuration', found)} {hint}")
    return rest


def _files(arguments: Sequence[str]) -> Iterator[tuple[Path, Keys]]:
    """Yield the files that arguments point to, and the field that each fills."""
    for place, item in enumerate(arguments):
        name, equals, value = item.partition("=")
        if not name.startswith("--"):
            continue
        if not equals:
            value = arguments[place + 1] if place + 1 < len(arguments) else ""
        keys = tuple(name.removeprefix("--").split("."))
        if name in _RUNS:
            yield absolute_path(value) / "config.yaml", ()
        elif keys[0] in _SECTIONS:
            yield absolute_path(value), keys
        elif value.endswith(_ENDINGS) or name == "--config":
            yield absolute_path(value), ()


def _problems_of(file: Path, keys: Keys, inside: tuple[Path, ...]) -> Iterator[str]:
    """Yield what is wrong with a configuration file that fills the field `keys`."""
    if keys in _NO_CONFIGURATIONS or file in inside or not is_file(file):
        return
    content: Any = load_yaml(file) if not keys else _any_yaml(file)
    yield from _problems(content, keys, 1, (*inside, file))


def _any_yaml(file: Path) -> Any:
    try:
        return yaml.safe_load(read_text(file))
    except yaml.YAMLError as error:
        raise ConfigError(problem(f"not valid YAML: {error}", file=file)) from error


def _problems(value: Any, keys: Keys, line: int, inside: tuple[Path, ...]) -> Iterator[str]:
    if isinstance(value, dict):
        line = value.get(LINE, line)
        for key, item in value.items():
            if key != LINE:
                yield from _problems(item, (*keys, str(key)), line, inside)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _problems(item, (*keys, str(number)), line, inside)
    elif isinstance(value, str):
        if _is_foreign(value, keys):
            yield problem(
                "class of an untrusted package",
                file=inside[-1],
                row=f"line {line}",
                field=".".join(keys),
                expected=f"a class of {', '.join(KNOWN)}",
                found=repr(value),
            )
        elif keys and keys[0] in _SECTIONS and value.endswith(_ENDINGS):
            for folder in (Path(), inside[-1].parent):
                yield from _problems_of(folder / value, keys, inside)


def _is_foreign(value: str, keys: Keys) -> bool:
    """Whether a text is the name of something in a package that is not known."""
    root, dot, _ = value.partition(".")
    if not dot or root in KNOWN:
        return False
    if keys[-1] == "class_path":
        return True
    if keys in _PLAIN or not any(keys[: len(field)] == field for field in _CLASSES):
        return False
    if not all(part.isidentifier() for part in value.split(".")):
        return False
    try:
        return importlib.util.find_spec(root) is not None  # names of timm have dots and are no packages
    except (ImportError, ValueError):
        return True
