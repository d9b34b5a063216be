"""Puts changed options into a training's YAML that people edit too; every other byte stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.files import write_bytes_atomically
from dynaclr.base.paths import absolute_path, path_in_file, paths_in_training
from dynaclr.base.yaml_reader import load_yaml

SECTION = "data"
"""Where a training's YAML keeps the options of its data."""


def save_options(
    source: Path, options: Mapping[str, Any], target: Path | None = None, *, overwrite: bool = False
) -> Path:
    """Write a training's YAML with some options of its data changed; return where it is.

    Comments, order, unknown keys and line ends of the source stay. Written to another folder, relative
    paths become absolute.

    Parameters
    ----------
    source
        The YAML to start from.
    options
        New values by name; plain types.
    target
        Where to write; None for the source itself.
    overwrite
        Whether a file that is there already may be replaced, the source included.

    Raises
    ------
    ConfigError
        If a file would be replaced unasked, the source cannot be read, or it is written in a way in which
        these options cannot be changed without touching others.
    OSError
        If the file cannot be written; what was there stays.
    """
    source = absolute_path(source)
    place = source if target is None else absolute_path(target)
    if place.exists() and not overwrite:
        raise ConfigError(
            problem("file is there already", file=place, fix="Choose another name, or allow to replace it.")
        )
    content = load_yaml(source)
    changes: dict[str | None, dict[str, Any]] = {SECTION: {}}
    if place.parent != source.parent:
        for path, value in paths_in_training(content):
            section, _, name = path.rpartition(".")
            changes.setdefault(section or None, {})[name] = str(path_in_file(value, source, path))
    changes[SECTION] |= options
    new = source.read_bytes().decode("utf-8")
    try:
        for part, values in changes.items():
            new = edited(new, values, part)
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from error
    write_bytes_atomically(place, new.encode("utf-8"))
    return place


def edited(text: str, options: Mapping[str, Any], section: str | None = SECTION) -> str:
    """Return the text of a YAML with options of a section changed or added; nothing else differs.

    Parameters
    ----------
    text
        The YAML.
    options
        New values by name; plain types. What has this value already is not touched.
    section
        Key of the mapping at the top that holds the options; None for the top itself.

    Raises
    ------
    ConfigError
        If the section is missing, or an option cannot be changed without touching others.
    """
    content = yaml.safe_load(text)
    before = content if section is None or not isinstance(content, dict) else content.get(section)
    if not isinstance(before, dict):
        raise ConfigError(problem("no section to change", field=section, expected=f"a mapping '{section}:'"))
    changed = {**before, **_plain(options)}
    wanted = changed if section is None else {**content, section: changed}
    new = text
    for name, value in _plain(options).items():
        if name in before and _same(before[name], value):
            continue
        new = _with_option(new, section, name, value)
    if not _same(_loaded(new), wanted):
        raise ConfigError(
            problem(
                "options cannot be changed without touching others",
                field=section,
                found=", ".join(options),
                fix=f"Put them there by hand:\n{yaml.safe_dump(_plain(options), sort_keys=False)}",
            )
        )
    return new


def _plain(value: Any) -> Any:
    """Return a value as the types that YAML has: tuples as lists, mappings as dictionaries."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _same(a: Any, b: Any) -> bool:
    """Return whether two loaded values are equal and of the same types: 1 is not true."""
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(*pair) for pair in zip(a, b, strict=True))
    return type(a) is type(b) and (a == b or a != a)


def _loaded(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _flow(value: Any) -> str:
    """Return a value on one line."""
    options: dict[str, Any] = {"default_flow_style": True, "width": float("inf"), "allow_unicode": True}
    return str(yaml.safe_dump(value, sort_keys=False, **options)).removesuffix("...\n").strip(" \n")


def _with_option(text: str, section: str | None, name: str, value: Any) -> str:
    top: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    mapping = top if section is None else next(node for key, node in top.value if key.value == section)
    for key, node in mapping.value:
        if key.value == name:
            return _replaced(text, key, node, _flow(value))
    return _added(text, mapping, f"{_flow(name)}: {_flow(value)}")


def _replaced(text: str, key: Any, node: Any, value: str) -> str:
    """Return the text with the value of a key replaced; comments beside it stay."""
    colon = text.index(":", key.end_mark.index) + 1
    start, end = node.start_mark.index, _end(text, node)
    if start < colon:  # an alias: the node stands elsewhere
        alias = re.compile(r"[ \t]*\*[^\s,\[\]{}]+").match(text, colon)
        return text if alias is None else f"{text[:colon]} {value}{text[alias.end() :]}"
    if start == end:  # nothing behind the colon
        return f"{text[:colon]} {value}{text[colon:]}"
    if "\n" not in text[colon:start]:
        return f"{text[:start]}{value}{text[end:]}"
    line = re.compile(r"[^\r\n]*").match(text, colon)  # a block below the key: a comment behind the key stays
    behind = "" if line is None else line.group()
    return f"{text[:colon]} {value}{behind}{text[end:]}"


def _added(text: str, mapping: Any, line: str) -> str:
    """Return the text with an option at the end of a mapping."""
    end = _end(text, mapping)
    if mapping.flow_style:
        last = _end(text, mapping.value[-1][1]) if mapping.value else end - 1
        return f"{text[:last]}{', ' if mapping.value else ''}{line}{text[last:]}"
    newline = "\r\n" if "\r\n" in text else "\n"
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop + 1
    before = text[:stop] if text[:stop].endswith("\n") else text[:stop] + newline
    return f"{before}{' ' * mapping.start_mark.column}{line}{newline}{text[stop:]}"


def _end(text: str, node: Any) -> int:
    """Return where the last value of a node ends; what follows it may be comments of the next."""
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        start = int(node.start_mark.index)
        return start + len(text[start : node.end_mark.index].rstrip(" \t\r\n"))
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    parts = node.value if isinstance(node, yaml.SequenceNode) else [p for pair in node.value for p in pair]
    inside = [
        part for part in parts if part.start_mark.index >= node.start_mark.index
    ]  # aliases stand elsewhere
    return max(_end(text, part) for part in inside)
