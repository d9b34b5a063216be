"""One scene of moving cells, recorded by experiments with different pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import erf

from dynaclr.images import write_plate
from dynaclr.testing import write_experiments_yaml, write_tracks

FRAMES, SIDE_UM, WIDTH_UM = 6, 32.0, 1.1
CELLS = ((16.0, 16.0), (9.3, 21.7), (1.2, 30.4), (24.05, 6.6))
"""Centers of cells (y, x) at frame 0, micrometers from the edge of the image; one lies at the border."""
SHARP = (3, 4, 2, 5, 6, 1)
"""The slice in focus of each frame."""


def centers_um(frame: int) -> np.ndarray:
    """Return (cells, 2)."""
    return np.array(CELLS) + frame * np.array([0.13, -0.21])


def scene(pixel_um: tuple[float, float], depth: int) -> np.ndarray:
    """Return what pixels of a size see (T, 1, Z, Y, X): the mean light of each, blurred off focus."""
    frames = []
    for frame in range(FRAMES):
        stack = []
        for z in range(depth):
            away = abs(z - SHARP[frame]) if depth > 1 else 0
            width = np.hypot(WIDTH_UM, 0.9 * away)
            light = 0.0
            for place in centers_um(frame):
                sides = []
                for center, pixel in zip(place, pixel_um, strict=True):
                    edges = np.arange(round(SIDE_UM / pixel) + 1) * pixel
                    sides.append(np.diff(erf((edges - center) / (width * np.sqrt(2)))) / pixel)
                light = light + np.outer(*sides) * 1000
            stack.append(light + 50)
        frames.append(stack)
    return np.array(frames, dtype=np.float32)[:, None]


def tracks(pixel_um: tuple[float, float]) -> pd.DataFrame:
    """Return where the cells are, in pixels."""
    rows = []
    for frame in range(FRAMES):
        for track, (y, x) in enumerate(centers_um(frame)):
            place = {"y": y / pixel_um[0] - 0.5, "x": x / pixel_um[1] - 0.5}
            rows.append({"track_id": track, "t": frame, **place})
    return pd.DataFrame(rows)


def write_scenes(
    folder: Path,
    pixels_um: Mapping[str, tuple[float, float]],
    depth: int | Mapping[str, int] = 1,
    fovs: Sequence[str] = ("A/1/0",),
    **more: Any,
) -> Path:
    """Write an experiment of the scene for each pixel size (Y, X) by name; return experiments.yaml.

    `more` are further fields of every entry.
    """
    entries = []
    for name, pixel in pixels_um.items():
        slices = depth if isinstance(depth, int) else depth[name]
        image = scene(pixel, slices)
        scale = (1800.0, 1.0, 2.0, *pixel)
        plate = write_plate(
            folder / f"{name}.zarr", dict.fromkeys(fovs, image), ["a"], scale=scale, chunks=(1, 1, 1, 16, 16)
        )
        write_tracks(folder / f"{name}.tracks", dict.fromkeys(fovs, tracks(pixel)))
        entries.append(
            {
                "name": name,
                "data_path": plate.name,
                "tracks_path": f"{name}.tracks",
                "channel_names": ["a"],
                "source_channel": ["a"],
                "condition_wells": {"c": ["A/1"]},
                **more,
            }
        )
    return write_experiments_yaml(folder / "experiments.yaml", entries)
