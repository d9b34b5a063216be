"""Reads one track CSV into typed arrays, or says which row and column is wrong."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import DataError, listing, problem, suggest, together

_INTEGERS = (keys.TRACK_ID, keys.T, keys.ID, keys.PARENT_TRACK_ID, keys.PARENT_ID)
_FLOATS = (keys.Y, keys.X, keys.Z)
_MAY_BE_BLANK = (keys.PARENT_TRACK_ID, keys.PARENT_ID, keys.ID)
_BLANKS = ["", "nan", "NaN", "NAN", "NA", "None", "null"]
_ID_LIMIT = 2**63


def read_track_csv(path: Path, experiment: str | None = None) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of a track file.

    Parameters
    ----------
    path
        CSV with track_id, t, y, x; optional id, parent_track_id, parent_id, z; further columns are kept.
    experiment
        Name for messages.

    Returns
    -------
    {column: (n,) array}: int64 for ids and t, float64 for coordinates, whatever the reader makes of
    further columns. A blank parent is -1.

    Raises
    ------
    DataError
        If the file is empty, not UTF-8, not comma-separated, ragged, lacks a column or holds a value that
        is not of its column's kind; row (1 is the header) and text are named.
    """
    import pyarrow as pa
    import pyarrow.csv as pc

    data = _bytes(path, experiment)
    header = _header(data, path, experiment)
    types = {name: pa.int64() for name in _INTEGERS if name in header}
    types |= {name: pa.float64() for name in _FLOATS if name in header}
    options = pc.ConvertOptions(column_types=types, null_values=_BLANKS, strings_can_be_null=False)
    reading = pc.ReadOptions(column_names=header, skip_rows=1, use_threads=False)
    try:
        table = pc.read_csv(io.BytesIO(data), read_options=reading, convert_options=options)
    except pa.ArrowInvalid as error:
        return _read_carefully(data, header, path, experiment, str(error))
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in header:
        column = table.column(name)
        if column.null_count and name in types:
            if name not in _MAY_BE_BLANK and name not in _FLOATS:
                return _read_carefully(data, header, path, experiment, "blank value")
            column = column.fill_null(np.nan if name in _FLOATS else keys.NO_PARENT)
        columns[name] = _numpy(column)
    if not table.num_rows:
        raise DataError(problem("no rows", experiment=experiment, file=path, found="only a header"))
    return columns


def _numpy(column: Any) -> npt.NDArray[Any]:
    values = column.to_numpy()
    return np.asarray(values.astype(str) if values.dtype == object else values)


def _bytes(path: Path, experiment: str | None) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            problem(f"cannot be read: {error.strerror}", experiment=experiment, file=path)
        ) from error
    if not data.strip():
        raise DataError(problem("no rows", experiment=experiment, file=path, found="an empty file"))
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        raise DataError(
            problem(
                "not UTF-8",
                experiment=experiment,
                file=path,
                row=data[: error.start].count(b"\n") + 1,
                found="UTF-16" if wide else f"byte 0x{data[error.start]:02x}",
                fix="Save the file with the encoding UTF-8.",
            )
        ) from error
    return data.removeprefix(b"\xef\xbb\xbf")


def _header(data: bytes, path: Path, experiment: str | None) -> list[str]:
    first = data.split(b"\n", 1)[0].decode("utf-8").rstrip("\r")
    names = [name.strip().strip('"') for name in first.split(",")]
    problems = []
    if len(names) == 1 and any(mark in first for mark in ";\t|"):
        mark = next(mark for mark in ";\t|" if mark in first)
        problems.append(
            problem(
                "values are not separated by commas",
                experiment=experiment,
                file=path,
                row=1,
                expected="','",
                found=repr(mark),
                fix="Write the file with commas as separators and points as decimal marks.",
            )
        )
        raise DataError(problems[0])
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        problems.append(
            problem("duplicate column", experiment=experiment, file=path, row=1, field=listing(twice))
        )
    for name in keys.REQUIRED_TRACK_COLUMNS:
        if name not in names:
            hint = suggest(name, [other for other in names if other not in keys.REQUIRED_TRACK_COLUMNS])
            problems.append(
                problem(
                    "column is missing",
                    experiment=experiment,
                    file=path,
                    row=1,
                    field=name,
                    found=f"columns {listing(names)}",
                    fix=hint.strip() or None,
                )
            )
    if problems:
        raise DataError(together(str(path), problems))
    return names


def _read_carefully(
    data: bytes, header: list[str], path: Path, experiment: str | None, reason: str
) -> dict[str, npt.NDArray[Any]]:
    """Read as text, accept what is unambiguous ("1.0" for 1), name every row that is not."""
    import pandas as pd

    text = data.decode("utf-8")
    problems = []
    rows = []
    for number, line in enumerate(text.splitlines()[1:], start=2):
        if line.strip():
            if line.count(",") + 1 != len(header) and '"' not in line:
                found = f"{line.count(',') + 1} in '{line[:80]}'"
                problems.append(
                    problem(
                        "row has the wrong number of values",
                        experiment=experiment,
                        file=path,
                        row=number,
                        expected=len(header),
                        found=found,
                    )
                )
            rows.append(number)
    if problems:
        raise DataError(together(str(path), problems))
    frame = pd.read_csv(
        io.StringIO(text), dtype=str, keep_default_na=False, index_col=False, names=header, header=0
    )
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in header:
        texts = frame[name].to_numpy(dtype=object)
        if name in _INTEGERS or name in _FLOATS:
            columns[name], wrong = _numbers(texts, name)
            problems += [
                problem(
                    "value cannot be used",
                    experiment=experiment,
                    file=path,
                    row=rows[place],
                    field=name,
                    expected="a whole number" if name in _INTEGERS else "a number with a decimal point",
                    found=repr(texts[place]),
                )
                for place in wrong
            ]
        else:
            columns[name] = _kept(frame[name])
    if problems:
        raise DataError(together(str(path), problems))
    if not rows:
        raise DataError(problem(f"no rows ({reason})", experiment=experiment, file=path))
    return columns


def _numbers(texts: npt.NDArray[Any], name: str) -> tuple[npt.NDArray[Any], list[int]]:
    """Return the values of a column and the places whose text is no such value."""
    whole = name in _INTEGERS
    values = np.empty(len(texts), dtype=np.int64 if whole else np.float64)
    wrong = []
    for place, text in enumerate(texts):
        text = text.strip()
        try:
            if text in _BLANKS:
                if whole and name not in _MAY_BE_BLANK:
                    raise ValueError("blank")
                values[place] = keys.NO_PARENT if whole else np.nan
            else:
                values[place] = _whole(text) if whole else float(text)
        except (ValueError, OverflowError):
            wrong.append(place)
    return values, wrong


def _whole(text: str) -> int:
    """Return an integer given as digits, or as digits with zero decimals."""
    digits, _, decimals = text.partition(".")
    if decimals.strip("0"):
        raise ValueError(text)
    value = int(digits)
    if not -_ID_LIMIT <= value < _ID_LIMIT:
        raise OverflowError(text)
    return value


def _kept(column: Any) -> npt.NDArray[Any]:
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().all():
        return np.asarray(numbers.to_numpy())
    return np.asarray(column.to_numpy(dtype=object).astype(str))
