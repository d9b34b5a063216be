"""YAML as people write it, with line numbers and no surprises.

Safe tags only, no duplicated keys, UTF-8, and a limit on size and on what aliases expand to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.paths import absolute_path

MAX_BYTES = 4 * 2**20
MAX_NODES = 500_000
LINE = "__line__"
"""Key under which `load_yaml` notes the 1-based line on which a mapping starts."""


_MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses duplicated keys and counts what aliases expand to."""

    nodes = 0
    path: Path

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: dict[Any, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == _MERGE or not isinstance(key_node, yaml.ScalarNode):
                continue  # "<<" is no key, and a key that is no scalar is refused below
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if key in seen:
                raise ConfigError(
                    problem(
                        f"key '{key}' is duplicated, on lines {seen[key]} and {line}",
                        file=self.path,
                        fix="Remove one of the two.",
                    )
                )
            seen[key] = line
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        mapping[LINE] = node.start_mark.line + 1
        return mapping


def _expanded_size(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Return how many nodes a node stands for once its aliases are expanded."""
    known = sizes.get(id(node))
    if known is not None:
        return known
    sizes[id(node)] = MAX_NODES + 1  # an alias to an enclosing node never ends
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        children = [child for pair in node.value for child in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    total = 1
    for child in children:
        total += _expanded_size(child, sizes)
        if total > MAX_NODES:
            break
    sizes[id(node)] = total
    return total


def read_text(path: Path) -> str:
    """Return a UTF-8 file's text.

    Raises
    ------
    ConfigError
        If the file is missing, unreadable, too large or not UTF-8; the line is named.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            problem(
                "file cannot be read",
                file=path,
                found=error.strerror,
                expected=f"a file at {absolute_path(path)}",
            )
        ) from error
    if len(data) > MAX_BYTES:
        raise ConfigError(
            problem("file is too large", file=path, expected=f"<= {MAX_BYTES} bytes", found=len(data))
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(
            problem(
                f"line {line} is not UTF-8",
                file=path,
                found=f"byte 0x{data[error.start]:02x}",
                fix="Save the file with the encoding UTF-8.",
            )
        ) from error


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file whose top is a mapping; every mapping carries its line under `LINE`.

    Raises
    ------
    ConfigError
        If the file cannot be read or is not such YAML; file and line are named.
    """
    loader = _Loader(read_text(path))
    loader.path = path
    try:
        node = loader.get_single_node()
        if node is not None and _expanded_size(node, {}) > MAX_NODES:
            raise ConfigError(
                problem("aliases expand to too much", file=path, expected=f"<= {MAX_NODES} nodes")
            )
        value = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "unknown line"
        hint = "Indent with spaces, not tabs." if "\\t" in str(error.problem) else None
        raise ConfigError(
            problem(f"not valid YAML at {where}: {error.problem}", file=path, fix=hint)
        ) from error
    finally:
        loader.dispose()
    if not isinstance(value, dict):
        found = "an empty file" if value is None else type(value).__name__
        raise ConfigError(
            problem("the top must be a mapping", file=path, expected="'key: value' lines", found=found)
        )
    return value


def key_lines(path: Path) -> dict[tuple[str, ...], int]:
    """Return {keys from the top: line, counted from 1} of all keys and list items of a YAML file."""
    found: dict[tuple[str, ...], int] = {}

    def walk(node: yaml.Node | None, keys: tuple[str, ...]) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = (*keys, str(key.value))
                found[inner] = key.start_mark.line + 1
                walk(value, inner)
        elif isinstance(node, yaml.SequenceNode):
            for place, item in enumerate(node.value):
                inner = (*keys, str(place))
                found[inner] = item.start_mark.line + 1
                walk(item, inner)

    walk(yaml.compose(read_text(path), Loader=yaml.SafeLoader), ())
    return found


def without_lines(value: Any) -> Any:
    """Return a copy of loaded YAML without the noted line numbers."""
    if isinstance(value, dict):
        return {key: without_lines(item) for key, item in value.items() if key != LINE}
    if isinstance(value, list):
        return [without_lines(item) for item in value]
    return value
