"""The index: all observations, anchors and positives of many experiments; reads no pixel values."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dynaclr import index_cache, index_frames
from dynaclr.anchors import Loss, anchor_losses
from dynaclr.blanks import blank_rows
from dynaclr.curation import FovNames, Mark, apply_marks, read_marks
from dynaclr.errors import ConfigError, DataError, listing, problem
from dynaclr.experiment import ExperimentRegistry
from dynaclr.fovs import FovEntry, check_geometry, select_fovs
from dynaclr.index_options import IndexOptions
from dynaclr.index_report import setup_report
from dynaclr.loading import load_table, locate_tracks, read_all
from dynaclr.report import SetupReport
from dynaclr.tables import Relation, RelativeLookup
from dynaclr.tracks import TrackCounts

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
        Slices that are read, half open.
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
        z_range: tuple[int, int],
        yx_patch_size: tuple[int, int],
        tau_range_hours: tuple[float, float] = (0.5, 2.0),
        include_wells: Sequence[str] | None = None,
        exclude_fovs: Sequence[str] | None = None,
        options: IndexOptions | None = None,
    ) -> None:
        self.registry = registry
        self.z_range = (int(z_range[0]), int(z_range[1]))
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
        self.table, self.loss, self._counts, self.curation = self._load(self.track_files)
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

    def _load(self, files: Sequence[Path | None]) -> index_cache.Loaded:
        """Read tracks, apply marks and find anchors, or take all from the cache."""
        folder, path = self.options.cache_dir, self.options.curation
        marks = None if path is None else read_marks(path)
        key = "" if folder is None else index_cache.fingerprint(self._identity(marks), files, self._stored())
        if folder is not None and (cached := index_cache.load(folder, key)) is not None:
            return cached
        tracks = read_all(self.registry, self.fovs, files, self.options.tracks)
        table = load_table(tracks, self.registry, self.fovs, files)
        counts = [None if item is None else item.counts for item in tracks]
        if not len(table):
            raise DataError(problem("no observation is left", found=_rows_by_cause(counts)))
        self.table = table
        masks = self._blank_masks()
        loss, curation = self._losses(masks), None
        if marks is not None:
            curated = apply_marks(marks, table, self._fov_names())
            self.table, curation = curated.table, curated.report
            masks = {cause: mask[curated.rows] for cause, mask in masks.items()}
            masks[Loss.EXCLUDED] = curated.excluded
            anchors = np.count_nonzero(loss == Loss.NONE)
            loss = self._losses(masks)
            curation.anchors_removed = int(anchors - np.count_nonzero(loss == Loss.NONE))
        content = (self.table, loss, counts, curation)
        if folder is not None:
            index_cache.save(folder, key, content)
        return content

    def _fov_names(self) -> FovNames:
        names = self.registry.names
        codes = {(names[e.experiment], e.layout.name): code for code, e in enumerate(self.fovs)}
        return FovNames(codes, {name: frozenset(self.registry.plates[name].fovs) for name in names})

    def _identity(self, marks: Sequence[Mark] | None) -> dict[str, Any]:
        """Return all that anchors depend on besides the track files."""
        return {
            "fovs": [
                (self.registry.names[e.experiment], str(e.layout.array_path.absolute()), e.layout.shape)
                for e in self.fovs
            ],
            "channels": [list(maps.values()) for maps in self.registry.channel_maps.values()],
            "z_range": self.z_range,
            "patch": self.yx_patch_size,
            "tau_frames": self.tau_frames.tolist(),
            "relation": self.relation.value,
            "missing_chunks": self.options.missing_chunks,
            "tracks": repr(self.options.tracks),
            "marks": None if marks is None else [repr(mark) for mark in marks],
        }

    def _stored(self) -> list[str]:
        """Return what tells whether the stored chunks are still those that were there."""
        if self.options.missing_chunks == "zeros":
            return []
        maps, names = self.registry.channel_maps, self.registry.names
        channels = [list(maps[names[entry.experiment]].values()) for entry in self.fovs]
        return index_cache.stored_pixels([entry.layout for entry in self.fovs], channels, self.z_range)

    def _blank_masks(self) -> dict[Loss, npt.NDArray[np.bool_]]:
        if self.options.missing_chunks == "zeros":
            return {}
        blank = self._blank_rows()
        if blank.any() and self.options.missing_chunks == "error":
            raise DataError(self._blank_message(blank))
        return {Loss.BLANK: blank}

    def _losses(self, masks: dict[Loss, npt.NDArray[np.bool_]]) -> npt.NDArray[np.uint8]:
        lookup = RelativeLookup(self.table, self.relation, _usable(masks, len(self.table)))
        return anchor_losses(lookup, self.tau_frames, masks, self.near_border(slice(None)))

    def _blank_rows(self) -> npt.NDArray[np.bool_]:
        maps = self.registry.channel_maps
        channels = [list(maps[name].values()) for name in self.registry.names]
        corners = self.corners(slice(None))
        return blank_rows(self.table, self.fovs, channels, self.z_range, corners, self.yx_patch_size)

    def _blank_message(self, blank: npt.NDArray[np.bool_]) -> str:
        rows = np.flatnonzero(blank)
        places = [self.fovs[self.table.fov_of(rows[i : i + 1])[0]].layout for i in range(min(5, rows.size))]
        return problem(
            f"{rows.size} observations have pixels that are not stored",
            file=places[0].array_path,
            field="missing_chunks",
            found=listing(f"{p.name} frame {self.table.t[r]}" for p, r in zip(places, rows, strict=False)),
            fix="Repair the store, or set missing_chunks to 'exclude' or 'zeros'.",
        )

    def _finish(self) -> None:
        """Derive anchors and the look-up of positives from the losses."""
        self.anchor_rows = np.flatnonzero(self.loss == Loss.NONE).astype(np.int32)
        self.usable = ~np.isin(self.loss, (Loss.EXCLUDED, Loss.BLANK))
        self.readable = self.loss != Loss.BLANK
        self.lookup = RelativeLookup(self.table, self.relation, self.usable)
        self.report: SetupReport = setup_report(self, self._counts, self._skipped)
        if not self.anchor_rows.size:
            raise ConfigError(
                problem("no observation has a positive", found="\n" + self.report.funnel())
                + " Widen the tau range or look at the tracks."
            )

    def corners(
        self, rows: npt.NDArray[np.integer] | slice
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return first row and first column of the patch of each table row, clamped into the image.

        The centroid's pixel (rounded half up) is element size // 2 of an unclamped patch.
        """
        table, (height, width) = self.table, self.yx_patch_size
        image = self.fov_image_yx[table.fov_of(rows)]
        y = np.floor(table.y[rows] + 0.5).astype(np.int64) - height // 2
        x = np.floor(table.x[rows] + 0.5).astype(np.int64) - width // 2
        return np.clip(y, 0, image[:, 0] - height), np.clip(x, 0, image[:, 1] - width)

    def near_border(self, rows: npt.NDArray[np.integer] | slice) -> npt.NDArray[np.bool_]:
        """Return for which table rows the patch had to be moved to lie inside the image."""
        y, x = self.corners(rows)
        height, width = self.yx_patch_size
        free_y = np.floor(self.table.y[rows] + 0.5).astype(np.int64) - height // 2
        free_x = np.floor(self.table.x[rows] + 0.5).astype(np.int64) - width // 2
        return np.asarray((y != free_y) | (x != free_x))

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
        """{experiment: numbers of its anchors}."""
        return self._groups(self.fov_experiment, self.registry.names)

    @property
    def condition_groups(self) -> dict[str, npt.NDArray[np.int64]]:
        """{condition: numbers of its anchors}."""
        return self._groups(self.fov_condition, self.condition_names)

    def _groups(
        self, fov_codes: npt.NDArray[np.integer], labels: Sequence[str]
    ) -> dict[str, npt.NDArray[np.int64]]:
        codes = fov_codes[self.table.fov_of(self.anchor_rows)]
        return {label: np.flatnonzero(codes == code) for code, label in enumerate(labels)}

    def summary(self) -> str:
        """Return one line a fact: experiments, observations, anchors, conditions."""
        conditions = {name: rows.size for name, rows in self.condition_groups.items()}
        return "\n".join(
            (
                f"experiments   {listing(self.registry.names)}",
                f"observations  {len(self.table)}",
                f"anchors       {self.anchor_rows.size}",
                f"conditions    {listing(f'{name} {count}' for name, count in conditions.items())}",
            )
        )


def _usable(masks: dict[Loss, npt.NDArray[np.bool_]], size: int) -> npt.NDArray[np.bool_]:
    usable = np.ones(size, dtype=bool)
    for mask in masks.values():
        usable &= ~mask
    return usable


def _rows_by_cause(counts: Sequence[TrackCounts | None]) -> str:
    rows = sum(item.rows for item in counts if item)
    outside = sum(item.outside_image for item in counts if item)
    missing = sum(item is None for item in counts)
    return f"{rows} rows in the track files, {outside} outside the image; {missing} FOVs without a file"
