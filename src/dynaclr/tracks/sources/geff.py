"""GEFF, the exchange format for graphs of cells, read by its own library."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from dynaclr.base import keys
from dynaclr.base.errors import DataError, listing, problem
from dynaclr.tracks.sources.extras import needed
from dynaclr.tracks.sources.found import Found, SourceOptions

_FRAME = "FRAME"  # of TrackMate, whose time axis is in seconds
_LAST_ID = 2**63 - 1


def recognizes(path: Path, _head: bytes) -> bool:
    """Return whether a folder is a Zarr group with the attribute of GEFF."""
    for name in (".zattrs", "zarr.json"):
        file = path / name
        if file.is_file():
            try:
                content = json.loads(file.read_text(encoding="utf-8"))
            except ValueError:
                continue
            attributes = content.get("attributes", content) if isinstance(content, dict) else None
            if isinstance(attributes, dict) and "geff" in attributes:
                return True
    return False


def read(path: Path, _options: SourceOptions) -> Found:
    """Return the nodes, whatever their number of links, and the edges."""
    needed("geff", path)
    from geff.core_io import read_to_memory

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # units that GEFF does not know are judged here
        graph = read_to_memory(path)
    names, unit = _axes(graph["metadata"], path)
    nodes = graph["node_props"]
    if _FRAME in nodes:
        names[keys.T] = _FRAME
    columns = {axis: _values(nodes[name], path, name) for axis, name in names.items()}
    columns[keys.ID] = _ids(graph["node_ids"], path)
    return Found(columns, edges=_ids(graph["edge_ids"], path).reshape(-1, 2), unit=unit)


def _axes(metadata: Any, path: Path) -> tuple[dict[str, str], str]:
    """Return {axis: name of its property}, and the unit of y and x."""
    axes = list(metadata.axes or [])
    times = [axis.name for axis in axes if axis.type == "time"]
    space = [axis for axis in axes if axis.type == "space"]
    named = {axis.name[-1:].lower(): axis for axis in space}
    if set(named) >= {keys.Y, keys.X} and len(named) == len(space):
        places = {letter: named[letter] for letter in (keys.Z, keys.Y, keys.X) if letter in named}
    else:  # other names: the order is that of the axes of an image
        places = dict(zip((keys.X, keys.Y, keys.Z), reversed(space), strict=False))
    if len(times) != 1 or len(space) not in (2, 3) or len(places) != len(space):
        found = listing(f"{axis.name} ({axis.type})" for axis in axes) or "none"
        expected = "one axis of time, two or three of space"
        raise DataError(
            problem("axes cannot be used", file=path, field="axes", expected=expected, found=found)
        )
    units = {places[axis].unit or "pixel" for axis in (keys.Y, keys.X)}
    if len(units) > 1:
        raise DataError(
            problem("y and x have different units", file=path, field="axes", found=listing(units))
        )
    return {keys.T: times[0], **{axis: item.name for axis, item in places.items()}}, units.pop()


def _values(prop: Any, path: Path, name: str) -> Any:
    values, missing = np.asarray(prop["values"]), prop["missing"]
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        found = f"{values.dtype} {values.shape}"
        raise DataError(problem("not a number per node", file=path, field=name, found=found))
    if missing is None or not np.any(missing):
        return values
    values = values.astype(np.float64)
    values[np.asarray(missing)] = np.nan
    return values


def _ids(values: Any, path: Path) -> Any:
    values = np.asarray(values)
    if values.dtype.kind == "u" and values.size and values.max() > _LAST_ID:
        expected = f"at most {_LAST_ID}"
        found = values.max()
        raise DataError(problem("id out of range", file=path, field=keys.ID, expected=expected, found=found))
    return values.astype(np.int64)
