"""Fields of view, cells and pairs as napari-shaped plain data.

One module although it is long: each function is one role of layer, and all share names, geometry and places.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dynaclr.base import keys
from dynaclr.images import make_context, open_array
from dynaclr.index import Exclusion, MultiExperimentIndex
from napari_dynaclr.presentation.colors import CYCLE_ON_DARK
from napari_dynaclr.presentation.display import channel_display, level_paths, spatial_units
from napari_dynaclr.presentation.positives import LOSS_TEXT

LayerData = tuple[Any, dict[str, Any], str]
AXES = ("t", "z", "y", "x")
COLOUR_BY = ("condition", "validity", "hours", "lineage")
"""What cells can be colored by."""
MOST_TRACK_VERTICES = 30_000
"""Above this an FOV's tracks are not shown all at once: napari would stand still while it adds them."""
MOST_PREVIEW_VERTICES = 10_000
"""Above this only some tracks of an import are drawn: they are drawn anew whenever something is corrected."""

OWNER = "dynaclr"
"""Key of the metadata of the plugin's layers: the value is the layer's role."""
PREVIEW = "dynaclr import"
"""Key of the metadata of layers that show what is to be imported; they go when the import is closed."""
PREFIX = "dynaclr: "
"""What the names of the plugin's layers start with."""
_CACHE_BYTES = 2**28
_RING = (1.0, 1.0, 1.0, 1.0)
_VALIDITY = ["anchor" if code is Exclusion.NONE else LOSS_TEXT[code] for code in Exclusion]
"""Words for `Exclusion`, by its codes."""


