"""Finds observations whose patch touches chunks that are not stored.

A lost chunk and a blank frame look alike on disk, so both are treated alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from dynaclr.base.cores import cpu_limit
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
