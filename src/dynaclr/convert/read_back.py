"""Reads what was written with other readers than its writer's, before it is called done."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from dynaclr.base.cores import cpu_limit
from dynaclr.base.errors import DataError, DynaclrError, problem
from dynaclr.experiment import ExperimentConfig, ExperimentRegistry, PlateLayout, read_plate, select_fovs
from dynaclr.images import make_context, open_array
from dynaclr.tracks import TrackPolicy, load_table, locate_tracks, read_all

Facts = dict[str, tuple[tuple[str, ...], tuple[int, ...], tuple[float, ...]]]
"""{FOV: names of channels, shape (T, C, Z, Y, X), scale in seconds and micrometers}."""


def check_written(
    config: ExperimentConfig,
    checksums: Mapping[str, Mapping[int, int]],
    tell: Callable[[int, int], None] | None = None,
) -> None:
    """Read an experiment as a training does, with iohub, and every pixel again.

    Parameters
    ----------
    config
        The experiment where it was written.
    checksums
        {FOV: {frame: checksum}} of the pixels that were written.
    tell
        Called with (frames read, frames in all).

    Raises
    ------
    DataError
        If a reader refuses it, or pixels are others.
    """
    try:
        read_back(Path(config.data_path))
        registry = ExperimentRegistry([config])
        entries, _ = select_fovs(registry, None, None, "error")
        if any(config.tracks_root.rglob("*.*")):
            files, _ = locate_tracks(registry, entries, TrackPolicy())
            load_table(read_all(registry, entries, files, TrackPolicy()), registry, entries, files)
        _check_pixels(registry.plates[config.name], checksums, tell)
    except DynaclrError as error:
        raise DataError(f"what was written is refused by its reader, and left out: {error}") from error


def _check_pixels(
    plate: PlateLayout,
    checksums: Mapping[str, Mapping[int, int]],
    tell: Callable[[int, int], None] | None,
) -> None:
    """Compare every frame with the checksum of what was written."""
    context = make_context(0)
    arrays = {fov: open_array(plate.fovs[fov], context, zeros_for_missing=False) for fov in checksums}
    frames = [(fov, t) for fov, layout in plate.fovs.items() for t in range(layout.shape[0])]

    def same(frame: tuple[str, int]) -> bool:
        fov, t = frame
        try:
            pixels = np.ascontiguousarray(arrays[fov][t].read().result())
        except (ValueError, OSError):
            return False
        return zlib.crc32(pixels.data) == checksums[fov].get(t)

    with ThreadPoolExecutor(cpu_limit()) as pool:
        for done, (frame, right) in enumerate(zip(frames, pool.map(same, frames), strict=True), start=1):
            if not right:
                fov, t = frame
                what = "pixels are not those that were written"
                fix = "The disk may be full or damaged."
                raise DataError(problem(what, file=plate.path, row=f"{fov}, frame {t}", fix=fix))
            if tell is not None:
                tell(done, len(frames))


def read_back(plate: Path) -> None:
    """Read a plate as a training does, and with iohub, and compare.

    iohub is what other programs of the field read plates with. Where it cannot read the version (OME-Zarr
    0.5 with iohub 0.2, the one for Python 3.11), a training's reader judges alone.

    Raises
    ------
    DataError
        If a reader refuses the plate, or the two find different fields of view, channels, shapes or scales.
    """
    layout = read_plate(plate)
    lost = [f"{name}: {why}" for name, why in layout.left_out.items()]
    if lost:
        raise DataError(problem("the plate that was written cannot be read", file=plate, found=lost[0]))
    if (plate / "zarr.json").is_file() and int(version("zarr").partition(".")[0]) < 3:
        return
    ours, theirs = _of_training(layout), _of_iohub(plate)
    differing = [name for name in {**ours, **theirs} if not _same(ours.get(name), theirs.get(name))]
    if differing:
        name = differing[0]
        raise DataError(
            problem(
                "iohub reads the plate that was written in another way",
                file=plate,
                row=name,
                expected=ours.get(name),
                found=theirs.get(name),
            )
        )


def _same(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return False
    return one[:2] == other[:2] and bool(np.allclose(one[2], other[2]))


def _of_training(layout: PlateLayout) -> Facts:
    return {name: (fov.channels, fov.shape, fov.scale) for name, fov in layout.fovs.items()}


def _of_iohub(plate: Path) -> Facts:
    from iohub.ngff import open_ome_zarr

    found: Facts = {}
    try:
        with open_ome_zarr(plate, layout="hcs", mode="r") as dataset:
            for name, position in dataset.positions():
                channels = tuple(str(channel) for channel in position.channel_names)
                scale = tuple(float(step) for step in position.scale)
                found[name] = (channels, tuple(position["0"].shape), scale)
    except Exception as error:  # whatever a foreign library raises
        what = f"iohub cannot read the plate that was written: {error}"
        raise DataError(problem(what, file=plate)) from error
    return found
