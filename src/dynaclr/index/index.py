"""The index: all observations, anchors and positives of many experiments; reads no pixel values."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import ConfigError, listing, problem
from dynaclr.experiment import ExperimentRegistry, select_fovs
from dynaclr.index.anchors import UNUSABLE, Exclusion
from dynaclr.index.arrays import IndexArrays
from dynaclr.index.frames import codes, track_labels, tracks_frame
from dynaclr.index.index_report import setup_report
from dynaclr.index.options import IndexOptions
from dynaclr.index.report import SetupReport
from dynaclr.index.source import load_index
from dynaclr.index.statements import disagreements
from dynaclr.tracks import RelativeLookup, locate_tracks

if TYPE_CHECKING:
    import pandas as pd


class MultiExperimentIndex(IndexArrays):
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
        If a track file is wrong, or no observations are left.
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
        options = options or IndexOptions()
        entries, skipped = select_fovs(registry, include_wells, exclude_fovs, options.unreadable_fovs)
        super().__init__(registry, entries, z_range, yx_patch_size, tau_range_hours, options)
        self.track_files, texts = locate_tracks(registry, entries, options.tracks)
        found = load_index(self, self.track_files)
        self.table, self.exclusion, counts, self.curation = found
        texts += [text for item in counts if item for text in item.warnings]
        texts += disagreements(self, self.table)
        for text in texts:
            warnings.warn(text, stacklevel=2)
        self.anchor_rows = np.flatnonzero(self.exclusion == Exclusion.NONE).astype(np.int32)
        self.usable = ~np.isin(self.exclusion, UNUSABLE)
        self.readable = self.exclusion != Exclusion.BLANK
        self.lookup = RelativeLookup(self.table, self.relation, self.usable)
        self.report: SetupReport = setup_report(self, found, skipped, texts)

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
        return self.patch_corners(self.table, rows)

    def near_border(self, rows: npt.NDArray[np.integer] | slice) -> npt.NDArray[np.bool_]:
        """Return for which table rows the patch had to be moved to lie inside the image."""
        return self.patch_moved(self.table, rows)

    def hours(self, rows: npt.NDArray[np.integer] | slice) -> npt.NDArray[np.float64]:
        """Return hours after infection or perturbation of table rows."""
        return self.hours_at(self.table.fov_of(rows), self.table.t[rows])

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
        return codes(self, self.table, column, rows)

    def track_labels(self) -> npt.NDArray[np.object_]:
        """Return "{experiment}_{fov_name}_{track_id}" of every track (n_tracks,).

        Where a person cut a track, its later parts add "@{first frame}": two cells never share a label.
        """
        return track_labels(self, self.table)

    @cached_property
    def tracks(self) -> pd.DataFrame:
        """One row per cell and frame, for people; made on first use, the arrays are the truth."""
        return tracks_frame(self, self.table, np.arange(len(self.table)))

    @cached_property
    def valid_anchors(self) -> pd.DataFrame:
        """Rows of `tracks` that have a positive, numbered 0..N-1."""
        return tracks_frame(self, self.table, self.anchor_rows)

    @property
    def nbytes(self) -> int:
        """Bytes held by observations, tracks and anchors."""
        return self.table.nbytes + self.exclusion.nbytes + self.anchor_rows.nbytes + self.lookup.nbytes

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
