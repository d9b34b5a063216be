"""Tables made wrong on purpose, by the example that does just that."""

from __future__ import annotations

import contextlib
import io
import runpy
from pathlib import Path
from typing import Any

import pandas as pd

CORRUPT: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "corrupt.py"))


def corrupted(source: Path, folder: Path, fault: str, *options: str) -> pd.DataFrame:
    """Write experiments with a fault to a new folder; return what is wrong in them."""
    with contextlib.redirect_stdout(io.StringIO()):
        assert CORRUPT["main"]([str(source), str(folder), fault, *options]) == 0
    wrong: pd.DataFrame = pd.read_csv(folder / "wrong.csv")
    return wrong


def exchanged(source: Path, folder: Path, *fovs: str) -> Path:
    """Write experiments in which the tables of two FOVs of the first one are exchanged; return their list."""
    corrupted(source, folder, "exchange", "--experiment", "dengue_june", "--fovs", *fovs)
    return folder / "experiments.yaml"
