"""Where the patch around a centroid lies, and whether it had to be moved into the image; reads nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dynaclr.tracks import CellTable

__all__ = ("corners", "moved")

Rows = npt.NDArray[np.integer] | slice
Corners = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def corners(table: CellTable, image_yx: npt.NDArray[np.int64], size: tuple[int, int], rows: Rows) -> Corners:
    """Return first row and first column of the patch of each table row, clamped into the image.

    The centroid's pixel (rounded half up) is element size // 2 of an unclamped patch.

    Parameters
    ----------
    table
        Observations.
    image_yx
        (n_fovs, 2) height and width of the images in pixels.
    size
        Patch (height, width) in pixels.
    rows
        Rows of the table.
    """
    image = image_yx[table.fov_of(rows)]
    y, x = _free(table, size, rows)
    return np.clip(y, 0, image[:, 0] - size[0]), np.clip(x, 0, image[:, 1] - size[1])


def moved(
    table: CellTable, image_yx: npt.NDArray[np.int64], size: tuple[int, int], rows: Rows
) -> npt.NDArray[np.bool_]:
    """Return for which table rows the patch had to be moved to lie inside the image.

    Parameters are those of `corners`.
    """
    y, x = corners(table, image_yx, size, rows)
    free_y, free_x = _free(table, size, rows)
    return np.asarray((y != free_y) | (x != free_x))


def _free(table: CellTable, size: tuple[int, int], rows: Rows) -> Corners:
    """Return the corners of patches wherever the image ends."""
    y = np.floor(table.y[rows] + 0.5).astype(np.int64) - size[0] // 2
    x = np.floor(table.x[rows] + 0.5).astype(np.int64) - size[1] // 2
    return y, x
