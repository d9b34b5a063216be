"""A field of view of a plate, and tracks that are to be imported, as napari-shaped plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.convert import TracksPreview, rows_and_graph
from dynaclr.experiment import FovLayout
from dynaclr.images import make_context, open_array
from napari_dynaclr.presentation.display import channel_display, level_paths, spatial_units
from napari_dynaclr.presentation.layer_axes import LayerAxes
from napari_dynaclr.presentation.layers import AXES, MOST_PREVIEW_VERTICES, PREVIEW, LayerData

_CACHE_BYTES = 2**27
_NAME = "import: "


@dataclass(frozen=True, slots=True)
class TrackRows:
    """Tracks to draw.

    Attributes
    ----------
    rows
        (n, 4) track, t, y, x or (n, 5) track, t, z, y, x in pixels of the image. The track of a daughter
        begins at its mother: napari draws a graph as well, and crashes with software rendering when a layer
        that has one is removed and another one is drawn.
    drawn, tracks
        How many tracks of how many are drawn.
    """

    rows: npt.NDArray[np.float64]
    drawn: int
    tracks: int


def plate_axes(layout: FovLayout) -> LayerAxes:
    """Return where a field of view is shown: frames, and lengths where the plate says them."""
    unit = spatial_units(layout)
    return LayerAxes((1.0, *layout.scale[2:]), (0.0,) * 4, ("pixel", unit, unit, unit))


def plate_layers(layout: FovLayout) -> list[LayerData]:
    """Return one image layer (T, Z, Y, X) for each channel of a field of view; pixels are read when shown."""
    context, axes = make_context(_CACHE_BYTES), plate_axes(layout)
    levels = [open_array(layout, context, zeros_for_missing=True, path=path) for path in level_paths(layout)]
    layers: list[LayerData] = []
    for channel, name in enumerate(layout.channels):
        shown = channel_display(layout, channel, name, channel)
        arrays = [level[:, channel] for level in levels]
        options: dict[str, Any] = {
            "name": f"{_NAME}{layout.name} {name}",
            "colormap": shown.colormap,
            "blending": "additive",
            "scale": axes.scale,
            "units": axes.units,
            "axis_labels": AXES,
            "metadata": {PREVIEW: True},
        }
        if shown.contrast_limits is not None:
            options["contrast_limits"] = shown.contrast_limits
        if len(arrays) > 1:
            options["multiscale"] = True
        layers.append((arrays if len(arrays) > 1 else arrays[0], options, "image"))
    return layers


def preview_rows(found: TracksPreview, shape: tuple[int, int, int, int, int], deep: bool) -> TrackRows:
    """Return the tracks to draw over an image (T, C, Z, Y, X): all, or whole tracks spread over them.

    Parameters
    ----------
    found
        The tracks.
    shape
        Of the image.
    deep
        Whether its layer has a z axis; tracks without z lie in the middle slice then.
    """
    rows, graph = rows_and_graph(found, shape[-2:], deep=deep)
    if deep and rows.shape[1] == 4:
        rows = np.insert(rows, 2, (shape[2] - 1) / 2, axis=1)
    rows = rows[(rows[:, 1] >= 0) & np.isfinite(rows).all(axis=1)]
    ids = np.unique(rows[:, 0])
    step = -(-len(rows) // MOST_PREVIEW_VERTICES)
    if step > 1:
        every, ids = ids.size, ids[::step]
        rows = rows[np.isin(rows[:, 0], ids)]
        return TrackRows(_with_mothers(rows, graph), ids.size, every)
    return TrackRows(_with_mothers(rows, graph), ids.size, ids.size)


def _with_mothers(rows: npt.NDArray[np.float64], graph: dict[int, list[int]]) -> npt.NDArray[np.float64]:
    """Return rows, sorted by track and frame, in which daughters begin at the last place of their mother."""
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    ids, first = np.unique(rows[:, 0], return_index=True)
    last = dict(zip(ids.tolist(), np.r_[first[1:], len(rows)] - 1, strict=True))
    begin = dict(zip(ids.tolist(), rows[first, 1], strict=True))
    links = [
        np.r_[child, rows[last[mother], 1:]]
        for child, (mother,) in graph.items()
        if child in begin and mother in last and rows[last[mother], 1] < begin[child]
    ]
    rows = np.concatenate([rows, np.reshape(links, (-1, rows.shape[1]))])
    return rows[np.lexsort((rows[:, 1], rows[:, 0]))]


def preview_tracks_layer(tracks: TrackRows, axes: LayerAxes) -> LayerData:
    """Return the layer of tracks that are to be imported."""
    options = {
        "name": f"{_NAME}tracks",
        "graph": {},
        "scale": axes.scale,
        "translate": axes.offset,
        "units": axes.units,
        "metadata": {PREVIEW: True},
    }
    return tracks.rows, options, "tracks"
