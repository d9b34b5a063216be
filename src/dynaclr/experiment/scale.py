"""How many stored pixels one pixel of a patch covers, so that patches of all experiments have one scale.

An image is read as if it had been resampled whole to the pixel size of the patches: pixel k of that grid
covers the stored pixels from k * step to (k + 1) * step, counted from the edge of the first. Tracks are
scaled with it, and patches are cut from it by the same rules as from an image that is read as it is stored,
whose step is 1. Reads no pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import ConfigError, listing, problem, together
from dynaclr.experiment.fovs import FovEntry
from dynaclr.experiment.registry import ExperimentRegistry

_SAME = 1e-3
"""Steps that are nearer to 1 than this are 1: no calibration is better, and pixels stay as they are."""
_LARGEST = 1e4
"""Most stored pixels of one pixel of a patch, and the other way around; beyond that a number is damaged."""
_ROUNDING = 1e-6  # of a pixel; a grid does not lose its last one to the arithmetic


def pixel_size_um(registry: ExperimentRegistry, entry: FovEntry) -> tuple[float, float] | None:
    """Return the size (Y, X) of a stored pixel in micrometers, None where nobody says.

    What experiments.yaml says of an experiment counts; else what the plate says.
    """
    given = registry.experiments[entry.experiment].pixel_yx_um
    if given is not None:
        return given
    layout = entry.layout
    return (layout.scale[-2], layout.scale[-1]) if {"y", "x"} <= set(layout.calibrated) else None


def patch_steps(
    registry: ExperimentRegistry,
    entries: Sequence[FovEntry],
    yx_patch_size: tuple[int, int],
    yx_patch_um: tuple[float, float] | None,
) -> npt.NDArray[np.float64]:
    """Return how many stored pixels (n_fovs, 2) one pixel of a patch covers; all 1 without `yx_patch_um`.

    Parameters
    ----------
    registry
        The experiments.
    entries
        Fields of view by code.
    yx_patch_size, yx_patch_um
        Patch (height, width) in pixels and in micrometers.

    Raises
    ------
    ConfigError
        If nobody says how large the pixels of an experiment are; all such experiments are named.
    """
    steps = np.ones((len(entries), 2))
    if yx_patch_um is None:
        return steps
    unknown: dict[str, list[str]] = {}
    beyond: dict[str, tuple[str, tuple[float, float]]] = {}
    for code, entry in enumerate(entries):
        size = pixel_size_um(registry, entry)
        if size is None:
            unknown.setdefault(registry.names[entry.experiment], []).append(entry.layout.name)
        else:
            with np.errstate(over="ignore", under="ignore"):
                steps[code] = np.divide(yx_patch_um, yx_patch_size) / size
            if not np.all((steps[code] >= 1 / _LARGEST) & (steps[code] <= _LARGEST)):
                beyond.setdefault(registry.names[entry.experiment], (entry.layout.name, size))
    if unknown or beyond:
        texts = [
            problem(
                "the pixel size cannot be that of this image",
                experiment=name,
                file=registry.get_experiment(name).data_path,
                row=fov,
                field="pixel_size_um",
                expected=f"one pixel of a patch to cover {1 / _LARGEST:g} to {_LARGEST:g} stored pixels",
                found=f"{size[0]:g} x {size[1]:g} micrometers",
                fix="State pixel_size_um of this experiment in experiments.yaml.",
            )
            for name, (fov, size) in beyond.items()
        ]
        texts += [
            problem(
                "the plate states no pixel size",
                experiment=name,
                file=registry.get_experiment(name).data_path,
                field="pixel_size_um",
                expected="micrometers a pixel, to resample patches as yx_patch_um asks for",
                found=f"none in {len(fovs)} FOVs ({listing(fovs, 5)})",
                fix="State pixel_size_um of this experiment in experiments.yaml, or leave yx_patch_um out.",
            )
            for name, fovs in unknown.items()
        ]
        raise ConfigError(together("pixel sizes", texts))
    return np.where(np.abs(steps - 1) < _SAME, 1.0, steps)


def grid_sizes(image_yx: npt.NDArray[np.integer], steps: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return how many whole pixels of the patches' grid fit into images (n, 2) of stored pixels."""
    return np.floor(image_yx / steps + _ROUNDING).astype(np.int64)


def reach(steps: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return how far the stored pixels that count lie from the center of a pixel of the grid, at most.

    Linear interpolation reaches a pixel, and what evens out a larger step half its width more.
    """
    return np.sqrt(np.maximum(np.square(steps) - 1.0, 0.0)) / 2 + 1


def grid_limits(
    first: npt.NDArray[np.integer],
    stop: npt.NDArray[np.integer],
    image_yx: npt.NDArray[np.integer],
    steps: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return first and last pixel (half open) of the patches' grid that are made of some stored pixels only.

    Parameters
    ----------
    first, stop
        The stored pixels (n, 2), half open; at the image's own borders the grid begins and ends.
    image_yx, steps
        Size of the images, and of the grid's pixels in stored ones (n, 2).
    """
    beside = reach(steps)
    low = np.ceil((first - 0.5 + beside) / steps - 0.5 - _ROUNDING).astype(np.int64)
    high = np.floor((stop + 0.5 - beside) / steps - 0.5 + _ROUNDING).astype(np.int64) + 1
    plain = steps == 1
    low, high = np.where(plain, first, low), np.where(plain, stop, high)
    return np.where(first <= 0, 0, low), np.where(stop >= image_yx, grid_sizes(image_yx, steps), high)


def to_grid(place: npt.ArrayLike, steps: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the pixels of the patches' grid in which places in stored pixels lie."""
    return np.floor((np.asarray(place) + 0.5) / steps).astype(np.int64)


def from_grid(pixel: npt.ArrayLike, steps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return where the centers of pixels of the patches' grid lie, in stored pixels."""
    return np.asarray((np.asarray(pixel) + 0.5) * steps - 0.5)
