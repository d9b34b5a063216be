"""Plates as other tools write them, made of JSON and arrays only; every pixel says where it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorstore as ts

from dynaclr.testing.files import write_experiments_yaml, write_tracks

AXES = "tczyx"
SHAPE = (4, 2, 3, 24, 32)  # (T, C, Z, Y, X)
_KINDS = {"t": "time", "c": "channel"}
_UNITS = {"t": "second", "z": "micrometer", "y": "micrometer", "x": "micrometer"}


def coded(shape: Sequence[int] = SHAPE) -> npt.NDArray[np.uint32]:
    """Return an image (T, C, Z, Y, X) in which no two pixels are equal and none is 0."""
    return np.arange(1, np.prod(shape) + 1, dtype=np.uint32).reshape(shape)


def as_stored(pixels: npt.NDArray[Any], axes: str) -> npt.NDArray[Any]:
    """Return an image (T, C, Z, Y, X) with other axes; of those that are left out it has one place."""
    lacking = tuple(place for place, letter in enumerate(AXES) if letter not in axes)
    left = [letter for letter in AXES if letter in axes]
    return np.ascontiguousarray(np.squeeze(pixels, lacking).transpose([left.index(a) for a in axes]))


def axis(letter: str, **changes: Any) -> dict[str, Any]:
    """Return the metadata of an axis."""
    unit = {"unit": _UNITS[letter]} if letter in _UNITS else {}
    return {"name": letter, "type": _KINDS.get(letter, "space"), **unit, **changes}


def transforms(scale: Any = None, translation: Any = None) -> list[dict[str, Any]]:
    """Return coordinate transformations."""
    both = (("scale", scale), ("translation", translation))
    return [{"type": kind, kind: list(values)} for kind, values in both if values is not None]


def image(
    axes: Sequence[Any] = AXES, channels: Sequence[Any] | None = ("a", "b"), **changes: Any
) -> dict[str, Any]:
    """Return the attributes of an image.

    Parameters
    ----------
    axes
        Letters, or metadata of axes.
    channels
        Names; None for an image without "omero".
    changes
        Parts of the multiscale that are other ones: `datasets`, `coordinateTransformations`, ...
    """
    multiscale = {
        "axes": [axis(item) if isinstance(item, str) else item for item in axes],
        "datasets": [{"path": "0"}],
        **changes,
    }
    omero = {} if channels is None else {"omero": {"channels": [{"label": name} for name in channels]}}
    return {"multiscales": [multiscale], **omero}


def group(folder: Path, attributes: dict[str, Any], version: str) -> None:
    """Write a group with its OME metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    if version == "0.4":
        (folder / ".zgroup").write_text(json.dumps({"zarr_format": 2}))
        (folder / ".zattrs").write_text(json.dumps(attributes))
    else:
        content = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": attributes}}
        (folder / "zarr.json").write_text(json.dumps(content))


def _array(folder: Path, pixels: npt.NDArray[Any], version: str) -> None:
    chunk = [min(size, 8) if size > 8 else 1 for size in pixels.shape]
    if version == "0.4":
        metadata: dict[str, Any] = {"chunks": chunk, "dtype": pixels.dtype.str, "dimension_separator": "/"}
    else:
        grid = {"name": "regular", "configuration": {"chunk_shape": chunk}}
        metadata = {"chunk_grid": grid, "data_type": pixels.dtype.name}
    spec = {
        "driver": "zarr" if version == "0.4" else "zarr3",
        "kvstore": {"driver": "file", "path": f"{folder}/"},
        "metadata": {"shape": list(pixels.shape), **metadata},
    }
    ts.open(spec, create=True).result().write(pixels).result()


def foreign_plate(
    path: Path, fovs: Mapping[str, tuple[npt.NDArray[Any], dict[str, Any]]], version: str = "0.4"
) -> Path:
    """Write a plate: {FOV: (pixels as they are stored, attributes of the image)}; all levels are alike."""
    wells: dict[str, list[str]] = {}
    for name in fovs:
        well, _, field = name.rpartition("/")
        wells.setdefault(well, []).append(field)
    group(path, {"plate": {"wells": [{"path": well} for well in wells]}}, version)
    for well, fields in wells.items():
        group(path / well, {"well": {"images": [{"path": field} for field in fields]}}, version)
    for name, (pixels, attributes) in fovs.items():
        foreign_image(path / name, pixels, attributes, version)
    return path


def foreign_image(
    folder: Path, pixels: npt.NDArray[Any], attributes: dict[str, Any], version: str = "0.4"
) -> Path:
    """Write an image with its attributes, pixels as they are stored."""
    group(folder, attributes, version)
    _array(folder / "0", pixels, version)
    return folder


def foreign_experiment(
    folder: Path,
    fovs: Mapping[str, tuple[npt.NDArray[Any], dict[str, Any]]],
    version: str = "0.4",
    tracks: Mapping[str, Sequence[float]] | None = None,
    **values: Any,
) -> Path:
    """Write a plate with two cells in the first four frames of each FOV; return its experiments.yaml.

    Parameters
    ----------
    folder
        Where.
    fovs, version
        See `foreign_plate`.
    tracks
        Columns of the track files beside or instead of those of the two cells.
    values
        Fields of the experiment that are other ones.
    """
    import pandas as pd

    columns = {
        "track_id": [1] * 4 + [2] * 4,
        "t": [0, 1, 2, 3] * 2,
        "y": [9.0] * 8,
        "x": [12.0] * 4 + [20.0] * 4,
    }
    table = pd.DataFrame({**columns, **(tracks or {})})
    foreign_plate(folder / "e.zarr", fovs, version)
    write_tracks(folder / "e.tracks", dict.fromkeys(fovs, table))
    names = values.get("channel_names", ["a", "b"])
    entry = {
        "name": "e",
        "data_path": "e.zarr",
        "tracks_path": "e.tracks",
        "channel_names": names,
        "source_channel": names,
        "condition_wells": {"c": sorted({name.rpartition("/")[0] for name in fovs})},
        "interval_minutes": 30.0,
        **values,
    }
    return write_experiments_yaml(folder / "experiments.yaml", [entry])
