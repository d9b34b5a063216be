"""Paths as people write them: blanks, quotes, `~`, `..`, and what a relative one is relative to.

A path that was typed is relative to the current folder, one in a file to that file's folder. Links are kept
(what lies beside a link belongs to it), except those that a ".." steps out of.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dynaclr.base.errors import problem

_TRAINING_PATHS = (
    "data.experiments_yaml",
    "data.curation",
    "data.index_cache",
    "run.root",
    "run.folder",
    "run.resume",
    "trainer.default_root_dir",
    "ckpt_path",
    "output",
)
"""Options of a training's YAML that are paths."""

_NO_PATH = ("data.curation", "auto")


def is_url(text: object) -> bool:
    """Whether a text is a URL ("s3://bucket/plate.zarr"), not a path."""
    return isinstance(text, str) and re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", bare(text)) is not None


def absolute_path(text: str | os.PathLike[str], folder: Path | None = None) -> Path:
    """Return a path as a person wrote it, absolute and without "..".

    Parameters
    ----------
    text
        The path; blanks and quotes around it, and `~`, are understood.
    folder
        What it is relative to; None for the current folder.
    """
    path = os.path.expanduser(bare(text) if isinstance(text, str) else text)
    whole = Path.cwd() / (folder or "") / path
    found = Path(whole.anchor)
    for part in whole.parts[1:]:
        if part == "..":
            found = (found.resolve() if os.path.islink(found) else found).parent
            continue
        found = found / part
    return found


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether a text is the path of a file; what cannot be a path is none."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def path_in_file(text: str, file: Path, field: str | None = None) -> Path:
    """Return a path that a file names, absolute.

    Parameters
    ----------
    text
        As in `absolute_path`.
    file
        The file that names it.
    field
        What it is called there.

    Warns
    -----
    UserWarning
        If something else of that name lies in the current folder: it is not taken.
    """
    taken, other = absolute_path(text, absolute_path(file).parent), absolute_path(text)
    if taken != other and other.exists() and not _same(taken, other):
        warnings.warn(
            problem(
                f"{taken} is taken, not {other} of the current folder",
                file=file,
                field=field,
                fix="A relative path in a file is relative to the folder of that file.",
            ),
            stacklevel=2,
        )
    return taken


def paths_in_training(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield ("data.curation", path as it is written) of what the content of a training's YAML names."""
    for name in _TRAINING_PATHS:
        value: Any = content
        for key in name.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, str) and (name, value) != _NO_PATH:
            yield name, value


def bare(text: str) -> str:
    """Return a path or URL without the blanks and quotes around it."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _same(one: Path, two: Path) -> bool:
    """Whether two paths stand for one file or folder, or for files of the same content."""
    try:
        if os.path.samefile(one, two):
            return True
        return one.is_file() and two.is_file() and one.read_bytes() == two.read_bytes()
    except OSError:
        return False
