"""Two synthetic experiments that look and move like cells, for demo, tests and sample data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dynaclr.base.errors import ConfigError, problem
from dynaclr.images import PlateWriter
from dynaclr.testing.files import write_experiments_yaml, write_tracks
from dynaclr.testing.synthetic_cells import Behavior, Cell, simulate
from dynaclr.testing.synthetic_images import render_frame

_PIXEL_UM, _SLICE_UM = 0.65, 2.0
_UNINFECTED = Behavior()
_INFECTED = Behavior(
    speed_px_per_hour=4.0,
    cycle_hours=40.0,
    death_per_hour=0.008,
    slowing_hours=8.0,
    rounding_hours=8.0,
    brightening_hours=6.0,
)


@dataclass(frozen=True, slots=True)
class _Experiment:
    name: str
    channel_names: tuple[str, str]
    nucleus_first: bool
    interval_minutes: float
    start_hpi: float
    date: str

    @property
    def source_channel(self) -> list[str]:
        """Organelle, then nucleus, whatever the order of the store."""
        nucleus, organelle = self.channel_names if self.nucleus_first else self.channel_names[::-1]
        return [organelle, nucleus]


@dataclass(frozen=True, slots=True)
class _Size:
    frames: tuple[int, int]
    image_yx: tuple[int, int]
    depth: int
    n_cells: int
    fovs: int


_EXPERIMENTS = (
    _Experiment("dengue_june", ("H2B-mIFP", "SEC61-GFP"), True, 30.0, 1.0, "2026-06-02"),
    _Experiment("dengue_july", ("GFP EX488", "mCherry EX561"), False, 15.0, 3.0, "2026-07-14"),
)
_SIZES = {
    "demo": _Size((24, 36), (224, 224), 3, 20, 2),
    "tiny": _Size((8, 10), (96, 96), 2, 6, 2),
}


def synthetic_experiments(
    folder: Path,
    *,
    seed: int = 0,
    size: Literal["demo", "tiny"] = "demo",
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write two synthetic experiments and return the path of experiments.yaml.

    The stores differ in channel order, channel names, interval and start hour. Wells A/* are
    uninfected, B/* infected: there cells slow down, round up, brighten in the organelle channel and
    divide less. Tracks hold divisions, cells at the border, deaths and a gap in every FOV.

    Parameters
    ----------
    folder
        Where; made if need be. Plates that are there already are refused.
    seed
        Seed of everything.
    size
        "demo" for a training of minutes, "tiny" for tests.
    progress
        Called with (FOVs done, FOVs in all).
    """
    if size not in _SIZES:
        raise ConfigError(problem("unknown size", field="size", expected=sorted(_SIZES), found=repr(size)))
    folder.mkdir(parents=True, exist_ok=True)
    layout = _SIZES[size]
    fovs = [f"{row}/1/{field}" for row in "AB" for field in range(layout.fovs)]
    entries = []
    for number, experiment in enumerate(_EXPERIMENTS):
        plate = folder / f"{experiment.name}.zarr"
        tables = {}
        scale = (experiment.interval_minutes * 60, 1.0, _SLICE_UM, _PIXEL_UM, _PIXEL_UM)
        with PlateWriter(plate, experiment.channel_names, scale=scale) as writer:
            for place, fov in enumerate(fovs):
                bits = np.random.Philox(key=seed, counter=[0, 0, place, number])
                tables[fov] = _fov(writer, fov, experiment, number, layout, np.random.Generator(bits))
                if progress is not None:
                    progress(number * len(fovs) + place + 1, len(_EXPERIMENTS) * len(fovs))
        tracks = write_tracks(folder / f"{experiment.name}.tracks", tables)
        entries.append(_entry(experiment, plate, tracks))
    return write_experiments_yaml(folder / "experiments.yaml", entries)


def _entry(experiment: _Experiment, plate: Path, tracks: Path) -> dict[str, Any]:
    return {
        "name": experiment.name,
        "data_path": plate.name,
        "tracks_path": tracks.name,
        "channel_names": list(experiment.channel_names),
        "source_channel": experiment.source_channel,
        "condition_wells": {"uninfected": ["A/1"], "infected": ["B/1"]},
        "interval_minutes": experiment.interval_minutes,
        "start_hpi": experiment.start_hpi,
        "organelle": "endoplasmic reticulum",
        "date": experiment.date,
        "moi": 5.0,
    }


def _fov(
    writer: PlateWriter,
    fov: str,
    experiment: _Experiment,
    number: int,
    layout: _Size,
    rng: np.random.Generator,
) -> Any:
    """Simulate and write one FOV; return its track table."""
    frames = layout.frames[number]
    history = simulate(
        rng,
        frames=frames,
        interval_hours=experiment.interval_minutes / 60,
        start_hours=experiment.start_hpi,
        image_yx=layout.image_yx,
        n_cells=layout.n_cells,
        behavior=_UNINFECTED if fov.startswith("A") else _INFECTED,
    )
    writer.create_fov(fov, (frames, 2, layout.depth, *layout.image_yx), np.uint16)
    for t, cells in enumerate(history):
        pixels = render_frame(cells, layout.image_yx, layout.depth, rng)
        writer.write_frame(fov, t, pixels if experiment.nucleus_first else pixels[::-1])
    return _table(history)


def _table(history: list[list[Cell]]) -> Any:
    """Return tracks as a tracker writes them, with one observation missed in the longest track."""
    import pandas as pd

    rows = [
        {
            "track_id": cell.track,
            "t": t,
            "id": 1_000_000 * (t + 1) + cell.track,
            "parent_track_id": cell.parent,
            "y": cell.y,
            "x": cell.x,
        }
        for t, cells in enumerate(history)
        for cell in cells
    ]
    table = pd.DataFrame(rows)
    longest = table.groupby("track_id").size().idxmax()
    times = table.loc[table.track_id == longest, "t"]
    missed = (table.track_id == longest) & (table.t == times.iloc[len(times) // 2])
    table = table.loc[~missed].sort_values(["track_id", "t"], ignore_index=True)
    last = table.groupby("track_id")["id"].last()
    first = ~table.track_id.duplicated()
    mothers = table.parent_track_id.map(last).fillna(-1).astype("int64")
    own = table.groupby("track_id")["id"].shift().fillna(-1).astype("int64")
    table["parent_id"] = mothers.where(first, own)
    return table[["track_id", "t", "id", "parent_track_id", "parent_id", "y", "x"]]
