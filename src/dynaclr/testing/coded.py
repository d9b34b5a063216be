"""Experiments whose every pixel tells where it is, so that a wrong read shows at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from dynaclr.images import write_plate
from dynaclr.testing.files import write_experiments_yaml, write_tracks

FOVS = ("A/1/0", "A/1/1", "B/1/0")
_SIZES = {"experiment": 2, "fov": 3, "t": 8, "c": 3, "z": 3, "y": 64, "x": 64}


class Code(NamedTuple):
    """Where a pixel is; fov is the place in `FOVS`, c the channel's index in the store."""

    experiment: Any
    fov: Any
    t: Any
    c: Any
    z: Any
    y: Any
    x: Any


def coded_value(experiment: Any, fov: Any, t: Any, c: Any, z: Any, y: Any, x: Any) -> npt.NDArray[np.int64]:
    """Return the value of a pixel: 1 + its place in mixed radix; exact in float32. Vectorised."""
    value = np.asarray(0, dtype=np.int64)
    for place, (digit, size) in zip((experiment, fov, t, c, z, y, x), _SIZES.items(), strict=True):
        if np.any(np.asarray(place) >= size):
            raise ValueError(f"{digit} must be below {size}")
        value = value * size + place
    return np.asarray(value + 1)


def decode(values: Any) -> Code:
    """Return where pixels of given values are."""
    rest = np.asarray(values).astype(np.int64) - 1
    places = []
    for size in reversed(_SIZES.values()):
        rest, place = np.divmod(rest, size)
        places.append(place)
    return Code(*reversed(places))


def _image(experiment: int, fov: int, shape: Sequence[int]) -> npt.NDArray[np.float32]:
    t, c, z, y, x = np.indices(shape, sparse=True)
    return coded_value(experiment, fov, t, c, z, y, x).astype(np.float32)


def _tracks(shape: Sequence[int]) -> Any:
    """Return tracks (the same ids in every FOV): a division, a gap, a border cell, an absent parent."""
    import pandas as pd

    frames, _, _, height, width = shape
    middle = frames // 2
    y, x = height / 2, width / 2
    rows: list[dict[str, Any]] = []

    def cell(track: int, times: Sequence[int], where: tuple[float, float], parent: int = -1) -> None:
        for t in times:
            place = {"y": where[0] + 0.25 * t, "x": where[1] - 0.25 * t}
            rows.append(
                {"track_id": track, "t": t, "id": track * 1000 + t, "parent_track_id": parent, **place}
            )

    cell(1, range(middle), (y, x))
    cell(2, range(middle, frames), (y - 4, x), parent=1)
    cell(3, range(middle, frames), (y + 4, x), parent=1)
    cell(4, [t for t in range(frames) if t not in (2, 3)], (y - 6, x + 6))
    cell(5, range(frames), (1.0, width - 2.0))
    cell(6, range(1, 4), (y + 6, x - 6), parent=99)
    return pd.DataFrame(rows)


def write_coded_experiments(
    folder: Path,
    *,
    n_experiments: int = 2,
    version: Literal["0.4", "0.5"] = "0.4",
    intervals_minutes: Sequence[float] = (30.0, 15.0),
    image_yx: tuple[int, int] = (48, 64),
    depth: int = 3,
    frames: int = 8,
    **options: Any,
) -> Path:
    """Write tiny coded experiments; return the path of experiments.yaml.

    Every experiment has FOVs of the same names and tracks of the same ids. Channels stand in another
    order in the second store, under other names; source_channel aligns them. Further options go to
    `write_plate`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    orders = (("Phase", "GFP", "Extra"), ("mCherry", "Extra", "BF"))
    sources = (["Phase", "GFP"], ["BF", "mCherry"])
    for number in range(n_experiments):
        shape = (frames, 3, depth, *image_yx)
        fovs = {name: _image(number, place, shape) for place, name in enumerate(FOVS)}
        scale = (intervals_minutes[number] * 60, 1.0, 1.0, 0.5, 0.5)
        name = f"coded{number}"
        plate = write_plate(
            folder / f"{name}.zarr", fovs, orders[number], version=version, scale=scale, **options
        )
        tracks = write_tracks(folder / f"{name}.tracks", {fov: _tracks(shape) for fov in FOVS})
        entries.append(
            {
                "name": name,
                "data_path": plate.name,
                "tracks_path": tracks.name,
                "channel_names": list(orders[number]),
                "source_channel": sources[number],
                "condition_wells": {"uninfected": ["A/1"], "infected": ["B/1"]},
                "interval_minutes": float(intervals_minutes[number]),
                "start_hpi": 3.0 * number,
            }
        )
    return write_experiments_yaml(folder / "experiments.yaml", entries)
