"""Finds observations whose patch is no data: it touches chunks that are not stored, or NaN or Inf.

A lost chunk and a blank frame look alike on disk, so both are treated alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.cores import cpu_limit
from dynaclr.base.errors import PixelReadError
from dynaclr.experiment import FovEntry
from dynaclr.images import Slices, is_complete, make_context, open_array, taps_of, unreadable
from dynaclr.tracks import CellTable


def blank_rows(
    table: CellTable,
    entries: Sequence[FovEntry],
    channels: Sequence[Sequence[int]],
    slices: tuple[int, int] | Slices,
    corners: tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]],
    yx_patch_size: tuple[int, int],
    steps: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.bool_]:
    """Return which rows cannot be read whole (n,).

    Parameters
    ----------
    table
        Observations.
    entries
        Fields of view by code.
    channels
        For each experiment code, the store's channel indices that are read.
    slices
        Slices that are read: the same of every frame, half open, or those of each.
    corners
        (n,) first row and first column of each patch, in pixels of patches.
    yx_patch_size
        Size of the patch in pixels.
    steps
        Stored pixels (n_fovs, 2) that one pixel of a patch covers; None for 1.
    """
    read = slices if isinstance(slices, Slices) else Slices.fixed(entries, slices)
    of_fov = np.ones((len(entries), 2)) if steps is None else steps
    blank = np.zeros(len(table), dtype=bool)
    context = make_context(0)

    def one(code: int) -> npt.NDArray[np.integer]:
        rows = np.arange(len(table))[table.rows(code)]
        if not rows.size:
            return rows
        entry = entries[code]
        array = open_array(entry.layout, context, zeros_for_missing=False)
        used = channels[entry.experiment]
        first, last = read.span(code)
        if all(is_complete(array[:, channel, first:last]) for channel in used):
            return rows[:0]

        def boxes(row: int) -> tuple[slice, slice]:
            return _box(entry, (int(corners[0][row]), int(corners[1][row])), yx_patch_size, of_fov[code])

        def planes(frame: int) -> Any:
            return array[frame, :, slice(*read.window(code, frame))]

        return _rows_of_fov(planes, used, table.t[rows], rows, boxes)

    with ThreadPoolExecutor(max_workers=cpu_limit()) as pool:
        for rows in pool.map(one, range(len(entries))):
            blank[rows] = True
    return blank


def rows_not_finite(
    table: CellTable,
    entries: Sequence[FovEntry],
    channels: Sequence[Sequence[int]],
    slices: tuple[int, int] | Slices,
    corners: tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]],
    yx_patch_size: tuple[int, int],
    frames: npt.NDArray[np.bool_],
    steps: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.bool_]:
    """Return in the patches of which rows a stored pixel is NaN or Inf (n,).

    Parameters
    ----------
    table, entries, channels, slices, corners, yx_patch_size, steps
        As `blank_rows` takes them.
    frames
        (sum of T, C) which frames of the FOVs, one after the other, hold such pixels in a channel; no
        other is read.

    Raises
    ------
    PixelReadError
        If one of these frames cannot be read.
    """
    read = slices if isinstance(slices, Slices) else Slices.fixed(entries, slices)
    of_fov = np.ones((len(entries), 2)) if steps is None else steps
    found = np.zeros(len(table), dtype=bool)
    context = make_context(0)
    first = 0
    for code, entry in enumerate(entries):
        strange = frames[first : first + entry.layout.shape[0]]
        first += entry.layout.shape[0]
        rows = np.arange(len(table))[table.rows(code)] if strange.any() else np.empty(0, dtype=np.int64)
        array = open_array(entry.layout, context, zeros_for_missing=True) if rows.size else None
        for frame in np.unique(table.t[rows]).tolist():
            for place in np.flatnonzero(strange[frame]).tolist():
                window = slice(*read.window(code, frame))
                plane = array[frame, channels[entry.experiment][place], window]  # type: ignore[index]
                try:
                    bad = ~np.isfinite(plane.read().result()).all(axis=0)
                except (ValueError, OSError) as error:
                    raise PixelReadError(unreadable(entry.layout, frame, error)) from error
                here = rows[table.t[rows] == frame]
                places = zip(corners[0][here].tolist(), corners[1][here].tolist(), strict=True)
                boxes = [_box(entry, corner, yx_patch_size, of_fov[code]) for corner in places]
                found[here] |= _any_in_boxes(bad, boxes)
    return found


def _box(
    entry: FovEntry, corner: tuple[int, int], size: tuple[int, int], step: npt.NDArray[np.float64]
) -> tuple[slice, slice]:
    """Return rows and columns of the stored pixels that a patch is made of."""
    places = zip(corner, size, step.tolist(), entry.layout.shape[3:], strict=True)
    y, x = (taps_of(*place) for place in places)
    return slice(y.start, y.stop), slice(x.start, x.stop)


def _any_in_boxes(
    marked: npt.NDArray[np.bool_], boxes: Sequence[tuple[slice, slice]]
) -> npt.NDArray[np.bool_]:
    """Return in which boxes (n,) of an image (Y, X) a pixel is marked."""
    sums = np.pad(marked.cumsum(axis=0, dtype=np.int64).cumsum(axis=1), ((1, 0), (1, 0)))
    edges = np.array([(y.start, y.stop, x.start, x.stop) for y, x in boxes], dtype=np.int64).reshape(-1, 4)
    top, bottom, left, right = edges.T
    return np.asarray(sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left] > 0)


def _rows_of_fov(
    planes: Callable[[int], Any],
    channels: Sequence[int],
    t: npt.NDArray[np.integer],
    rows: npt.NDArray[np.integer],
    boxes: Callable[[int], tuple[slice, slice]],
) -> npt.NDArray[np.integer]:
    """Return the rows of one FOV that touch a missing chunk: first by frame, then by patch."""
    wrong = []
    for frame in np.unique(t).tolist():
        frame_planes = planes(frame)
        lacking = [channel for channel in channels if not is_complete(frame_planes[channel])]
        if not lacking:
            continue
        for row in rows[t == frame].tolist():
            y, x = boxes(row)
            if not all(is_complete(frame_planes[channel, :, y, x]) for channel in lacking):
                wrong.append(row)
    return np.asarray(wrong, dtype=np.int64)
