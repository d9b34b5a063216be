"""Rows of tracks: those of labels, and the checked table of rows and a graph that is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import DataError, listing, problem, suggest, together
from dynaclr.convert.frames import read_frame
from dynaclr.tracks.sources.label_centers import label_centers

_SHOWN = 5  # rows, tracks that a message names
_WHOLE = 1e-3  # how far from a whole number an id or a frame may be: rounding of coordinates
_COLUMNS = (keys.TRACK_ID, keys.T, keys.Z, keys.Y, keys.X, keys.PARENT_TRACK_ID)
_LAST_ID = 2**53 - 1  # a float above it may have been another whole number

Graph = Mapping[int, int | Sequence[int]]
_Links = dict[int, list[int]]


def track_table(
    rows: Any, graph: Graph | None, shape: tuple[int, int, int, int]
) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of a track file, sorted by track and frame.

    Parameters
    ----------
    rows
        (n, 4) track, t, y, x or (n, 5) track, t, z, y, x; coordinates in pixels, frames from 0. Or a table:
        a pandas frame or mapping with the columns track_id, t, y, x, and if known z and parent_track_id.
    graph
        {child: parent} or {child: [parent]}; None for what the table says.
    shape
        (T, Z, Y, X) of the image.

    Returns
    -------
    {column: (n,)}: track_id, t, parent_track_id, z where the image has slices and rows have z, y, x.

    Raises
    ------
    DataError
        If there are no tracks, an id or frame is not whole, a row lies outside the image, an observation
        is duplicated, a parent is unknown, starts no earlier than its child, or a child has two parents.
    """
    rows, links = _by_place(rows, graph)
    table = np.asarray(rows, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] not in (4, 5):
        expected = "(n, 4) track, t, y, x or (n, 5) track, t, z, y, x"
        raise DataError(problem("tracks have the wrong shape", expected=expected, found=table.shape))
    if not len(table):
        raise DataError(problem("no tracks", expected="at least one observation"))
    faults = list(_number_faults(table)) or [*_place_faults(table, shape), *_graph_faults(table, links)]
    if faults:
        raise DataError(together("tracks", faults))
    track, t = (np.rint(table[:, place]).astype(np.int64) for place in (0, 1))
    order = np.lexsort((t, track))
    parents = {child: mothers[0] for child, mothers in links.items() if mothers}
    columns = {
        keys.TRACK_ID: track,
        keys.T: t,
        keys.PARENT_TRACK_ID: np.array([parents.get(one, keys.NO_PARENT) for one in track.tolist()]),
        **({keys.Z: table[:, 2]} if table.shape[1] == 5 and shape[1] > 1 else {}),
        keys.Y: table[:, -2],
        keys.X: table[:, -1],
    }
    return {name: values[order] for name, values in columns.items()}


def _by_place(rows: Any, graph: Graph | None) -> tuple[Any, _Links]:
    """Return rows of a table by the place of their columns, and {child: [parents]}."""
    links = {
        int(child): [int(one) for one in (mothers if isinstance(mothers, Iterable) else [mothers])]
        for child, mothers in (graph or {}).items()
    }
    if not (isinstance(rows, Mapping) or hasattr(rows, "columns")):
        return rows, links
    names = list(rows.keys())
    missing = [name for name in keys.REQUIRED_TRACK_COLUMNS if name not in names]
    if missing:
        fix = suggest(missing[0], names).strip() or None
        what = "a column is missing"
        raise DataError(
            problem(what, field=listing(missing), expected=listing(_COLUMNS), found=listing(names), fix=fix)
        )
    columns = {name: np.asarray(rows[name]) for name in _COLUMNS if name in names}
    parents = columns.pop(keys.PARENT_TRACK_ID, None)
    try:
        table = np.column_stack([values.astype(np.float64) for values in columns.values()])
    except (ValueError, TypeError) as error:
        raise DataError(problem(f"columns are no numbers of one length: {error}")) from error
    if parents is not None and graph is None:
        number = parents.astype(np.float64)
        known = np.isfinite(number) & (number != keys.NO_PARENT)
        for child, mother in np.unique(np.column_stack([table[:, 0], number])[known], axis=0):
            links.setdefault(int(child), []).append(int(mother))
    return table, links


def _named(table: npt.NDArray[np.float64], wrong: npt.NDArray[np.bool_], column: int) -> str:
    """Return the first rows that are wrong: number, track and value."""
    places = np.flatnonzero(wrong).tolist()
    return listing((f"row {i} (track {table[i, 0]:.16g}): {table[i, column]:g}" for i in places), _SHOWN)


