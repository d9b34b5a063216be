"""What is shown while one looks on, against the plain numpy or file-system work that it cannot do without."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import numpy as np
from runner import Result, compare, finish

from dynaclr.runs.record.event_reader import MetricTable, thinned
from dynaclr.runs.record.events import EventWriter
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.listing import RunListing
from dynaclr.runs.record.processes import identity
from dynaclr.tracks.lineage import build_forest
from dynaclr.tracks.table import CellTable, build_table
from napari_dynaclr.presentation.lineage_layout import family_rows, lay_out


def family(tracks: int, length: int) -> CellTable:
    """Return a binary family of tracks of as many frames."""
    depth = np.floor(np.log2(np.arange(tracks) + 1)).astype(np.int64)
    t = (depth[:, None] * length + np.arange(length)).ravel()
    track = np.repeat(np.arange(tracks), length)
    columns = {"t": t, "y": np.zeros(t.size), "x": np.zeros(t.size)}
    forest = build_forest(np.array([(number - 1) // 2 if number else -1 for number in range(tracks)]))
    fov = np.zeros(tracks, dtype=np.int64)
    return build_table(columns, track, np.arange(tracks), fov, forest, np.full(1, int(t.max()) + 1))


def families() -> list[Result]:
    """Compare layouts with sorting the same numbers."""
    found = []
    for tracks, length in ((1000, 5), (1, 10_000)):
        table = family(tracks, length)
        middle = len(table) // 2

        def draw(table: CellTable = table, middle: int = middle) -> None:
            rows = family_rows(table, middle)
            lay_out(table, rows, np.zeros(rows.size, dtype=int), np.zeros(rows.size, dtype=bool), (3.0, 0.5))

        def sort(table: CellTable = table) -> None:
            for _ in range(10):
                np.lexsort((table.t, table.track))

        found.append(
            compare(f"layout of {tracks} tracks of {length} frames, against 10 sorts", draw, sort, limit=10)
        )
    return found


def curves() -> list[Result]:
    """Compare what curves need with one copy of the numbers, and reading them one by one."""
    steps, values = np.arange(1_000_000), np.random.default_rng(0).normal(size=1_000_000)
    values[::1000] = np.nan
    table = MetricTable()
    table.add({"kind": "step", "step": number, "m": {"a": 1.0}} for number in range(300_000))

    def gather() -> None:
        table.add([{"kind": "step", "step": 300_000, "m": {"a": 1.0}}])
        table.curves()

    return [
        compare(
            "a million points thinned, against two copies",
            lambda: thinned(steps, values, 1000),
            lambda: (steps.copy(), values.copy()),
            limit=6,
        ),
        compare(
            "a step more of 300 000, against a list of them", gather, lambda: list(range(300_000)), limit=0.5
        ),
    ]


def listing() -> list[Result]:
    """Compare a second look at a thousand runs with reading their folders' names and dates."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for number in range(1000):
            folder = RunFolder(root / str(number))
            folder.path.mkdir()
            folder.facts.write_text("{}")
            status = {"state": "finished", "step": 30, "epoch": 1, "total_steps": 120, "total_epochs": 4}
            folder.status.write_text(json.dumps(status | identity()))
            with EventWriter(folder.events(), str(number)) as events:
                events.write("end", state="finished")
        runs = RunListing(root)
        runs.refresh()

        def look() -> None:
            for entry in os.scandir(root):
                for file in os.scandir(entry.path):
                    file.stat()

        return [compare("a thousand runs seen again, against their folders", runs.refresh, look, limit=5)]


if __name__ == "__main__":
    finish([*families(), *curves(), *listing()])
