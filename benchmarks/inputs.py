"""Experiments of any size for benchmarks: blank images, tracks that divide once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dynaclr.images.plate_writer import write_plate
from dynaclr.testing import write_experiments_yaml, write_tracks

FRAMES, FOVS = 100, 16


def tracks(rows: int, seed: int) -> pd.DataFrame:
    """Return about `rows` observations of an FOV: families of a mother and two daughters."""
    families = max(rows * 2 // (3 * FRAMES), 1)
    half = FRAMES // 2
    draw = np.random.default_rng(seed)
    parts = []
    for place, (start, stop, mother) in enumerate(((0, half, -1), (half, FRAMES, 0), (half, FRAMES, 0))):
        ids = np.repeat(3 * np.arange(families) + 1 + place, stop - start)
        parent = np.full(ids.size, -1) if mother < 0 else np.repeat(3 * np.arange(families) + 1, stop - start)
        y, x = draw.uniform(8, 56, (2, ids.size))
        frames = np.tile(np.arange(start, stop), families)
        parts.append(pd.DataFrame({"track_id": ids, "t": frames, "y": y, "x": x, "parent_track_id": parent}))
    return pd.concat(parts, ignore_index=True)


def write_experiment(folder: Path, rows: int) -> Path:
    """Write one experiment of 16 FOVs with about `rows` observations; return experiments.yaml."""
    names = [f"A/{well}/{fov}" for well in (1, 2) for fov in range(FOVS // 2)]
    pixels = np.ones((FRAMES, 1, 1, 64, 64), dtype=np.uint8)
    write_plate(folder / "plate.zarr", dict.fromkeys(names, pixels), ["a"], chunks=(FRAMES, 1, 1, 64, 64))
    write_tracks(folder / "tracks", {name: tracks(rows // FOVS, place) for place, name in enumerate(names)})
    entry = {
        "name": "bench",
        "data_path": "plate.zarr",
        "tracks_path": "tracks",
        "channel_names": ["a"],
        "source_channel": ["a"],
        "condition_wells": {"control": ["A/1"], "treated": ["A/2"]},
    }
    return write_experiments_yaml(folder / "experiments.yaml", [entry])
