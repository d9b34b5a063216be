"""What an index knows of its fields of view before any track is read: codes, clocks, sizes, offsets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.curation import FovNames
from dynaclr.experiment import (
    ExperimentRegistry,
    FovEntry,
    check_geometry,
    from_grid,
    grid_limits,
    grid_sizes,
    patch_steps,
    slices_of,
    to_grid,
)
from dynaclr.images import NormTable
from dynaclr.index.options import IndexOptions, ReadingOptions
from dynaclr.index.windows import read_slices, z_ranges_of
from dynaclr.tracks import CellTable, Relation


class IndexArrays:
    """Fields of view in use, with what anchors depend on besides tracks; numbers a FOV by its place.

    Parameters
    ----------
    registry
        The experiments.
    fovs
        Fields of view in use.
    z_range
        Slices that are read, half open: a pair or a `slice`.
    yx_patch_size
        Patch (height, width) in pixels.
    tau_range_hours
        Smallest and largest time from anchor to positive.
    options
        Relation of positives, and what happens to imperfect data.
    reading
        What patches are made of.
    progress
        Called with (done, all) FOVs while slices in focus are looked for.

    Attributes
    ----------
    tau_frames
        (n_fovs, 2) smallest and largest offset in frames.
    fov_experiment, fov_condition, fov_well
        (n_fovs,) codes, numbering the names of the registry, `condition_names` and `well_names`.
    fov_start_hours, fov_interval_hours
        (n_fovs,) clocks.
    fov_image_yx
        (n_fovs, 2) height and width of the images in pixels.
    fov_step_yx
        (n_fovs, 2) stored pixels that one pixel of a patch covers; 1 where nothing is resampled.
    fov_grid_yx
        (n_fovs, 2) height and width of the images in pixels of patches.
    slices
        Which slices are read, and what becomes of them.
    fov_focus
        In words who says which slices of a FOV are in focus; empty where that does not matter.
    """

    def __init__(
        self,
        registry: ExperimentRegistry,
        fovs: Sequence[FovEntry],
        z_range: tuple[int, int] | slice,
        yx_patch_size: tuple[int, int],
        tau_range_hours: tuple[float, float],
        options: IndexOptions,
        reading: ReadingOptions | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.registry = registry
        self.fovs = tuple(fovs)
        self.z_range = slices_of(z_range)
        self.yx_patch_size = (int(yx_patch_size[0]), int(yx_patch_size[1]))
        self.tau_range_hours = (float(tau_range_hours[0]), float(tau_range_hours[1]))
        reading = reading or ReadingOptions()
        self.options, self.reading = options, reading
        self.relation = Relation(options.relation)
        self.fov_image_yx = np.array([entry.layout.shape[3:] for entry in fovs], dtype=np.int64)
        self.fov_step_yx = patch_steps(registry, fovs, self.yx_patch_size, reading.yx_patch_um)
        self.fov_grid_yx = grid_sizes(self.fov_image_yx, self.fov_step_yx)
        ranges = z_ranges_of(registry, fovs, self.z_range, reading)
        check_geometry(fovs, registry.names, self.z_range, self.yx_patch_size, ranges, self.fov_grid_yx)
        self.slices, self.fov_focus = read_slices(registry, fovs, ranges, reading, progress)
        self.tau_frames = self._tau_frames()
        conditions = [entry.condition for entry in fovs]
        wells = [f"{registry.names[entry.experiment]}/{entry.layout.well}" for entry in fovs]
        self.condition_names, self.fov_condition = _numbered(conditions)
        self.well_names, self.fov_well = _numbered(wells)
        self.fov_experiment = np.array([entry.experiment for entry in fovs], dtype=np.int32)
        configs = [registry.experiments[entry.experiment] for entry in fovs]
        self.fov_start_hours = np.array([config.start_hpi for config in configs], dtype=np.float64)
        self.fov_interval_hours = np.array([config.interval_minutes / 60 for config in configs])

    def _tau_frames(self) -> npt.NDArray[np.int64]:
        if self.relation is Relation.SELF:
            return np.zeros((len(self.fovs), 2), dtype=np.int64)
        used = sorted({entry.experiment for entry in self.fovs})
        names = self.registry.names
        limits = {code: self.registry.tau_range_frames(names[code], self.tau_range_hours) for code in used}
        return np.array([limits[entry.experiment] for entry in self.fovs], dtype=np.int64)

    @cached_property
    def norms(self) -> NormTable:
        """Statistics of the pixels, as far as there are some, and which frames hold no data."""
        experiments = self.registry.experiments
        return NormTable(
            self.fovs,
            self.registry.names,
            [config.plate_path for config in experiments],
            [config.source_channel for config in experiments],
        )

    def renew_norms(self) -> bool:
        """Read the statistics again; return whether the same frames as before hold no data."""
        before = self.norms
        del self.norms
        return all(
            np.array_equal(getattr(before, name), getattr(self.norms, name))
            for name in ("blank", "frames_not_finite", "boxes")
        )

    @cached_property
    def fov_names(self) -> FovNames:
        """Codes of the fields of view by experiment and name, and those that are not in use."""
        return FovNames.of(self.registry, self.fovs)

    def fov_code(self, experiment: str, fov_name: str) -> int:
        """Return the code of a field of view, -1 if it is not in use here."""
        return self.fov_names.codes.get((experiment, fov_name), -1)

    @property
    def positions(self) -> tuple[str, ...]:
        """Names of the fields of view in use, "experiment/A/1/0"."""
        names = self.registry.names
        return tuple(f"{names[entry.experiment]}/{entry.layout.name}" for entry in self.fovs)

    def hours_at(
        self, fov: npt.NDArray[np.integer], frame: npt.NDArray[np.integer]
    ) -> npt.NDArray[np.float64]:
        """Return hours after infection or perturbation of frames of fields of view."""
        return np.asarray(self.fov_start_hours[fov] + frame * self.fov_interval_hours[fov])

    def patch_corners(
        self, table: CellTable, rows: npt.NDArray[np.integer] | slice
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return first row and first column of the patch of each table row, clamped into the image.

        In pixels of patches, which are stored pixels where nothing is resampled. Padding at the borders of an
        image is none of it.
        """
        low, high = self._data_limits(table, rows)
        last = np.maximum(high - self.yx_patch_size, low)
        y, x = self._free_corners(table, rows)
        room = (
            self.fov_grid_yx[table.fov_of(rows)] - self.yx_patch_size
        )  # padding may leave less than a patch
        y, x = np.clip(y, low[:, 0], last[:, 0]), np.clip(x, low[:, 1], last[:, 1])
        return np.minimum(y, room[:, 0]), np.minimum(x, room[:, 1])

    def _data_limits(
        self, table: CellTable, rows: npt.NDArray[np.integer] | slice
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return first (y, x) of the image without its padding, and the one after the last (n, 2)."""
        fov = table.fov_of(rows)
        if self.options.missing_chunks == "zeros" or not self.norms.padded.any():
            return np.zeros((fov.size, 2), dtype=np.int64), self.fov_grid_yx[fov]
        box = self.norms.boxes[self.norms.frames(fov, table.t[rows])]
        return grid_limits(box[:, ::2], box[:, 1::2], self.fov_image_yx[fov], self.fov_step_yx[fov])

    def in_padding(self, table: CellTable) -> npt.NDArray[np.bool_]:
        """Return which observations (n,) lie in padding, or in images whose rest is smaller than a patch."""
        every = slice(None)
        low, high = self._data_limits(table, every)
        center = np.stack(self._free_corners(table, every), axis=1) + np.array(self.yx_patch_size) // 2
        outside = (center < low) | (center >= high) | (high - low < self.yx_patch_size)
        return np.asarray(outside.any(axis=1))

    def patch_edges(
        self, table: CellTable, rows: npt.NDArray[np.integer]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return first and last edge of the patches, (n, 2) each of y and x, in stored pixels.

        The pixel 0 reaches from -0.5 to 0.5.
        """
        steps = self.fov_step_yx[table.fov_of(rows)]
        pairs = zip(self.patch_corners(table, rows), self.yx_patch_size, steps.T, strict=True)
        edges = (
            np.stack([first * step - 0.5, (first + size) * step - 0.5], axis=1) for first, size, step in pairs
        )
        y, x = edges
        return y, x

    def patch_centers(
        self, table: CellTable, rows: npt.NDArray[np.integer]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return where the patches have their middle pixels, in stored pixels: whole unless resampled."""
        steps = self.fov_step_yx[table.fov_of(rows)]
        pairs = zip(self.patch_corners(table, rows), self.yx_patch_size, steps.T, strict=True)
        y, x = (from_grid(first + size // 2, step) for first, size, step in pairs)
        return (y.astype(np.int64), x.astype(np.int64)) if np.all(self.fov_step_yx == 1) else (y, x)

    def patch_moved(
        self, table: CellTable, rows: npt.NDArray[np.integer] | slice = slice(None)
    ) -> npt.NDArray[np.bool_]:
        """Return for which table rows the patch had to be moved to lie inside the image."""
        pairs = zip(self.patch_corners(table, rows), self._free_corners(table, rows), strict=True)
        y, x = (found != free for found, free in pairs)
        return np.asarray(y | x)

    def _free_corners(
        self, table: CellTable, rows: npt.NDArray[np.integer] | slice
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the corners of patches wherever the image ends."""
        steps = self.fov_step_yx[table.fov_of(rows)]
        pairs = zip((table.y, table.x), self.yx_patch_size, steps.T, strict=True)
        y, x = (to_grid(center[rows], step) - size // 2 for center, size, step in pairs)
        return y, x


def _numbered(labels: Sequence[str]) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    """Return the different labels in order, and the number of each label among them."""
    names = sorted(set(labels))
    codes = {name: code for code, name in enumerate(names)}
    return tuple(names), np.array([codes[label] for label in labels], dtype=np.int32)
