"""Fields of view and tracks as napari-shaped plain data; imports no napari."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.embeddings import read_embeddings
from dynaclr.figures.embedding import principal_components
from dynaclr.index import MultiExperimentIndex
from dynaclr.stores import make_context, open_array

__all__ = ("LayerData", "embedding_layer", "fov_layers", "track_layer")

LayerData = tuple[Any, dict[str, Any], str]


def fov_layers(index: MultiExperimentIndex, fov: int) -> list[LayerData]:
    """Return one image layer a channel (T, Z, Y, X) that is trained on, and the tracks of an FOV.

    Pixels are read when they are shown.
    """
    entry = index.fovs[fov]
    config = index.registry.experiments[entry.experiment]
    array = open_array(entry.layout, make_context(2**28), zeros_for_missing=True)
    scale = (1.0, *entry.layout.scale[2:])
    layers: list[LayerData] = []
    for place, channel in index.registry.channel_maps[config.name].items():
        options = {
            "name": f"{config.name} {entry.layout.name} {config.source_channel[place]}",
            "scale": scale,
            "colormap": ("gray", "green", "magenta", "cyan")[place % 4],
            "blending": "additive",
        }
        layers.append((array[:, channel], options, "image"))
    layers.append(track_layer(index, fov))
    return layers


def track_layer(index: MultiExperimentIndex, fov: int) -> LayerData:
    """Return the tracks of an FOV as napari's Tracks layer wants them: (N, 5) id, t, z, y, x and a graph."""
    table = index.table
    rows = np.flatnonzero(table.fov_of() == fov)
    rows = rows[np.lexsort((table.t[rows], table.track[rows]))]
    entry = index.fovs[fov]
    middle = (entry.layout.shape[2] - 1) / 2
    track = table.track_id[table.track[rows]]
    data: npt.NDArray[np.float64] = np.column_stack(
        [track, table.t[rows], np.full(rows.size, middle), table.y[rows], table.x[rows]]
    )
    members = np.unique(table.track[rows])
    parent = table.forest.parent[members]
    graph = {
        int(table.track_id[child]): [int(table.track_id[mother])]
        for child, mother in zip(members.tolist(), parent.tolist(), strict=True)
        if mother >= 0
    }
    name = index.registry.names[entry.experiment]
    options = {
        "name": f"{name} {entry.layout.name} tracks",
        "graph": graph,
        "scale": (1.0, *entry.layout.scale[2:]),
        "features": {"track_id": track, "hours_post_infection": index.hours(rows)},
    }
    return data, options, "tracks"


def embedding_layer(index: MultiExperimentIndex, fov: int, path: Path) -> LayerData:
    """Return the cells of an FOV as points (T, Z, Y, X) coloured by the first component of an embedding."""
    table = read_embeddings(path)
    entry = index.fovs[fov]
    seen = table.observations
    first, second = principal_components(table.features).T
    here = (
        (seen["experiment"] == index.registry.names[entry.experiment])
        & (seen["fov_name"] == entry.layout.name)
    ).to_numpy()
    cells = seen[here]
    middle = (entry.layout.shape[2] - 1) / 2
    points = np.column_stack([cells["t"], np.full(len(cells), middle), cells["y"], cells["x"]])
    options = {
        "name": f"{index.registry.names[entry.experiment]} {entry.layout.name} embedding",
        "scale": (1.0, *entry.layout.scale[2:]),
        "features": {
            "component_1": first[here],
            "component_2": second[here],
            "condition": cells["condition"].to_numpy(),
        },
        "face_color": "component_1",
        "size": 8,
        "opacity": 0.6,
    }
    return points, options, "points"
