"""Reads and writes curation.csv, the marks beside experiments.yaml."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dynaclr.base import keys
from dynaclr.base.errors import ConfigError, DataError, listing, problem, suggest, together
from dynaclr.base.files import write_text_atomically
from dynaclr.base.paths import absolute_path
from dynaclr.curation.marks import Mark, MarkKind, Verdict

CURATION_FILE = "curation.csv"
"""Name of the file beside experiments.yaml."""

_REQUIRED = ("kind", "verdict", keys.EXPERIMENT, keys.FOV_NAME, keys.TRACK_ID, "author", "time")
_ORDER = (
    *("kind", "verdict", keys.EXPERIMENT, keys.FOV_NAME, keys.TRACK_ID, keys.T, keys.PARENT_TRACK_ID),
    *(keys.Y, keys.X, "reason", "author", "time"),
)
_INTEGERS = (keys.TRACK_ID, keys.T, keys.PARENT_TRACK_ID)
_FLOATS = (keys.Y, keys.X)
_BLANKS = ("", "nan", "na", "none", "null")


def read_marks(path: Path) -> list[Mark]:
    """Return the marks of a file, in its order; columns may stand in any order.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    DataError
        If it is no such table; line, column and text of every wrong value are named.
    """
    return marks_of_text(text_of(path), path)


def text_of(path: Path) -> str:
    """Return the text of a file of marks.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    DataError
        If it is no text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            problem(
                f"curation file cannot be read: {error.strerror}",
                file=path,
                field="curation",
                expected=f"a file at {absolute_path(path)}",
            )
        ) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(problem("not UTF-8", file=path, row=f"line {line}")) from error


def marks_of_text(text: str, path: Path) -> list[Mark]:
    """Return the marks of a text, in its order; `path` is for messages.

    Raises
    ------
    DataError
        If it is no such table; line, column and text of every wrong value are named.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    marks, problems = [], []
    try:
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            if not header:
                header = _header(values, path)
                continue
            mark, wrong = _mark(values, header, path, reader.line_num)
            problems += wrong
            marks += [] if mark is None else [mark]
    except csv.Error as error:
        raise DataError(problem(f"not a CSV: {error}", file=path, row=f"line {reader.line_num}")) from error
    if problems:
        raise DataError(together(str(path), problems))
    if not header:
        raise DataError(problem("no header", file=path, expected=f"columns {listing(_ORDER)}"))
    return marks


def _header(values: Sequence[str], path: Path) -> list[str]:
    names = [value.strip() for value in values]
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        found = next(mark for mark in ";\t|" if mark in names[0])
        raise DataError(
            problem("values are not separated by commas", file=path, row="line 1", found=repr(found))
        )
    while names and not names[-1]:
        names.pop()
    problems = [
        problem("duplicate column", file=path, field=name) for name in _ORDER if names.count(name) > 1
    ]
    problems += [
        problem("column is missing", file=path, field=name, found=f"columns {listing(names)}")
        for name in _REQUIRED
        if name not in names
    ]
    problems += [
        problem("unknown column", file=path, field=repr(name), expected=listing(_ORDER))
        + suggest(name, _ORDER)
        for name in names
        if name not in _ORDER
    ]
    if problems:
        raise DataError(together(str(path), problems))
    return names


def _mark(
    values: Sequence[str], header: Sequence[str], path: Path, line: int
) -> tuple[Mark | None, list[str]]:
    """Return the mark of one line, or what is wrong with it."""
    row = f"line {line}"
    texts = [value.strip() for value in values]
    if len(texts) < len(header) or any(texts[len(header) :]):
        found = len(texts)
        return None, [
            problem("wrong number of values", file=path, row=row, expected=len(header), found=found)
        ]
    problems = []
    fields: dict[str, Any] = {}
    for name, text in zip(header, texts, strict=False):
        try:
            fields[name] = _value(name, text)
        except ValueError as error:
            problems.append(
                problem(
                    "value cannot be used",
                    file=path,
                    row=row,
                    field=name,
                    expected=error.args[0],
                    found=repr(text),
                )
            )
    if problems:
        return None, problems
    try:
        return Mark(**fields), []
    except DataError as error:
        return None, [f"file {path}, row {row}: {error}"]


def _value(name: str, text: str) -> Any:
    """Return the value of one cell; the error says what was expected."""
    if name in ("kind", "verdict"):
        choices = [item.value for item in (MarkKind if name == "kind" else Verdict)]
        if text.lower() not in choices:
            raise ValueError(f"one of {listing(choices)}")
        return text.lower()
    if name in _INTEGERS:
        return _whole(text)
    if name in _FLOATS:
        if text.lower() in _BLANKS:
            return None
        try:
            return float(text)
        except ValueError:
            raise ValueError("a number with a decimal point, or blank") from None
    if name == "time":
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            time = None
        if time is None or time.tzinfo is None:
            raise ValueError("a UTC time like 2026-01-31T12:00:00Z")
        return time
    return text


def _whole(text: str) -> int | None:
    if text.lower() in _BLANKS:
        return None
    digits, _, decimals = text.partition(".")
    if decimals.strip("0") or not digits.removeprefix("-").isdecimal() or abs(int(digits)) >= 2**62:
        raise ValueError("a whole number, or blank")
    value = int(digits)
    return None if value == keys.NO_PARENT else value


def write_marks(path: Path, marks: Iterable[Mark]) -> None:
    """Write marks as curation.csv; what was there stays until all is written.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written.
    """
    write_text_atomically(path, "".join(mark_lines(marks)))


def mark_lines(marks: Iterable[Mark]) -> list[str]:
    """Return the lines of a file of marks: the header, then one a mark, each with its line end."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, _ORDER, lineterminator="\n")
    lines = []

    def take() -> None:
        lines.append(stream.getvalue())
        stream.seek(0)
        stream.truncate()

    writer.writeheader()
    take()
    for mark in marks:
        writer.writerow(_texts(mark))
        take()
    return lines


def _texts(mark: Mark) -> Mapping[str, str]:
    texts = {}
    for name in _ORDER:
        value = getattr(mark, name)
        if value is None:
            texts[name] = ""
        elif isinstance(value, datetime):
            texts[name] = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        else:
            texts[name] = repr(float(value)) if name in _FLOATS else str(value)
    return texts
