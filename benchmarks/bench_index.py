"""Building the index against `pandas.read_csv` of the same files; starting from its cache; its memory."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas as pd
from inputs import write_experiment
from runner import Result, compare, finish

from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex
from dynaclr.index.options import IndexOptions

BYTES_PER_ROW = 60
CACHE_LIMIT = 0.1  # of building; twice that below 1e6 rows, where opening plates weighs more


def measure(rows: int) -> list[Result]:
    """Compare at one size."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        registry = ExperimentRegistry.from_yaml(write_experiment(folder, rows))
        files = sorted((folder / "tracks").rglob("*.csv"))

        def build(cache: Path | None = None) -> MultiExperimentIndex:
            options = IndexOptions(cache_dir=cache)
            return MultiExperimentIndex(registry, (0, 1), (16, 16), (0.5, 2.0), options=options)

        index = build(folder / "cache")
        held = index.nbytes / len(index.table)
        print(f"{len(index.table)} observations, {held:.0f} bytes each (limit {BYTES_PER_ROW})")
        assert held <= BYTES_PER_ROW
        return [
            compare(
                f"index, {rows:.0e} observations, against read_csv",
                build,
                lambda: [pd.read_csv(file) for file in files],
                limit=3.0,
                pairs=3,
            ),
            compare(
                f"index from its cache, {rows:.0e} observations, against building it",
                lambda: build(folder / "cache"),
                build,
                limit=CACHE_LIMIT if rows >= 1_000_000 else 2 * CACHE_LIMIT,
                pairs=3,
            ),
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    finish([result for rows in parser.parse_args().rows for result in measure(rows)])


if __name__ == "__main__":
    main()
