"""Packages that only some formats need."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from dynaclr.base.errors import DataError, problem


def needed(package: str, path: Path) -> Any:
    """Return a package of the extra "tracks".

    Raises
    ------
    DataError
        If it is not installed; how to install it is told.
    """
    try:
        return import_module(package)
    except ImportError as error:
        fix = 'Install it with:  pip install "napari-dynaclr[tracks]"'
        what = f"the package {package}, which reads this format, is missing"
        raise DataError(problem(what, file=path, found=str(error), fix=fix)) from error
