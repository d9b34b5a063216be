"""Writes the Cell Tracking Challenge's table and masks: of label images where there are, else discs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import DataError, problem
from dynaclr.experiment import FovLayout
from dynaclr.export.curated import FovGraph
from dynaclr.images import make_context, open_array

_LAST_LABEL = 2**16 - 1
_CACHE_BYTES = 2**24


@dataclass(frozen=True, slots=True)
class _Labels:
    """Labels of observations (n,), and the table (m, 4): label, begin, end, parent."""

    label: npt.NDArray[np.int64]
    lbep: npt.NDArray[np.int64]


def write_ctc(
    graph: FovGraph, folder: Path, layout: FovLayout, masks: FovLayout | None, radius_px: float
) -> list[str]:
    """Write res_track.txt and one mask a frame; return what the format cannot say, counted.

    Parameters
    ----------
    graph
        The tracks.
    folder
        Folder to make.
    layout
        The field of view, whose size and number of frames the masks have.
    masks
        Label images in which a cell is the label at its centroid; None for discs.
    radius_px
        Radius of the discs.

    Raises
    ------
    DataError
        If there are more labels than 16 bits have, or the label images are of another size.
    """
    notes: list[str] = []
    labels = _labels(graph, notes)
    if labels.lbep.shape[0] > _LAST_LABEL:
        found = labels.lbep.shape[0]
        raise DataError(
            problem("too many tracks for 16-bit masks", file=folder, expected=_LAST_LABEL, found=found)
        )
    folder.mkdir(parents=True)
    lines = "".join(f"{' '.join(map(str, row))}\n" for row in labels.lbep.tolist())
    (folder / "res_track.txt").write_text(lines, encoding="utf-8", newline="\n")
    notes += _write_masks(graph, labels, folder, layout, masks, radius_px)
    return notes


def _labels(graph: FovGraph, notes: list[str]) -> _Labels:
    """Return labels from 1; what follows a gap is a track of its own that continues the one before."""
    columns, edges = graph.columns, graph.edges
    track, t = columns[keys.TRACK_ID], columns[keys.T]
    begins = np.ones(t.size, dtype=bool)
    begins[1:] = (track[1:] != track[:-1]) | (np.diff(t) > 1)
    gaps = int(np.count_nonzero(begins)) - graph.starts.size
    label = np.cumsum(begins)
    first = np.flatnonzero(begins)
    last = np.r_[first[1:], t.size] - 1
    before = np.full(t.size, -1)
    before[edges[:, 1]] = edges[:, 0]
    parent = np.where(before[first] >= 0, label[before[first]], 0) if t.size else first
    single = np.bincount(parent, minlength=label.max(initial=0) + 1)[parent] == 1
    alone = int(np.count_nonzero(single & (parent > 0))) - gaps
    if gaps:
        notes.append(f"{gaps} gaps: what follows one is a label of its own, with the one before as parent")
    if alone > 0:
        notes.append(f"{alone} single daughters: the format reads one as its parent, seen again")
    return _Labels(label, np.column_stack([label[first], t[first], t[last], parent]))


def _write_masks(
    graph: FovGraph,
    labels: _Labels,
    folder: Path,
    layout: FovLayout,
    masks: FovLayout | None,
    radius_px: float,
) -> list[str]:
    import tifffile

    frames, _, *size = layout.shape
    source = None
    if masks is not None:
        if (masks.shape[0], *masks.shape[2:]) != (frames, *size):
            raise DataError(
                problem(
                    "label images are of another size",
                    file=masks.path,
                    expected=layout.shape,
                    found=masks.shape,
                )
            )
        source = open_array(masks, make_context(_CACHE_BYTES), zeros_for_missing=True)
    places = _places(graph, size)
    digits = max(3, len(str(frames - 1)))
    discs = hidden = 0
    for t in range(frames):
        here = np.flatnonzero(graph.columns[keys.T] == t)
        mask = np.zeros(size, dtype=np.uint16)
        left = here
        if source is not None:
            left = _paint(mask, np.asarray(source[t, 0].read().result()), places, labels.label, here)
        _draw(mask, places, labels.label, left, radius_px)
        discs += left.size
        hidden += here.size - int(np.isin(labels.label[here], mask).sum())
        tifffile.imwrite(
            folder / f"mask{t:0{digits}d}.tif", mask if size[0] > 1 else mask[0], compression="zlib"
        )
    notes = []
    if discs:
        what = "no label image" if source is None else "no label of its own at the centroid"
        notes.append(
            f"{discs} of {places.shape[0]} observations have {what}: discs of {radius_px:g} px, no outlines"
        )
    if hidden:
        notes.append(f"{hidden} observations share their pixel with another: they are in no mask")
    if size[0] > 1 and keys.Z not in graph.columns:
        notes.append("tracks have no z: discs lie in the middle slice")
    return notes


def _places(graph: FovGraph, size: list[int]) -> npt.NDArray[np.int64]:
    """Return the pixel (z, y, x) of each observation (n, 3)."""
    columns = graph.columns
    y, x = columns[keys.Y], columns[keys.X]
    z = columns.get(keys.Z)
    z = np.full(y.size, (size[0] - 1) // 2) if z is None else np.nan_to_num(z, nan=(size[0] - 1) // 2)
    places = np.column_stack([z, y, x]) + 0.5
    return np.clip(np.floor(places), 0, np.array(size) - 1).astype(np.int64)


def _paint(
    mask: npt.NDArray[np.uint16],
    image: npt.NDArray[Any],
    places: npt.NDArray[np.int64],
    label: npt.NDArray[np.int64],
    here: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Copy the outlines of cells; return the observations that have none of their own."""
    value = image[tuple(places[here].T)]
    values, numbers = np.unique(value, return_counts=True)
    own = (value != 0) & (numbers[np.searchsorted(values, value)] == 1)
    order = np.argsort(value[own])
    known = value[own][order]
    if known.size:
        spot = np.minimum(np.searchsorted(known, image), known.size - 1)
        mask[...] = np.where(known[spot] == image, label[here][own][order][spot], 0)
    return np.asarray(here[~own], dtype=np.int64)


def _draw(
    mask: npt.NDArray[np.uint16],
    places: npt.NDArray[np.int64],
    label: npt.NDArray[np.int64],
    which: npt.NDArray[np.int64],
    radius_px: float,
) -> None:
    """Draw discs where nothing is yet; every center is of its own cell."""
    reach = int(radius_px)
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = dy**2 + dx**2 <= radius_px**2
    steps = np.column_stack([dy[inside], dx[inside]])
    for item in which.tolist():
        z, y, x = places[item].tolist()
        ys, xs = (steps + np.array([y, x])).T
        there = (ys >= 0) & (ys < mask.shape[1]) & (xs >= 0) & (xs < mask.shape[2])
        ys, xs = ys[there], xs[there]
        free = mask[z, ys, xs] == 0
        mask[z, ys[free], xs[free]] = label[item]
    mask[tuple(places[which].T)] = label[which]
