"""Patches of any cells of a project as they are embedded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dynaclr.pipeline import row_patches
from napari_dynaclr.state.project import TRAINING, Cell, Project


def embedded_patches(project: Project, cells: Sequence[Cell | None]) -> npt.NDArray[np.float32]:
    """Return the normalized and cropped patches of cells (n, C, Z, Y, X).

    None, and a cell whose pixels are marked as absent, is NaN.

    Raises
    ------
    PixelReadError
        If pixels cannot be read.
    """
    pipeline = project.pipeline
    height, width = pipeline.config.transforms.final_yx_patch_size
    index = pipeline.train_index
    channels, depth = index.registry.num_source_channels, index.slices.depth
    result = np.full((len(cells), channels, depth, height, width), np.nan, dtype=np.float32)
    for part, index in project.parts.items():
        dataset = pipeline.train_dataset if part == TRAINING else pipeline.val_dataset
        assert dataset is not None
        places = [k for k, cell in enumerate(cells) if cell is not None and cell.part == part]
        rows = np.array([cells[k].row for k in places], dtype=np.int64)  # type: ignore[union-attr]
        readable = index.readable[rows]
        rows, chosen = rows[readable], np.array(places, dtype=np.int64)[readable]
        if not rows.size:
            continue
        result[chosen] = row_patches(dataset, pipeline.prepare, rows)
    return result
