"""Reads one track CSV into typed arrays, or says which row and column is wrong."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import DataError, listing, problem, suggest, together

_INTEGERS = (keys.TRACK_ID, keys.T, keys.ID, keys.PARENT_TRACK_ID, keys.PARENT_ID)
_FLOATS = (keys.Y, keys.X, keys.Z)
_MAY_BE_BLANK = (keys.TRACK_ID, keys.PARENT_TRACK_ID, keys.PARENT_ID, keys.ID)
_BLANKS = ["", "nan", "NaN", "NAN", "NA", "None", "null"]
_ID_LIMIT = 2**63
_SEPARATORS = ",;\t|"


@dataclass(frozen=True, slots=True)
class _Form:
    """How a file separates and names its values, and what messages call it."""

    path: Path
    experiment: str | None
    separator: str
    decimal: str
    names: tuple[str, ...]  # of the columns, in our words

    def message(self, what: str, **parts: Any) -> str:
        return problem(what, experiment=self.experiment, file=self.path, **parts)


def read_track_csv(
    path: Path,
    experiment: str | None = None,
    *,
    names: Mapping[str, str] | None = None,
    required: Sequence[str] = keys.REQUIRED_TRACK_COLUMNS,
    header_rows: int = 1,
) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of a track file.

    Parameters
    ----------
    path
        Table with track_id, t, y, x; optional id, parent_track_id, parent_id, z; further columns are kept.
        Values are separated by commas, semicolons, tabs, bars or blanks; where it is not commas, decimals may
        have commas.
    experiment
        Name for messages.
    names
        {column of the file: name here} for files with other names.
    required
        Names of columns that must be there.
    header_rows
        Lines before the first row of values; the first of them has the names.

    Returns
    -------
    {column: (n,) array}: int64 for ids and t, float64 for coordinates, whatever the reader makes of
    further columns. A blank id, parent or track is -1.

    Raises
    ------
    DataError
        If the file is empty, not UTF-8, ragged, lacks a column or holds a value that is not of its column's
        kind; row (1 is the header) and text are named.
    """
    import pyarrow as pa
    import pyarrow.csv as pc

    data = _bytes(path, experiment)
    form = _form(data, path, experiment, names or {}, required)
    types = {name: pa.int64() for name in _INTEGERS if name in form.names}
    types |= {name: pa.float64() for name in _FLOATS if name in form.names}
    options = pc.ConvertOptions(
        column_types=types, null_values=_BLANKS, strings_can_be_null=False, decimal_point=form.decimal
    )
    reading = pc.ReadOptions(column_names=list(form.names), skip_rows=header_rows, use_threads=False)
    parsing = pc.ParseOptions(delimiter=form.separator)
    try:
        table = pc.read_csv(
            io.BytesIO(data), read_options=reading, convert_options=options, parse_options=parsing
        )
    except pa.ArrowInvalid as error:
        return _read_carefully(data, form, header_rows, str(error))
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in form.names:
        column = table.column(name)
        if column.null_count and name in types:
            if name not in _MAY_BE_BLANK and name not in _FLOATS:
                return _read_carefully(data, form, header_rows, "blank value")
            column = column.fill_null(np.nan if name in _FLOATS else keys.NO_PARENT)
        columns[name] = _numpy(column)
    if not table.num_rows:
        raise DataError(form.message("no rows", found="only a header"))
    return columns


def column_names(path: Path) -> tuple[str, ...]:
    """Return the column names that the first line of a table gives.

    Raises
    ------
    DataError
        If the file is empty or not UTF-8.
    """
    return _form(_bytes(path, None), path, None, {}, ()).names


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


def _form(
    data: bytes,
    path: Path,
    experiment: str | None,
    given: Mapping[str, str],
    required: Sequence[str],
) -> _Form:
    first = data.split(b"\n", 1)[0].decode("utf-8").rstrip("\r")
    separator = max(_SEPARATORS, key=first.count)
    separator = separator if separator in first or " " not in first.strip() else " "
    decimal = "," if separator != "," and b"," in data else "."
    names = tuple(given.get(name, name) for name in _split(first, separator))
    form = _Form(path, experiment, separator, decimal, names)
    problems = []
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        problems.append(form.message("duplicate column", row=1, field=listing(twice)))
    for name in required:
        if name not in names:
            hint = suggest(name, [other for other in names if other not in required])
            found = f"columns {listing(names)}"
            problems.append(
                form.message("column is missing", row=1, field=name, found=found, fix=hint.strip() or None)
            )
    if problems:
        raise DataError(together(str(path), problems))
    return form


def _split(line: str, separator: str) -> list[str]:
    return [name.strip().strip('"') for name in line.split(separator)]


def _ragged(text: str, form: _Form, header_rows: int) -> Iterator[tuple[int, str | None]]:
    """Yield the number of each row that is not blank, and what is wrong with its number of values."""
    for number, line in enumerate(text.splitlines()[header_rows:], start=header_rows + 1):
        if not line.strip():
            continue
        count = line.count(form.separator) + 1
        if count != len(form.names) and '"' not in line:
            found = f"{count} in '{line[:80]}'"
            expected = len(form.names)
            what = "row has the wrong number of values"
            yield number, form.message(what, row=number, expected=expected, found=found)
        else:
            yield number, None


def _read_carefully(data: bytes, form: _Form, header_rows: int, reason: str) -> dict[str, npt.NDArray[Any]]:
    """Read as text, accept what is unambiguous ("1.0" for 1), name every row that is not."""
    import pandas as pd

    text = data.decode("utf-8")
    found = list(_ragged(text, form, header_rows))
    problems = [what for _, what in found if what is not None]
    if problems:
        raise DataError(together(str(form.path), problems))
    rows = [number for number, _ in found]
    if not rows:
        raise DataError(form.message(f"no rows ({reason})"))
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            dtype=str,
            keep_default_na=False,
            index_col=False,
            names=list(form.names),
            header=None,
            skiprows=header_rows,
            sep=form.separator,
        )
    except ValueError as error:  # pandas' own errors of parsing are ValueErrors
        raise DataError(form.message(f"not a table: {error}")) from error
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in form.names:
        texts = frame[name].to_numpy(dtype=object)
        if name in _INTEGERS or name in _FLOATS:
            columns[name], wrong = _numbers(texts, name, form.decimal)
            expected = "a whole number" if name in _INTEGERS else "a number with a decimal point"
            problems += [
                form.message(
                    "value cannot be used",
                    row=rows[place] if place < len(rows) else None,
                    field=name,
                    expected=expected,
                    found=repr(texts[place]),
                )
                for place in wrong
            ]
        else:
            columns[name] = _kept(frame[name])
    if problems:
        raise DataError(together(str(form.path), problems))
    return columns


def _numbers(texts: npt.NDArray[Any], name: str, decimal: str) -> tuple[npt.NDArray[Any], list[int]]:
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
                plain = text.replace(decimal, ".")
                values[place] = _whole(plain) if whole else float(plain)
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
