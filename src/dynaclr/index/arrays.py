"""What an index knows of its fields of view before any track is read: codes, clocks, sizes, offsets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dynaclr.curation import FovNames
from dynaclr.experiment import ExperimentRegistry, FovEntry, check_geometry, slices_of
from dynaclr.images import NormTable
from dynaclr.index.options import IndexOptions
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
        Patch (height, width) in pixels of level 0.
    tau_range_hours
        Smallest and largest time from anchor to positive.
    options
        Relation of positives, and what happens to imperfect data.

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
    """

    def __init__(
        self,
        registry: ExperimentRegistry,
        fovs: Sequence[FovEntry],
        z_range: tuple[int, int] | slice,
        yx_patch_size: tuple[int, int],
        tau_range_hours: tuple[float, float],
        options: IndexOptions,
    ) -> None:
        self.registry = registry
        self.fovs = tuple(fovs)
        self.z_range = slices_of(z_range)
        self.yx_patch_size = (int(yx_patch_size[0]), int(yx_patch_size[1]))
        self.tau_range_hours = (float(tau_range_hours[0]), float(tau_range_hours[1]))
        self.options = options
        self.relation = Relation(options.relation)
        check_geometry(fovs, registry.names, self.z_range, self.yx_patch_size)
        self.tau_frames = self._tau_frames()
        conditions = [entry.condition for entry in fovs]
        wells = [f"{registry.names[entry.experiment]}/{entry.layout.well}" for entry in fovs]
        self.condition_names, self.fov_condition = _numbered(conditions)
        self.well_names, self.fov_well = _numbered(wells)
        self.fov_experiment = np.array([entry.experiment for entry in fovs], dtype=np.int32)
        configs = [registry.experiments[entry.experiment] for entry in fovs]
        self.fov_start_hours = np.array([config.start_hpi for config in configs], dtype=np.float64)
        self.fov_interval_hours = np.array([config.interval_minutes / 60 for config in configs])
        self.fov_image_yx = np.array([entry.layout.shape[3:] for entry in fovs], dtype=np.int64)

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
        names = self.registry.names
        codes = {(names[entry.experiment], entry.layout.name): code for code, entry in enumerate(self.fovs)}
        plates = self.registry.plates
        there = {name: frozenset((*plates[name].fovs, *plates[name].left_out)) for name in names}
        return FovNames(codes, there)

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
        """Return first row and first column of the patch of each table row, clamped into the image."""
        image = self.fov_image_yx[table.fov_of(rows)] - self.yx_patch_size
        y, x = self._free_corners(table, rows)
        return np.clip(y, 0, image[:, 0]), np.clip(x, 0, image[:, 1])

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
        y, x = (np.floor(center[rows] + 0.5).astype(np.int64) for center in (table.y, table.x))
        return y - self.yx_patch_size[0] // 2, x - self.yx_patch_size[1] // 2


def _numbered(labels: Sequence[str]) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    """Return the different labels in order, and the number of each label among them."""
    names = sorted(set(labels))
    codes = {name: code for code, name in enumerate(names)}
    return tuple(names), np.array([codes[label] for label in labels], dtype=np.int32)
