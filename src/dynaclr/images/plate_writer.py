"""Writes OME-Zarr HCS plates frame by frame, beside the target, moved into place when done.

Metadata is written as the OME-NGFF 0.4 and 0.5 specifications say; knows no cells.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import tensorstore as ts

from dynaclr.base.errors import ConfigError, DataError, listing, problem
from dynaclr.base.files import unfinished
from dynaclr.base.paths import absolute_path
from dynaclr.experiment.plates import is_fov_name

_AXES = [
    {"name": "t", "type": "time", "unit": "second"},
    {"name": "c", "type": "channel"},
    {"name": "z", "type": "space", "unit": "micrometer"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "micrometer"},
]
_CONTEXT = ts.Context({"file_io_sync": False})  # waiting for the disk after each chunk takes most of the time
_SIDE = 256  # default chunk in the plane, pixels


class PlateWriter:
    """Context manager that writes a plate and moves it into place if nothing went wrong.

    Parameters
    ----------
    path
        The plate, "*.zarr".
    channel_names
        Channels of every FOV.
    version
        OME-NGFF version: "0.4" is zarr 2, "0.5" is zarr 3.
    scale
        (T, C, Z, Y, X) units of one step: seconds, 1, micrometers.
    chunks, shards
        (T, C, Z, Y, X) of the arrays; chunks None for one slice-stack of at most 256 x 256 px, shards
        None for none. Shards are of version 0.5 only.
    store_zero_chunks
        Whether chunks of zeros are stored, so that a blank frame and a lost chunk differ.
    overwrite
        Whether an existing target may be replaced.
    growing
        Folder in which the plate grows, left where it is if the writing ends early: a writer of the same
        goes on there (`written`). None for one of its own, which is removed.

    Attributes
    ----------
    checksums
        {FOV: {frame: checksum of its pixels}} of what was written, by an earlier writer too.

    Raises
    ------
    DataError
        If the target exists and may not be replaced.
    ConfigError
        If version, shards or FOV names cannot be used.
    """

    def __init__(
        self,
        path: Path,
        channel_names: Sequence[str],
        *,
        version: Literal["0.4", "0.5"] = "0.4",
        scale: Sequence[float] = (1.0, 1.0, 1.0, 1.0, 1.0),
        chunks: Sequence[int] | None = None,
        shards: Sequence[int] | None = None,
        store_zero_chunks: bool = True,
        overwrite: bool = False,
        growing: Path | None = None,
    ) -> None:
        if version not in ("0.4", "0.5"):
            raise ConfigError(
                problem("unknown version", field="version", expected="0.4 or 0.5", found=version)
            )
        if shards is not None and version != "0.5":
            raise ConfigError(problem("shards need version 0.5", field="shards", found=f"version {version}"))
        path = absolute_path(path)  # tensorstore takes no ".."
        if path.exists() and not overwrite:
            raise DataError(
                problem("target exists", file=path, fix="Choose another name, or allow it to be overwritten.")
            )
        self.path = path
        self.channel_names = tuple(channel_names)
        self.version, self.scale = version, tuple(float(step) for step in scale)
        self.chunks, self.shards = chunks, shards
        self.store_zero_chunks = store_zero_chunks
        self._kept = growing is not None
        self._partial = absolute_path(growing) if growing is not None else unfinished(path)
        self._log = self._partial.with_name(f"{self._partial.name}.frames")
        self._arrays: dict[str, Any] = {}
        self._limits: dict[str, npt.NDArray[np.float64]] = {}
        self.checksums: dict[str, dict[int, int]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> PlateWriter:
        if self._kept and self._log.exists() and not self._partial.exists():
            if self.path.exists():  # ended after the plate was moved, before its log was removed
                os.replace(self.path, self._partial)
            else:
                self._log.unlink()
        self._partial.mkdir(parents=True, exist_ok=self._kept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._commit()
        finally:
            if not self._kept:
                shutil.rmtree(self._partial, ignore_errors=True)

    def create_fov(self, name: str, shape: Sequence[int], dtype: Any) -> None:
        """Make the array (T, C, Z, Y, X) of an FOV "row/column/fov"."""
        if not is_fov_name(name):
            raise ConfigError(
                problem("not a field of view", field="fov", expected="'A/1/0'", found=repr(name))
            )
        if len(shape) != 5 or shape[1] != len(self.channel_names):
            expected = f"(T, C = {len(self.channel_names)}, Z, Y, X)"
            raise DataError(
                problem("array has the wrong shape", row=name, expected=expected, found=tuple(shape))
            )
        default = (1, 1, shape[2], min(shape[3], _SIDE), min(shape[4], _SIDE))
        chunks = [min(chunk, size) for chunk, size in zip(self.chunks or default, shape, strict=True)]
        folder = self._partial / name / "0"
        kind = self._spec3 if self.version == "0.5" else self._spec2
        spec = kind([int(size) for size in shape], chunks, np.dtype(dtype))
        spec["kvstore"] = {"driver": "file", "path": f"{folder}/"}
        spec["store_data_equal_to_fill_value"] = self.store_zero_chunks
        self._arrays[name] = ts.open(spec, create=True, open=self._kept, context=_CONTEXT).result()
        self._limits[name] = np.tile([np.inf, -np.inf], (len(self.channel_names), 1))
        self.checksums[name] = {}
        if self._kept and self._log.exists():
            for line in self._log.read_text(encoding="utf-8").split("\n")[:-1]:  # the last may be torn
                fov, t, checksum, low, high = json.loads(line)
                if fov == name:
                    self._note(fov, t, checksum, np.array(low), np.array(high))

    def _spec2(self, shape: list[int], chunks: list[int], dtype: np.dtype[Any]) -> dict[str, Any]:
        compressor = {"id": "blosc", "cname": "zstd", "clevel": 3, "shuffle": 2}
        return {
            "driver": "zarr",
            "metadata": {
                "shape": shape,
                "chunks": chunks,
                "dtype": dtype.newbyteorder("<").str if dtype.itemsize > 1 else dtype.str,
                "dimension_separator": "/",
                "fill_value": 0,
                "compressor": compressor,
            },
        }

    def _spec3(self, shape: list[int], chunks: list[int], dtype: np.dtype[Any]) -> dict[str, Any]:
        codecs: list[dict[str, Any]] = [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {"name": "blosc", "configuration": {"cname": "zstd", "clevel": 3, "shuffle": "bitshuffle"}},
        ]
        grid = chunks
        if self.shards is not None:
            codecs = [
                {"name": "sharding_indexed", "configuration": {"chunk_shape": chunks, "codecs": codecs}}
            ]
            grid = [int(size) for size in self.shards]
        return {
            "driver": "zarr3",
            "metadata": {
                "shape": shape,
                "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": grid}},
                "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
                "data_type": dtype.name,
                "fill_value": 0,
                "codecs": codecs,
            },
        }

    def written(self, fov: str) -> frozenset[int]:
        """Return the frames of an FOV that are written."""
        return frozenset(self.checksums[fov])

    def write_frame(self, fov: str, t: int, pixels: npt.NDArray[Any]) -> None:
        """Write one frame (C, Z, Y, X) of an FOV; several threads may."""
        array = self._arrays[fov]
        pixels = np.ascontiguousarray(pixels, dtype=array.dtype.numpy_dtype)
        array[t] = pixels
        checksum = zlib.crc32(pixels.data)
        low, high = pixels.min(axis=(1, 2, 3)), pixels.max(axis=(1, 2, 3))
        with self._lock:
            self._note(fov, t, checksum, low, high)
            if self._kept:
                line = json.dumps([fov, t, checksum, low.tolist(), high.tolist()])
                with self._log.open("a", encoding="utf-8") as log:
                    log.write(line + "\n")

    def _note(self, fov: str, t: int, checksum: int, low: npt.NDArray[Any], high: npt.NDArray[Any]) -> None:
        self.checksums[fov][t] = checksum
        limits = self._limits[fov]
        limits[:, 0] = np.minimum(limits[:, 0], low)
        limits[:, 1] = np.maximum(limits[:, 1], high)

    def _commit(self) -> None:
        """Write the metadata and move the plate into place."""
        if not self._arrays:
            raise DataError(problem("no fields of view were written", file=self.path))
        wells: dict[str, list[str]] = {}
        for name in self._arrays:
            well, _, field = name.rpartition("/")
            wells.setdefault(well, []).append(field)
        self._group(self._partial, {"plate": self._plate(wells)})
        for row in {well.split("/")[0] for well in wells}:
            self._group(self._partial / row, None)
        for well, fields in wells.items():
            images = [{"path": field, "acquisition": 0} for field in fields]
            self._group(self._partial / well, {"well": {"images": images, **self._spec_version()}})
        for name in self._arrays:
            self._group(self._partial / name, self._image(name))
        if self.path.exists():
            shutil.rmtree(self.path)
        os.replace(self._partial, self.path)
        self._log.unlink(missing_ok=True)

    def _spec_version(self) -> dict[str, str]:
        return {"version": self.version} if self.version == "0.4" else {}

    def _plate(self, wells: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        rows = sorted({well.split("/")[0] for well in wells})
        columns = sorted({well.split("/")[1] for well in wells})
        return {
            "name": self.path.stem,
            "acquisitions": [{"id": 0}],
            "field_count": max(len(fields) for fields in wells.values()),
            "rows": [{"name": name} for name in rows],
            "columns": [{"name": name} for name in columns],
            "wells": [
                {
                    "path": well,
                    "rowIndex": rows.index(well.split("/")[0]),
                    "columnIndex": columns.index(well.split("/")[1]),
                }
                for well in wells
            ],
            **self._spec_version(),
        }

    def _image(self, name: str) -> dict[str, Any]:
        transform = [{"type": "scale", "scale": list(self.scale)}]
        multiscale = {
            "name": "0",
            "axes": _AXES,
            "datasets": [{"path": "0", "coordinateTransformations": transform}],
            "coordinateTransformations": [{"type": "scale", "scale": [1.0] * 5}],
            **self._spec_version(),
        }
        windows = np.where(np.isfinite(self._limits[name]), self._limits[name], 0.0)
        channels = [
            {
                "label": label,
                "color": "FFFFFF",
                "active": True,
                "window": {"start": low, "end": high, "min": low, "max": high},
            }
            for label, (low, high) in zip(self.channel_names, windows.tolist(), strict=True)
        ]
        omero = {
            "id": 0,
            "name": name,
            "channels": channels,
            "rdefs": {"model": "color", "defaultT": 0, "defaultZ": 0},
        }
        return {"multiscales": [multiscale], "omero": {**omero, **self._spec_version()}}

    def _group(self, folder: Path, attributes: dict[str, Any] | None) -> None:
        """Write the metadata of a zarr group."""
        if self.version == "0.4":
            (folder / ".zgroup").write_text(json.dumps({"zarr_format": 2}), encoding="utf-8")
            if attributes is not None:
                (folder / ".zattrs").write_text(json.dumps(attributes, indent=2), encoding="utf-8")
            return
        ome = {} if attributes is None else {"ome": {"version": self.version, **attributes}}
        content = {"zarr_format": 3, "node_type": "group", "attributes": ome}
        (folder / "zarr.json").write_text(json.dumps(content, indent=2), encoding="utf-8")


def write_plate(
    path: Path,
    fovs: Mapping[str, npt.NDArray[Any]],
    channel_names: Sequence[str],
    **options: Any,
) -> Path:
    """Write arrays (T, C, Z, Y, X) by FOV name as a plate; options as `PlateWriter`.

    Returns
    -------
    The plate's path.
    """
    with PlateWriter(path, channel_names, **options) as writer:
        for name, array in fovs.items():
            if array.ndim != 5:
                shapes = listing(f"{key} {value.shape}" for key, value in fovs.items())
                raise DataError(problem("arrays must be (T, C, Z, Y, X)", file=path, row=name, found=shapes))
            writer.create_fov(name, array.shape, array.dtype)
            for t, frame in enumerate(array):
                writer.write_frame(name, t, frame)
    return path