def _number_faults(table: npt.NDArray[np.float64]) -> Iterator[str]:
    """Yield what is wrong with the numbers themselves."""
    strange = ~np.isfinite(table).all(axis=1)
    if strange.any():
        yield problem(
            f"{np.count_nonzero(strange)} rows hold a non-finite value",
            found=listing((f"row {i}" for i in np.flatnonzero(strange).tolist()), _SHOWN),
        )
        return
    for column, field in ((0, keys.TRACK_ID), (1, keys.T)):
        broken = np.abs(table[:, column] - np.rint(table[:, column])) > _WHOLE
        if broken.any():
            yield problem(
                f"{np.count_nonzero(broken)} rows hold fractional numbers",
                field=field,
                expected="whole numbers",
                found=_named(table, broken, column),
            )
    broken = (np.rint(table[:, 0]) < 0) | (table[:, 0] > _LAST_ID)
    if broken.any():
        found = _named(table, broken, 0)
        yield problem("track ids out of range", field=keys.TRACK_ID, expected="0 to 2**53 - 1", found=found)


def _place_faults(table: npt.NDArray[np.float64], shape: tuple[int, int, int, int]) -> Iterator[str]:
    """Yield what lies outside the image, which covers -0.5 .. size - 0.5, or is duplicated."""
    axes = (keys.T, keys.Z, keys.Y, keys.X)
    for column, axis in enumerate(axes if table.shape[1] == 5 else (keys.T, keys.Y, keys.X), start=1):
        size = shape[axes.index(axis)]
        edge = 0.0 if axis == keys.T else 0.5
        values = np.rint(table[:, column]) if axis == keys.T else table[:, column]
        outside = (values < -edge) | (values > size - 1 + edge)
        if outside.any():
            yield problem(
                f"{np.count_nonzero(outside)} of {len(table)} observations lie outside the image",
                field=axis,
                expected=f"0 to {size - 1}",
                found=_named(table, outside, column),
            )
    pairs, counts = np.unique(np.rint(table[:, :2]).astype(np.int64), axis=0, return_counts=True)
    twice = [f"track {track} at frame {t}" for track, t in pairs[counts > 1].tolist()]
    if twice:
        yield problem(f"{len(twice)} duplicate observations", found=listing(twice, _SHOWN))


def _graph_faults(table: npt.NDArray[np.float64], graph: _Links) -> Iterator[str]:
    """Yield relations that cannot be."""
    track, t = (np.rint(table[:, place]).astype(np.int64) for place in (0, 1))
    ids, place = np.unique(track, return_inverse=True)
    begin = np.full(ids.size, np.iinfo(np.int64).max)
    np.minimum.at(begin, place, t)
    first = dict(zip(ids.tolist(), begin.tolist(), strict=True))
    links = [(int(child), int(mother)) for child, mothers in graph.items() for mother in mothers]
    unknown = {one: None for link in links for one in link if one not in first}
    if unknown:
        yield problem(
            f"the graph contains {len(unknown)} tracks without observations",
            field="graph",
            found=listing(unknown, _SHOWN),
            fix="Add their observations, or remove them from the graph.",
        )
    merged = [f"track {child}: {listing(mothers, 3)}" for child, mothers in graph.items() if len(mothers) > 1]
    if merged:
        yield problem(
            f"{len(merged)} tracks have more than one parent",
            field="graph",
            expected="one parent per track: cells divide, they do not merge",
            found=listing(merged, _SHOWN),
        )
    late = [
        f"track {child} starts at {first[child]}, its parent {mother} at {first[mother]}"
        for child, mother in links
        if child in first and mother in first and first[mother] >= first[child]
    ]
    if late:
        what = f"{len(late)} tracks start before their parent, or with it"
        yield problem(what, field="graph", found=listing(late, _SHOWN))


def label_rows(labels: Any, progress: Callable[[int, int], None] | None = None) -> npt.NDArray[np.float64]:
    """Return the centers of labels as rows of tracks, a label one track: (n, 4) or (n, 5).

    Parameters
    ----------
    labels
        (T, Y, X) or (T, Z, Y, X), read frame by frame; 0 is background.
    progress
        Called with (frames done, frames in all); what it raises ends the work.
    """
    shape = tuple(int(size) for size in labels.shape)
    rows = [np.empty((0, len(shape) + 1))]
    for t in range(shape[0]):
        found, centers = label_centers(read_frame(labels, "labels", t, shape[1:]))
        rows.append(np.column_stack([found, np.full(found.size, t), centers]))
        if progress is not None:
            progress(t + 1, shape[0])
    return np.concatenate(rows)
