"""Finds observations whose patch is no data: it touches chunks that are not stored, or NaN or Inf.

A lost chunk and a blank frame look alike on disk, so both are treated alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from dynaclr.base.cores import cpu_limit
from dynaclr.base.errors import PixelReadError, problem
from dynaclr.experiment import FovEntry
from dynaclr.images import is_complete, make_context, open_array
from dynaclr.tracks import CellTable


def blank_rows(
    table: CellTable,
    entries: Sequence[FovEntry],
    channels: Sequence[Sequence[int]],
    z_range: tuple[int, int],
    corners: tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]],
    yx_patch_size: tuple[int, int],
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
    z_range
        Slices that are read, half open.
    corners
        (n,) first row and first column of each patch, in pixels.
    yx_patch_size
        Size of the patch in pixels.
    """
    blank = np.zeros(len(table), dtype=bool)
    context = make_context(0)

    def one(code: int) -> npt.NDArray[np.integer]:
        rows = np.arange(len(table))[table.rows(code)]
        if not rows.size:
            return rows
        entry = entries[code]
        array = open_array(entry.layout, context, zeros_for_missing=False)
        planes = array[:, :, z_range[0] : z_range[1]]
        used = channels[entry.experiment]
        if all(is_complete(planes[:, channel]) for channel in used):
            return rows[:0]
        return _rows_of_fov(planes, used, table.t[rows], rows, corners, yx_patch_size)

    with ThreadPoolExecutor(max_workers=cpu_limit()) as pool:
        for rows in pool.map(one, range(len(entries))):
            blank[rows] = True
    return blank


def rows_not_finite(
    table: CellTable,
    entries: Sequence[FovEntry],
    channels: Sequence[Sequence[int]],
    z_range: tuple[int, int],
    corners: tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]],
    yx_patch_size: tuple[int, int],
    frames: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """Return in the patches of which rows a pixel is NaN or Inf (n,).

    Parameters
    ----------
    table, entries, channels, z_range, corners, yx_patch_size
        As `blank_rows` takes them.
    frames
        (sum of T, C) which frames of the FOVs, one after the other, hold such pixels in a channel; no
        other is read.

    Raises
    ------
    PixelReadError
        If one of these frames cannot be read.
    """
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
                plane = array[frame, channels[entry.experiment][place], z_range[0] : z_range[1]]  # type: ignore[index]
                try:
                    bad = ~np.isfinite(plane.read().result()).all(axis=0)
                except (ValueError, OSError) as error:
                    where = f"{entry.layout.name} frame {frame}"
                    text = problem(f"pixels cannot be read: {error}", file=entry.layout.array_path, row=where)
                    raise PixelReadError(text) from error
                here = rows[table.t[rows] == frame]
                found[here] |= _any_in_boxes(bad, corners[0][here], corners[1][here], yx_patch_size)
    return found


def _any_in_boxes(
    marked: npt.NDArray[np.bool_],
    y: npt.NDArray[np.integer],
    x: npt.NDArray[np.integer],
    size: tuple[int, int],
) -> npt.NDArray[np.bool_]:
    """Return in which boxes (n,) of an image (Y, X) a pixel is marked."""
    sums = np.pad(marked.cumsum(axis=0, dtype=np.int64).cumsum(axis=1), ((1, 0), (1, 0)))
    bottom, right = y + size[0], x + size[1]
    return np.asarray(sums[bottom, right] - sums[y, right] - sums[bottom, x] + sums[y, x] > 0)


def _rows_of_fov(
    planes: object,
    channels: Sequence[int],
    t: npt.NDArray[np.integer],
    rows: npt.NDArray[np.integer],
    corners: tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]],
    yx_patch_size: tuple[int, int],
) -> npt.NDArray[np.integer]:
    """Return the rows of one FOV that touch a missing chunk: first by frame, then by patch."""
    height, width = yx_patch_size
    wrong = []
    for frame in np.unique(t):
        frame_planes = planes[int(frame)]  # type: ignore[index]
        lacking = [channel for channel in channels if not is_complete(frame_planes[channel])]
        if not lacking:
            continue
        for row in rows[t == frame]:
            y, x = int(corners[0][row]), int(corners[1][row])
            boxes = (frame_planes[channel, :, y : y + height, x : x + width] for channel in lacking)
            if not all(is_complete(box) for box in boxes):
                wrong.append(row)
    return np.asarray(wrong, dtype=np.int64)
