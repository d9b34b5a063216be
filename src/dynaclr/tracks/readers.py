"""Kinds of track files and who reads them; one line adds a kind. Knows no folder and no table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy.typing as npt

from dynaclr.base.errors import DataError
from dynaclr.tracks.door import door
from dynaclr.tracks.sources.advice import conversion

READERS: Mapping[str, str] = {
    ".csv": "dynaclr.tracks.csv.read_track_csv",
    ".parquet": "dynaclr.tracks.parquet.read_track_parquet",
}
"""{suffix of a file or folder: function (path, experiment) -> columns as `read_track_csv` returns them}.

A reader is imported when there is a file for it.
"""


def read_tracks(path: Path, experiment: str | None = None) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of a track file of any kind.

    Raises
    ------
    DataError
        As the reader of its kind says.
    """
    module, _, name = READERS[path.suffix].rpartition(".")
    read: Callable[..., dict[str, npt.NDArray[Any]]] = getattr(import_module(module), name)
    try:
        with door(path):
            return read(path, experiment)
    except DataError as error:
        advice = conversion(path) if "column is missing" in str(error) else None
        if advice is None:
            raise
        raise DataError(f"{error} {advice}") from error
