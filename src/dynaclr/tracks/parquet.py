"""Reads one parquet table of tracks (ultrack writes them) into typed arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import DataError, listing, problem, suggest

_INTEGERS = (keys.TRACK_ID, keys.T, keys.ID, keys.PARENT_TRACK_ID, keys.PARENT_ID)
_FLOATS = (keys.Y, keys.X, keys.Z)


def parquet_names(path: Path) -> tuple[str, ...]:
    """Return the names of the columns."""
    return tuple(_table(path, None).column_names)


def read_track_parquet(
    path: Path,
    experiment: str | None = None,
    *,
    names: Mapping[str, str] | None = None,
    required: Sequence[str] = keys.REQUIRED_TRACK_COLUMNS,
) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of a track file as `read_track_csv` does.

    Parameters
    ----------
    path, experiment, names, required
        As for `read_track_csv`.

    Raises
    ------
    DataError
        If the file cannot be read, is empty, lacks a column or holds a value not of its column's kind.
    """
    table = _table(path, experiment)
    there = [(names or {}).get(name, name) for name in table.column_names]
    for name in required:
        if name not in there:
            found, hint = f"columns {listing(there)}", suggest(name, there).strip() or None
            raise DataError(
                _message("column is missing", path, experiment, field=name, found=found, fix=hint)
            )
    if not table.num_rows:
        raise DataError(_message("no rows", path, experiment))
    columns = {}
    for name, column in zip(there, table.columns, strict=True):
        if name in _INTEGERS:
            columns[name] = _whole(column, name, path, experiment)
        elif name in _FLOATS:
            columns[name] = np.asarray(column.cast("float64").fill_null(np.nan).to_numpy())
        else:
            values = column.to_numpy()
            columns[name] = values.astype(str) if values.dtype == object else values
    return columns


def _message(what: str, path: Path, experiment: str | None, **parts: Any) -> str:
    return problem(what, experiment=experiment, file=path, **parts)


def _table(path: Path, experiment: str | None) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        text = str(error).splitlines()[0]
        raise DataError(_message(f"no parquet file: {text}", path, experiment)) from error


def _whole(column: Any, name: str, path: Path, experiment: str | None) -> npt.NDArray[np.int64]:
    """Return whole numbers exactly; a missing one is -1 but for t. A float that rounds another is refused."""
    import pyarrow as pa

    try:
        if name == keys.T and column.null_count:
            raise pa.ArrowInvalid("blank value")
        if pa.types.is_floating(column.type):
            values = column.to_numpy()
            values = np.where(np.isnan(values), keys.NO_PARENT, values)
            if np.abs(values).max(initial=0) >= 2**53:  # a float above it may have been another number
                raise pa.ArrowInvalid("ids as floats above 2**53")
            column = pa.chunked_array([values])
        numbers = column.cast("int64").fill_null(keys.NO_PARENT)
    except (pa.ArrowException, TypeError) as error:
        text = str(error).splitlines()[0]
        expected = "whole numbers"
        raise DataError(
            _message("values cannot be used", path, experiment, field=name, expected=expected, found=text)
        ) from error
    return np.asarray(numbers.to_numpy(), dtype=np.int64)
