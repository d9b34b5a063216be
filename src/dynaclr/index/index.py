"""The index: all observations, anchors and positives of many experiments; reads no pixel values."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import ConfigError, listing, problem
from dynaclr.experiment import ExperimentRegistry, FovEntry, check_geometry, select_fovs, slices_of
from dynaclr.index import frames as index_frames
from dynaclr.index.anchors import Loss
from dynaclr.index.corners import corners, moved
from dynaclr.index.index_report import setup_report
from dynaclr.index.options import IndexOptions
from dynaclr.index.report import SetupReport
from dynaclr.index.source import IndexSource
from dynaclr.tracks import Relation, RelativeLookup, locate_tracks

if TYPE_CHECKING:
    import pandas as pd

__all__ = ("MultiExperimentIndex",)


class MultiExperimentIndex:
    """All observations of many experiments, and which of them have positives.

    Parameters
    ----------
    registry
        The experiments.
    z_range
        Slices that are read, half open: a pair or a `slice`.
    yx_patch_size
        Patch (height, width) in pixels of level 0.
    tau_range_hours
        Smallest and largest time from anchor to positive.
    include_wells
        Wells to use, "A/1" or "experiment/A/1"; None for all.
    exclude_fovs
        FOVs to leave out, "A/1/0" or "experiment/A/1/0".
    options
        Relation of positives, and what happens to imperfect data.

    Raises
    ------
    ConfigError
        If a selection, range or size does not fit the data.
    DataError
        If a track file is wrong, or no observation is left.
    """

    def __init__(
        self,
        registry: ExperimentRegistry,
        z_range: tuple[int, int] | slice,
        yx_patch_size: tuple[int, int],
        tau_range_hours: tuple[float, float] = (0.5, 2.0),
        include_wells: Sequence[str] | None = None,
        exclude_fovs: Sequence[str] | None = None,
        options: IndexOptions | None = None,
    ) -> None:
        self.registry = registry
        self.z_range = slices_of(z_range)
        self.yx_patch_size = (int(yx_patch_size[0]), int(yx_patch_size[1]))
        self.tau_range_hours = (float(tau_range_hours[0]), float(tau_range_hours[1]))
        self.options = options or IndexOptions()
        self.relation = Relation(self.options.relation)
        entries, self._skipped = select_fovs(registry, include_wells, exclude_fovs)
        self.fovs: tuple[FovEntry, ...] = tuple(entries)
        check_geometry(entries, registry.names, self.z_range, self.yx_patch_size)
        self.tau_frames = self._tau_frames()
        self._set_codes()
        self.track_files, texts = locate_tracks(registry, entries, self.options.tracks)
        source = IndexSource(
            registry,
            self.fovs,
            self.fov_image_yx,
            self.z_range,
            self.yx_patch_size,
            self.tau_frames,
            self.options,
        )
        self.table, self.loss, self._counts, self.curation = source.load(self.track_files)
        self.track_warnings = [
            *texts,
            *(text for counts in self._counts if counts for text in counts.warnings),
        ]
        for text in self.track_warnings:
            warnings.warn(text, stacklevel=2)
        self._finish()

    def _tau_frames(self) -> npt.NDArray[np.int64]:
        """Return (n_fovs, 2) smallest and largest offset in frames."""
        if self.relation is Relation.SELF:
            return np.zeros((len(self.fovs), 2), dtype=np.int64)
        used = sorted({entry.experiment for entry in self.fovs})
        names = self.registry.names
        limits = {code: self.registry.tau_range_frames(names[code], self.tau_range_hours) for code in used}
        return np.array([limits[entry.experiment] for entry in self.fovs], dtype=np.int64)

    def _set_codes(self) -> None:
        """Give conditions and wells numbers, and keep clocks a FOV."""
        configs = [self.registry.experiments[entry.experiment] for entry in self.fovs]
        self.condition_names = tuple(sorted({entry.condition for entry in self.fovs}))
        self.well_names = tuple(sorted({self._well_label(entry) for entry in self.fovs}))
        self.fov_experiment = np.array([entry.experiment for entry in self.fovs], dtype=np.int32)
        self.fov_condition = np.array(
            [self.condition_names.index(entry.condition) for entry in self.fovs], dtype=np.int32
        )
        well_codes = {name: code for code, name in enumerate(self.well_names)}
        self.fov_well = np.array([well_codes[self._well_label(entry)] for entry in self.fovs], dtype=np.int32)
        self.fov_start_hours = np.array([config.start_hpi for config in configs], dtype=np.float64)
        self.fov_interval_hours = np.array([config.interval_minutes / 60 for config in configs])
        self.fov_image_yx = np.array([entry.layout.shape[3:] for entry in self.fovs], dtype=np.int64)

    def _well_label(self, entry: FovEntry) -> str:
        return f"{self.registry.names[entry.experiment]}/{entry.layout.well}"

    def _finish(self) -> None:
        """Derive anchors and the look-up of positives from the losses."""
        self.anchor_rows = np.flatnonzero(self.loss == Loss.NONE).astype(np.int32)
        self.usable = ~np.isin(self.loss, (Loss.EXCLUDED, Loss.BLANK))
        self.readable = self.loss != Loss.BLANK
        self.lookup = RelativeLookup(self.table, self.relation, self.usable)
        self.report: SetupReport = setup_report(self, self._counts, self._skipped)

    def require_anchors(self) -> None:
        """Raise ConfigError, with the reasons in numbers, if no observation has a positive."""
        if not self.anchor_rows.size:
            raise ConfigError(
                problem("no observation has a positive", found="\n" + self.report.funnel())
                + " Widen the tau range or look at the tracks."
            )

    def kinds(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        """Return a number (n,) for rows of one experiment and condition, another for each other pair."""
        fov = self.table.fov_of(rows)
        return self.fov_experiment[fov] * len(self.condition_names) + self.fov_condition[fov]

    def corners(
        self, rows: npt.NDArray[np.integer] | slice
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return first row and first column of the patch of each table row, clamped into the image.

        The centroid's pixel (rounded half up) is element size // 2 of an unclamped patch.
        """
        return corners(self.table, self.fov_image_yx, self.yx_patch_size, rows)

    def near_border(self, rows: npt.NDArray[np.integer] | slice) -> npt.NDArray[np.bool_]:
        """Return for which table rows the patch had to be moved to lie inside the image."""
        return moved(self.table, self.fov_image_yx, self.yx_patch_size, rows)

    def hours(self, rows: npt.NDArray[np.integer] | slice) -> npt.NDArray[np.float64]:
        """Return hours after infection or perturbation of table rows."""
        fov = self.table.fov_of(rows)
        return np.asarray(self.fov_start_hours[fov] + self.table.t[rows] * self.fov_interval_hours[fov])

    @cached_property
    def last_hours(self) -> float:
        """Hours of the latest observation."""
        return float(self.hours(slice(None)).max())

    def codes(
        self, column: str, rows: npt.NDArray[np.integer] | slice
    ) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
        """Return a text column of table rows as codes, and the labels that the codes number.

        Raises
        ------
        KeyError
            If the column is none of experiment, condition, well, fov_name.
        """
        return index_frames.codes(self, column, rows)

    @cached_property
    def tracks(self) -> pd.DataFrame:
        """One row per cell and frame, for people; made on first use, the arrays are the truth."""
        return index_frames.tracks_frame(self, np.arange(len(self.table)))

    @cached_property
    def valid_anchors(self) -> pd.DataFrame:
        """Rows of `tracks` that have a positive, numbered 0..N-1."""
        return index_frames.tracks_frame(self, self.anchor_rows)

    @property
    def nbytes(self) -> int:
        """Bytes held by observations, tracks and anchors."""
        return self.table.nbytes + self.loss.nbytes + self.anchor_rows.nbytes + self.lookup.nbytes

    @property
    def positions(self) -> tuple[str, ...]:
        """Names of the fields of view in use, "experiment/A/1/0"."""
        names = self.registry.names
        return tuple(f"{names[entry.experiment]}/{entry.layout.name}" for entry in self.fovs)

    @property
    def experiment_groups(self) -> dict[str, npt.NDArray[np.int64]]:
        """{experiment: labels of its rows in `tracks`}, for ``tracks.loc[...]``."""
        return self._groups(self.fov_experiment, self.registry.names)

    @property
    def condition_groups(self) -> dict[str, npt.NDArray[np.int64]]:
        """{condition: labels of its rows in `tracks`}, for ``tracks.loc[...]``."""
        return self._groups(self.fov_condition, self.condition_names)

    def _groups(
        self, fov_codes: npt.NDArray[np.integer], labels: Sequence[str]
    ) -> dict[str, npt.NDArray[np.int64]]:
        codes = fov_codes[self.table.fov_of()]
        return {label: np.flatnonzero(codes == code) for code, label in enumerate(labels)}

    def summary(self) -> str:
        """Return one line a fact: experiments, observations, anchors, observations by condition."""
        conditions = {name: rows.size for name, rows in self.condition_groups.items()}
        return "\n".join(
            (
                f"experiments   {listing(self.registry.names)}",
                f"observations  {len(self.table)}",
                f"anchors       {self.anchor_rows.size}",
                f"conditions    {listing(f'{name} {count}' for name, count in conditions.items())}",
            )
        )
