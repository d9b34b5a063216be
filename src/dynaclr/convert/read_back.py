"""Reads a plate that was written with other readers than its writer's, before it is called done."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from dynaclr.base.errors import DataError, problem
from dynaclr.experiment import PlateLayout, read_plate

Facts = dict[str, tuple[tuple[str, ...], tuple[int, ...], tuple[float, ...]]]
"""{FOV: names of channels, shape (T, C, Z, Y, X), scale in seconds and micrometers}."""


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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own dependencies
            with open_ome_zarr(plate, layout="hcs", mode="r") as dataset:
                for name, position in dataset.positions():
                    channels = tuple(str(channel) for channel in position.channel_names)
                    scale = tuple(float(step) for step in position.scale)
                    found[name] = (channels, tuple(position["0"].shape), scale)
    except Exception as error:  # whatever a foreign library raises
        what = f"iohub cannot read the plate that was written: {error}"
        raise DataError(problem(what, file=plate)) from error
    return found