def geometry(index: MultiExperimentIndex, fov: int) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Return scale and units (T, Z, Y, X) that every layer of an FOV has."""
    layout = index.fovs[fov].layout
    unit = spatial_units(layout)
    return (1.0, *layout.scale[2:]), ("pixel", unit, unit, unit)


def _geometry(index: MultiExperimentIndex, fov: int) -> dict[str, Any]:
    scale, units = geometry(index, fov)
    return {"scale": scale, "units": units, "axis_labels": AXES}


def _title(index: MultiExperimentIndex, fov: int, what: str) -> str:
    entry = index.fovs[fov]
    return f"{PREFIX}{index.registry.names[entry.experiment]} {entry.layout.name} {what}"


def _owned(role: str) -> dict[str, Any]:
    return {"metadata": {OWNER: role}}


def image_layers(index: MultiExperimentIndex, fov: int) -> list[LayerData]:
    """Return one image layer (T, Z, Y, X) for each channel that is trained on; pixels are read when shown.

    A pyramid is shown as one: napari takes the level that fits the zoom.
    """
    entry = index.fovs[fov]
    layout, config = entry.layout, index.registry.experiments[entry.experiment]
    context = make_context(_CACHE_BYTES)
    levels = [open_array(layout, context, zeros_for_missing=True, path=path) for path in level_paths(layout)]
    layers: list[LayerData] = []
    for place, channel in index.registry.channel_maps[config.name].items():
        name = config.source_channel[place]
        shown = channel_display(layout, channel, name, place)
        options = {
            "name": _title(index, fov, name),
            "colormap": shown.colormap,
            "blending": "additive",
            **_geometry(index, fov),
            **_owned(f"image {place}"),
        }
        if shown.contrast_limits is not None:
            options["contrast_limits"] = shown.contrast_limits
        arrays = [level[:, channel] for level in levels]
        if len(arrays) > 1:
            options["multiscale"] = True
        layers.append((arrays if len(arrays) > 1 else arrays[0], options, "image"))
    return layers


def frame_rows(index: MultiExperimentIndex, fov: int, frame: int | None = None) -> npt.NDArray[np.int64]:
    """Return the rows of the observations of an FOV by frame, or of one of its frames."""
    rows = index.table.rows(fov, frame)
    return np.arange(rows.start, rows.stop)


def _middle(index: MultiExperimentIndex, fov: int) -> float:
    """Return the middle of the stack, slices."""
    return (index.fovs[fov].layout.shape[2] - 1) / 2


def _places(
    index: MultiExperimentIndex, fov: int, rows: npt.NDArray[np.integer], z: float | None = None
) -> npt.NDArray[np.float64]:
    """Return the centroids of rows in a slice, or in the middle of the stack (N, 4): t, z, y, x in pixels."""
    table = index.table
    slices = np.full(len(rows), _middle(index, fov) if z is None else z)
    columns = (table.t[rows], slices, table.y[rows], table.x[rows])
    return np.column_stack(columns).astype(np.float64)


def cell_layer(index: MultiExperimentIndex, fov: int, colour_by: str, z: float | None = None) -> LayerData:
    """Return the cells of an FOV as points with their row, track and what they can be colored by.

    They lie in slice `z`, None for the middle: a cell has no depth of its own and is seen in all slices.
    """
    rows = frame_rows(index, fov)
    table = index.table
    track = table.track[rows]
    loss = index.exclusion[rows]
    features = {
        "row": rows,
        "track_id": table.track_id[track],
        "condition": pd.Categorical.from_codes(
            np.zeros(rows.size, int), pd.Index([index.fovs[fov].condition])
        ),
        "validity": pd.Categorical.from_codes(loss.astype(int), pd.Index(_VALIDITY)),
        "hours": index.hours(rows),
        "lineage": table.track_id[table.forest.root[track]],
    }
    options = {
        "name": _title(index, fov, "cells"),
        "features": features,
        "face_color": "transparent",
        "border_color": _colors(index, fov, features, loss, colour_by),
        "border_width": 0.15,
        "size": _cell_size(index, fov),
        **_geometry(index, fov),
        **_owned("cells"),
    }
    return _places(index, fov, rows, z), options, "points"


def _cell_size(index: MultiExperimentIndex, fov: int) -> float:
    """Return the diameter of the circle of a cell, stored pixels."""
    return max(float(min(index.fov_step_yx[fov] * index.yx_patch_size)) / 6, 4.0)


def _colors(
    index: MultiExperimentIndex,
    fov: int,
    features: dict[str, Any],
    loss: npt.NDArray[np.integer],
    colour_by: str,
) -> npt.NDArray[np.float64]:
    """Return (N, 4) colors that are the same in every frame of a data set."""
    cycle = np.array([_rgba(color) for color in CYCLE_ON_DARK])
    if colour_by == "condition":
        return np.asarray(np.tile(cycle[int(index.fov_condition[fov]) % len(cycle)], (loss.size, 1)))
    if colour_by == "validity":
        return np.asarray(np.where((loss == Exclusion.NONE)[:, None], cycle[2], cycle[4]))
    if colour_by == "lineage":
        return np.asarray(cycle[np.asarray(features["lineage"], dtype=np.int64) % len(cycle)])
    hours = np.asarray(features["hours"])
    share = np.clip(hours / max(index.last_hours, 1.0), 0, 1)[:, None]
    return np.asarray((1 - share) * cycle[0] + share * cycle[1])


def _rgba(colour: str) -> tuple[float, float, float, float]:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue, 1.0


def _tracks(
    index: MultiExperimentIndex, fov: int, rows: npt.NDArray[np.integer], name: str, role: str
) -> LayerData:
    """Return rows as tracks (N, 5): id, t, z, y, x, with the graph of their divisions."""
    table = index.table
    rows = rows[np.lexsort((table.t[rows], table.track[rows]))]
    track = table.track_id[table.track[rows]]
    members = np.unique(table.track[rows])
    parent = table.forest.parent[members]
    known = np.isin(parent, members)
    graph = {
        int(table.track_id[child]): [int(table.track_id[mother])]
        for child, mother in zip(members[known].tolist(), parent[known].tolist(), strict=True)
    }
    options = {
        "name": _title(index, fov, name),
        "graph": graph,
        "features": {
            "track_id": track,
            "hours": index.hours(rows),
            "lineage": table.track_id[table.forest.root[table.track[rows]]],
        },
        **_geometry(index, fov),
        **_owned(role),
    }
    return np.column_stack([track, _places(index, fov, rows)]), options, "tracks"


def track_layer(index: MultiExperimentIndex, fov: int) -> LayerData | None:
    """Return all tracks of an FOV with their lineage graph; None if there are too many to show at once."""
    rows = frame_rows(index, fov)
    if not 0 < rows.size <= MOST_TRACK_VERTICES:
        return None
    return _tracks(index, fov, rows, "tracks", "tracks")


def family_layer(index: MultiExperimentIndex, fov: int, rows: npt.NDArray[np.integer]) -> LayerData:
    """Return the tracks of one lineage."""
    return _tracks(index, fov, rows, "selected lineage", "family")


def selected_layer(index: MultiExperimentIndex, fov: int, row: int, z: float | None = None) -> LayerData:
    """Return a ring around one cell; it lies in slice `z`, None for the middle."""
    options = {
        "name": _title(index, fov, "selected cell"),
        "face_color": "transparent",
        "border_color": np.array([_RING]),
        "border_width": 0.09,
        "size": 1.7 * _cell_size(index, fov),
        "features": {"row": np.array([row])},
        **_geometry(index, fov),
        **_owned("selected"),
    }
    return _places(index, fov, np.array([row]), z), options, "points"


def pair_layer(
    index: MultiExperimentIndex, fov: int, anchor: int, positive: int | None, z: float | None = None
) -> LayerData:
    """Return the boxes of the patches of anchor and positive as their edges (4 or 8, 2, 4): start and step.

    Columns are t, z, y, x; the boxes lie in slice `z`, None for the middle. Vectors, since napari takes four
    times as long to draw rectangles of a Shapes layer.
    """
    rows = np.array([anchor] if positive is None else [anchor, positive])
    y, x = index.patch_edges(index.table, rows)
    slice_ = _middle(index, fov) if z is None else z
    edges, colors, roles = [], [], []
    for place, (frame, rows_, columns) in enumerate(zip(index.table.t[rows], y, x, strict=True)):
        corner_y, corner_x = rows_[[0, 0, 1, 1]], columns[[0, 1, 1, 0]]
        starts = np.column_stack([np.full(4, frame), np.full(4, slice_), corner_y, corner_x])
        edges.append(np.stack([starts, np.roll(starts, -1, axis=0) - starts], axis=1))
        colors += [_rgba(CYCLE_ON_DARK[place])] * 4
        roles += [("anchor", "positive")[place]] * 4
    options = {
        "name": _title(index, fov, "pair"),
        "edge_color": np.array(colors),
        "edge_width": max((y[0, 1] - y[0, 0]) / 80, 0.4),
        "vector_style": "line",
        "features": {"role": roles},
        **_geometry(index, fov),
        **_owned("pair"),
    }
    return np.concatenate(edges), options, "vectors"


def embedding_layer(index: MultiExperimentIndex, fov: int, path: Path) -> LayerData:
    """Return the cells of an FOV as points (T, Z, Y, X) colored by the first component of an embedding."""
    from dynaclr.embedding import principal_components, read_embeddings

    table = read_embeddings(path)
    entry = index.fovs[fov]
    seen = table.observations
    first, second = principal_components(table.features).T
    here = (
        (seen[keys.EXPERIMENT] == index.registry.names[entry.experiment])
        & (seen[keys.FOV_NAME] == entry.layout.name)
    ).to_numpy()
    features = {"component_1": first[here], "component_2": second[here]}
    return embedding_points(index, fov, seen[here], features, "component_1")


def embedding_points(
    index: MultiExperimentIndex, fov: int, cells: pd.DataFrame, features: dict[str, Any], face_color: Any
) -> LayerData:
    """Return observations of an embedding in an FOV as points (T, Z, Y, X) with features and colors."""
    middle = _middle(index, fov)
    points = np.column_stack([cells[keys.T], np.full(len(cells), middle), cells[keys.Y], cells[keys.X]])
    options = {
        "name": _title(index, fov, "embedding"),
        "features": {**features, "condition": cells[keys.CONDITION].to_numpy()},
        "face_color": face_color,
        "size": 8,
        "opacity": 0.6,
        **_geometry(index, fov),
        **_owned("embedding"),
    }
    return points, options, "points"
