"""Adds or replaces one entry of an experiments.yaml that people edit too; every other byte stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dynaclr.base.errors import DataError, problem
from dynaclr.base.yaml_reader import read_text

Entry = dict[str, Any]


def with_entry(path: Path, entry: Entry) -> bytes:
    """Return the content of experiments.yaml with an entry added, or put in place of that of its name.

    Comments inside a replaced entry are lost; fields of it that the new one does not have are kept.

    Parameters
    ----------
    path
        A file that `read_experiments` reads, or none yet.
    entry
        Fields of the experiment, "name" among them.

    Raises
    ------
    DataError
        If the entry cannot be written without touching others; its text is shown.
    """
    if not path.exists():
        return ("experiments:\n" + _block([entry])).encode()
    read_text(path)
    text = path.read_bytes().decode("utf-8")
    old: list[Entry] = yaml.safe_load(text)["experiments"]
    top: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    entries = next(value for key, value in top.value if key.value == "experiments")
    places = [place for place, item in enumerate(old) if item["name"] == entry["name"]]
    if places:
        if old[places[0]].items() >= entry.items():
            return path.read_bytes()
        entry = {**entry, **{key: value for key, value in old[places[0]].items() if key not in entry}}
        new = _replaced(text, entries.value[places[0]], entry)
        wanted = [entry if place == places[0] else item for place, item in enumerate(old)]
    else:
        new = _added(text, entries, entry)
        wanted = [*old, entry]
    if _loaded(new) != {"experiments": wanted}:
        raise DataError(
            problem(
                f"the entry of '{entry['name']}' cannot be changed without touching others",
                file=path,
                fix=f"Put this entry there by hand, then convert again:\n{_block([entry])}",
            )
        )
    return new.encode()


def with_paths(path: Path, entry: Entry, paths: Entry) -> bytes:
    """Return the content of experiments.yaml with an entry that has other paths; comments are left out.

    Parameters
    ----------
    path, entry
        As for `with_entry`.
    paths
        Fields of the entry that are others for a while.
    """
    text = with_entry(path, entry).decode("utf-8")
    entries = yaml.safe_load(text)["experiments"]
    changed = [{**item, **paths} if item["name"] == entry["name"] else item for item in entries]
    return ("experiments:\n" + _block(changed)).encode()


def _loaded(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _block(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True))


def _flow(entry: Entry) -> str:
    options: dict[str, Any] = {"default_flow_style": True, "width": float("inf")}
    return str(yaml.safe_dump(entry, sort_keys=False, allow_unicode=True, **options)).strip()


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _replaced(text: str, node: yaml.Node, entry: Entry) -> str:
    """Return the text with the lines of a node replaced; a comment behind its last value stays."""
    if isinstance(node, yaml.MappingNode) and node.flow_style:
        lines = [_flow(entry)]
    else:
        lines = _block(entry).splitlines()
    fresh = (_newline(text) + " " * node.start_mark.column).join(lines)
    end = node.start_mark.index + len(text[node.start_mark.index : _end(node)].rstrip())
    return text[: node.start_mark.index] + fresh + text[end:]


def _added(text: str, entries: yaml.SequenceNode, entry: Entry) -> str:
    """Return the text with an entry at the end of the list."""
    newline = _newline(text)
    if entries.flow_style:
        end = _end(entries.value[-1])
        return f"{text[:end]}, {_flow(entry)}{text[end:]}"
    indent = " " * entries.start_mark.column
    lines = "".join(f"{indent}{line}{newline}" for line in _block([entry]).splitlines())
    return text + ("" if text.endswith("\n") else newline) + lines


def _end(node: Any) -> int:
    """Return where the last value of a node ends; what follows it may be comments of the next."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    if isinstance(node, yaml.MappingNode):
        return max(_end(part) for pair in node.value for part in pair)
    return max(_end(part) for part in node.value)
