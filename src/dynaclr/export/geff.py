"""Writes GEFF by its own library, which then checks what was written."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from dynaclr.base import keys
from dynaclr.experiment import FovLayout
from dynaclr.export.curated import FovGraph
from dynaclr.tracks.sources.extras import needed

_LINEAGE = "lineage"  # number of the connected component


def write_geff(graph: FovGraph, path: Path, layout: FovLayout, interval_minutes: float) -> None:
    """Write a graph in pixels and frames, with the sizes of both.

    Raises
    ------
    DataError
        If the library is not there.
    """
    needed("geff", path)
    from geff.core_io import read_to_memory, write_arrays
    from geff.validate.data import ValidationConfig
    from geff_spec import Axis, GeffMetadata

    columns = dict(graph.columns)
    ids = columns.pop(keys.ID).astype(np.uint64)
    for name in (keys.PARENT_ID, keys.PARENT_TRACK_ID):
        del columns[name]  # the edges tell it
    columns[_LINEAGE] = _components(graph)
    sizes = dict(zip((keys.Z, keys.Y, keys.X), layout.scale[2:], strict=True))
    axes = [Axis(name=keys.T, type="time", unit="frame", scale=interval_minutes, scaled_unit="minute")]
    axes += [
        Axis(name=name, type="space", unit="pixel", scale=size, scaled_unit="micrometer")
        for name, size in sizes.items()
        if name in columns
    ]
    props: dict[str, Any] = {name: {"values": values, "missing": None} for name, values in columns.items()}
    claims = {"lineage": _LINEAGE} | ({"tracklet": keys.TRACK_ID} if _unbranched(graph) else {})
    metadata = GeffMetadata(
        directed=True, axes=axes, node_props_metadata={}, edge_props_metadata={}, track_node_props=claims
    )
    checks = ValidationConfig(graph=True, lineage=True, tracklet=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zarr's, about strings in its third format
        write_arrays(path, ids, props, ids[graph.edges], {}, metadata)
        read_to_memory(path, data_validation=checks)


def _components(graph: FovGraph) -> Any:
    """Return a number for each observation, the same for all that are connected."""
    root = np.arange(graph.columns[keys.T].size)
    root[graph.edges[:, 1]] = graph.edges[:, 0]  # each observation follows one at most
    while not np.array_equal(further := root[root], root):
        root = further
    return np.unique(root, return_inverse=True)[1].reshape(-1)


def _unbranched(graph: FovGraph) -> bool:
    """Whether every track is a longest chain without a branch, which is what GEFF calls a tracklet."""
    track = graph.columns[keys.TRACK_ID]
    followers = np.bincount(graph.edges[:, 0], minlength=track.size)
    same = track[graph.edges[:, 0]] == track[graph.edges[:, 1]]
    return bool(np.all((followers[graph.edges[:, 0]] == 1) == same))
