"""Files that a person has: stacks of ImageJ with TrackMate's XML, and folders of single frames."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tifffile

T, Y, X = 24, 128, 128
PIXEL_UM = 0.65


def walks(seed: int) -> npt.NDArray[np.float64]:
    """(6, T, 2) places y, x of bright squares that walk about."""
    rng = np.random.default_rng(seed)
    first = 20.0 + 15.0 * np.arange(6)
    steps = rng.normal(0, 1, (6, T, 2))
    return np.clip(first[:, None, None] + steps.cumsum(axis=1), 10, 118)


def movie(places: npt.NDArray[np.float64]) -> npt.NDArray[np.uint16]:
    """(T, Y, X)."""
    images = np.random.default_rng(0).normal(100, 5, (T, Y, X))
    for cell in places.astype(int):
        for t, (y, x) in enumerate(cell):
            images[t, y - 3 : y + 4, x - 3 : x + 4] += 200
    return images.clip(0).astype(np.uint16)


def write_stacks(folder: Path, table: str) -> None:
    """Write plate.csv, and the stacks and XML that it names."""
    (folder / "plate.csv").write_text(table, encoding="utf-8")
    for seed, row in enumerate(csv.DictReader(table.splitlines())):
        places = walks(seed)
        said = {"axes": "TYX", "unit": "um", "finterval": 900.0}
        resolution = (1 / PIXEL_UM, 1 / PIXEL_UM)
        tifffile.imwrite(
            folder / row["image"], movie(places), imagej=True, resolution=resolution, metadata=said
        )
        if row["tracks"]:
            (folder / row["tracks"]).write_text(trackmate(places), encoding="utf-8")


def trackmate(places: npt.NDArray[np.float64]) -> str:
    """The XML of TrackMate, in micrometers."""
    spots, tracks = "", ""
    for cell, track in enumerate(places * PIXEL_UM):
        ids = range(cell * T, (cell + 1) * T)
        for t, (number, (y, x)) in enumerate(zip(ids, track, strict=True)):
            where = f'POSITION_X="{x}" POSITION_Y="{y}" POSITION_Z="0"'
            spots += f'<Spot ID="{number}" FRAME="{t}" {where} />'
        links = (f'<Edge SPOT_SOURCE_ID="{one}" SPOT_TARGET_ID="{one + 1}" />' for one in ids[:-1])
        tracks += f'<Track TRACK_ID="{cell}">{"".join(links)}</Track>'
    kept = "".join(f'<TrackID TRACK_ID="{cell}" />' for cell in range(len(places)))
    size = f'width="{X}" height="{Y}" nframes="{T}" pixelwidth="{PIXEL_UM}" pixelheight="{PIXEL_UM}"'
    return (
        f'<TrackMate version="7"><Model spatialunits="micron"><AllSpots>{spots}</AllSpots>'
        f"<AllTracks>{tracks}</AllTracks><FilteredTracks>{kept}</FilteredTracks></Model>"
        f"<Settings><ImageData {size} /></Settings></TrackMate>"
    )


def write_frames(folder: Path) -> None:
    """Write A1_1_GFP_t000.tif ..., and tracks as tables."""
    folder.mkdir()
    for seed, well in enumerate(("A1", "B1")):
        places = walks(seed)
        for t, image in enumerate(movie(places)):
            for channel in ("BF", "GFP"):
                tifffile.imwrite(folder / f"{well}_1_{channel}_t{t:03d}.tif", image)
        rows = [f"{cell},{t},{y},{x}" for cell, track in enumerate(places) for t, (y, x) in enumerate(track)]
        (folder / f"{well}_1.csv").write_text("\n".join(["track_id,t,y,x", *rows]), encoding="utf-8")
