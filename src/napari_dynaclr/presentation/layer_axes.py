"""Axes of a layer in world coordinates, and the conversion from one layer's coordinates to another's pixels.

Reads layers by their public properties.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import DataError, problem

AXES_OF = {3: ("t", "y", "x"), 4: ("t", "z", "y", "x")}
"""Names of axes by their number."""
_TURN = 1e-6  # share of a step that may go along another axis: rounding


@dataclass(frozen=True, slots=True)
class LayerAxes:
    """Where data lie: world = scale * data + offset on every axis.

    Attributes
    ----------
    scale, offset
        By axis, in units.
    units
        Of pint, by axis.
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    units: tuple[Any, ...]


def layer_axes(layer: Any) -> LayerAxes:
    """Return where the data of a layer lie, those of the finest level of a pyramid.

    Raises
    ------
    DataError
        If the layer is turned, sheared or flat.
    """
    origin = np.array(layer.data_to_world(np.zeros(layer.ndim)), dtype=np.float64)
    steps = [layer.data_to_world(step) for step in np.eye(layer.ndim)]
    matrix = np.array(steps, dtype=np.float64).T - origin[:, None]  # column: where one step of an axis leads
    scale = np.diag(matrix)
    aside = np.abs(matrix - np.diag(scale))
    if (aside > _TURN * np.abs(matrix).max()).any():
        fix = "Remove its rotation and shear, or resample it."
        raise DataError(problem(f"layer '{layer.name}' is rotated or sheared", fix=fix))
    if not np.all(np.isfinite(matrix)) or (scale == 0).any():
        raise DataError(problem(f"layer '{layer.name}' has no size on an axis", found=scale.tolist()))
    return LayerAxes(tuple(scale.tolist()), tuple(origin.tolist()), tuple(layer.units))


def rows_in_image(
    rows: npt.NDArray[np.float64], source: LayerAxes, image: LayerAxes
) -> npt.NDArray[np.float64]:
    """Return rows of tracks in pixels and frames of an image.

    Units of one kind are converted. Where they are of different kinds (pixel, micrometre), numbers of one
    are those of the other, as napari draws them.

    Parameters
    ----------
    rows
        (n, 1 + axes): track, t, [z], y, x, as the source has them.
    source, image
        Where the data of both lie.

    Returns
    -------
    (n, 1 + axes): with z only if both have it.

    Raises
    ------
    DataError
        If tracks have different z and the image has none.
    """
    names, wanted = AXES_OF[len(source.scale)], AXES_OF[len(image.scale)]
    if "z" in names and "z" not in wanted and len(rows) and np.ptp(rows[:, 1 + names.index("z")]) > 0:
        fix = "Choose images with z slices, or tracks without z."
        raise DataError(problem("tracks have z coordinates, but the images have no z slices", fix=fix))
    columns = [rows[:, 0]]
    for to, name in enumerate(wanted):
        if name not in names:
            continue
        of = names.index(name)
        factor = _factor(source.units[of], image.units[to])
        world = (rows[:, 1 + of] * source.scale[of] + source.offset[of]) * factor
        columns.append((world - image.offset[to]) / image.scale[to])
    return np.column_stack(columns)


def _factor(unit: Any, wanted: Any) -> float:
    """Return how many of a unit another one is; 1 if they are not of one kind."""
    if unit.dimensionality != wanted.dimensionality:
        return 1.0
    return float((1.0 * unit).to(str(wanted)).magnitude)


def step_in(axes: LayerAxes, axis: str, unit: str) -> float | None:
    """Return one step of an axis in "um" or "minute"; None if the axis has a unit of another kind."""
    names = AXES_OF[len(axes.scale)]
    if axis not in names:
        return None
    place = names.index(axis)
    step = abs(axes.scale[place]) * axes.units[place]
    return float(step.to(unit).magnitude) if step.check(_KINDS[unit]) else None


_KINDS = {"um": "[length]", "minute": "[time]"}
