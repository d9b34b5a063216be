"""Which layers of a viewer can be channels and cells, and the recording made of them.

Reads layers and changes none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import DataError
from dynaclr.convert import label_rows
from napari_dynaclr.presentation.layer_axes import AXES_OF, LayerAxes, layer_axes, rows_in_image, step_in

_NEAR = 1e-6  # share of a step by which places of channels may differ: rounding
_SQUARE = 1e-3  # share by which the sides of a pixel may differ


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a layer says of its steps; None for what it does not say."""

    interval_minutes: float | None = None
    pixel_size_um: float | None = None
    z_step_um: float | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """What is taken from layers; keeps their arrays and not the layers.

    Attributes
    ----------
    channels
        {name: (T, Y, X) or (T, Z, Y, X)}.
    image
        Where the channels lie.
    cells
        Rows of tracks, or labels if `graph` is None.
    cell_axes
        Where the cells lie.
    graph
        {child: [parents]}; None if the cells are labels, which know no parents.
    """

    channels: dict[str, Any]
    image: LayerAxes
    cells: Any
    cell_axes: LayerAxes
    graph: dict[int, list[int]] | None

    def rows(self, progress: Callable[[int, int], None]) -> npt.NDArray[np.float64]:
        """Return (n, 4) track, t, y, x or (n, 5) track, t, z, y, x in pixels of the image; reads labels."""
        cells = self.cells if self.graph is not None else label_rows(self.cells, progress)
        return rows_in_image(cells, self.cell_axes, self.image)


def image_fault(layer: Any) -> str:
    """Return why an image cannot be a channel, nothing if it can."""
    if layer.rgb:
        return "its pixels are colors (RGB): split it into channels"
    return _shape_fault(layer)


def _shape_fault(layer: Any) -> str:
    if layer.ndim not in AXES_OF:
        return f"it has {layer.ndim} axes: time, y, x or time, z, y, x are needed"
    labels = tuple(str(label).lower() for label in layer.axis_labels)
    named = all(label.isalpha() and len(label) == 1 for label in labels)
    if named and labels != AXES_OF[layer.ndim]:
        return f"its axes are {', '.join(labels)}: {', '.join(AXES_OF[layer.ndim])} are needed"
    try:
        layer_axes(layer)
    except DataError as error:
        return str(error)
    return ""


def channels_fault(images: Sequence[Any]) -> str:
    """Return why images cannot be channels of one recording, nothing if they can."""
    if not images:
        return "Tick at least one image."
    first = images[0]
    for layer in images:
        fault = image_fault(layer)
        if fault:
            return f"'{layer.name}' cannot be a channel: {fault}."
        if _shape(layer) != _shape(first):
            return f"'{layer.name}' differs in size from '{first.name}': {_shape(layer)} and {_shape(first)}."
        if not _together(layer, first):
            return f"'{layer.name}' is not aligned with '{first.name}': their scale or translation differ."
    y, x = layer_axes(first).scale[-2:]
    if abs(abs(y) - abs(x)) > _SQUARE * abs(y):
        return f"Pixels of '{first.name}' are not square: {abs(y):g} x {abs(x):g}."
    return ""


def _shape(layer: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in _array(layer).shape)


def _array(layer: Any) -> Any:
    """Return the pixels of a layer, the finest level of a pyramid."""
    return layer.data[0] if layer.multiscale else layer.data


def _together(layer: Any, other: Any) -> bool:
    """Whether first and last pixel of two layers of one size are at the same places."""
    corners = np.array([np.zeros(layer.ndim + 1), [0, *(size - 1 for size in _shape(layer))]])
    moved = rows_in_image(corners, layer_axes(layer), layer_axes(other))
    return bool(np.allclose(moved, corners, rtol=0, atol=_NEAR * max(_shape(layer))))


def cells_fault(layer: Any | None) -> str:
    """Return why a layer cannot be the cells, nothing if it can."""
    if layer is None:
        return "Choose the tracks, or labels whose values are track IDs."
    fault = _shape_fault(layer)
    return f"'{layer.name}' cannot be the cells: {fault}." if fault else ""


def calibration(image: Any) -> Calibration:
    """Return what an image that can be a channel says of its steps."""
    axes = layer_axes(image)
    return Calibration(step_in(axes, "t", "minute"), step_in(axes, "x", "um"), step_in(axes, "z", "um"))


def channels_of(images: Sequence[Any]) -> dict[str, Any]:
    """Return the pixels of images that can be channels of one recording, by name."""
    return {layer.name: _array(layer) for layer in images}


def recorded(images: Sequence[Any], cells: Any) -> Recording:
    """Return what is taken from layers that have no fault."""
    graph = getattr(cells, "graph", None)
    return Recording(
        channels=channels_of(images),
        image=layer_axes(images[0]),
        cells=np.array(cells.data, dtype=np.float64) if graph is not None else _array(cells),
        cell_axes=layer_axes(cells),
        graph=None if graph is None else {int(child): _parents(of) for child, of in graph.items()},
    )


def _parents(of: Any) -> list[int]:
    return [int(parent) for parent in np.atleast_1d(of)]
