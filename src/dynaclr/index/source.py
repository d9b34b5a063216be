"""What an index is made from: observations, marks, anchors, or the cache of them; reads no pixel values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import DataError, listing, problem
from dynaclr.curation import FovNames, Mark, apply_marks, read_marks
from dynaclr.experiment import ExperimentRegistry, FovEntry
from dynaclr.index import cache as index_cache
from dynaclr.index.anchors import Loss, anchor_losses
from dynaclr.index.blanks import blank_rows
from dynaclr.index.corners import corners, moved
from dynaclr.index.options import IndexOptions
from dynaclr.tracks import CellTable, Relation, RelativeLookup, TrackCounts, load_table, read_all

__all__ = ("IndexSource",)

Masks = dict[Loss, npt.NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class IndexSource:
    """All that observations and anchors depend on.

    Attributes
    ----------
    registry
        The experiments.
    fovs
        Fields of view by code.
    image_yx
        (n_fovs, 2) height and width of their images in pixels.
    z_range
        Slices that are read, half open.
    yx_patch_size
        Patch (height, width) in pixels of level 0.
    tau_frames
        (n_fovs, 2) smallest and largest offset in frames.
    options
        Relation of positives, and what happens to imperfect data.
    """

    registry: ExperimentRegistry
    fovs: tuple[FovEntry, ...]
    image_yx: npt.NDArray[np.int64]
    z_range: tuple[int, int]
    yx_patch_size: tuple[int, int]
    tau_frames: npt.NDArray[np.int64]
    options: IndexOptions

    def load(self, files: Sequence[Path | None]) -> index_cache.Loaded:
        """Read tracks, apply marks and find anchors, or take all from the cache.

        Parameters
        ----------
        files
            Track file of each field of view, None where there is none.

        Raises
        ------
        DataError
            If a track file or the marks are wrong, pixels lack that must not, or no observation is left.
        """
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
        masks = self._blank_masks(table)
        loss, curation = self._losses(table, masks), None
        if marks is not None:
            curated = apply_marks(marks, table, self._fov_names())
            table, curation = curated.table, curated.report
            masks = {cause: mask[curated.rows] for cause, mask in masks.items()}
            masks[Loss.EXCLUDED] = curated.excluded
            anchors = np.count_nonzero(loss == Loss.NONE)
            loss = self._losses(table, masks)
            curation.anchors_removed = int(anchors - np.count_nonzero(loss == Loss.NONE))
        content = (table, loss, counts, curation)
        if folder is not None:
            index_cache.save(folder, key, content)
        return content

    def _identity(self, marks: Sequence[Mark] | None) -> dict[str, Any]:
        """Return all that anchors depend on besides the track files."""
        return {
            "fovs": [
                (self.registry.names[e.experiment], str(e.layout.array_path), e.layout.shape)
                for e in self.fovs
            ],
            "channels": [list(maps.values()) for maps in self.registry.channel_maps.values()],
            "z_range": self.z_range,
            "patch": self.yx_patch_size,
            "tau_frames": self.tau_frames.tolist(),
            "relation": Relation(self.options.relation).value,
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

    def _fov_names(self) -> FovNames:
        names = self.registry.names
        codes = {(names[e.experiment], e.layout.name): code for code, e in enumerate(self.fovs)}
        return FovNames(codes, {name: frozenset(self.registry.plates[name].fovs) for name in names})

    def _losses(self, table: CellTable, masks: Masks) -> npt.NDArray[np.uint8]:
        usable = np.ones(len(table), dtype=bool)
        for mask in masks.values():
            usable &= ~mask
        lookup = RelativeLookup(table, Relation(self.options.relation), usable)
        near_border = moved(table, self.image_yx, self.yx_patch_size, slice(None))
        return anchor_losses(lookup, self.tau_frames, masks, near_border)

    def _blank_masks(self, table: CellTable) -> Masks:
        if self.options.missing_chunks == "zeros":
            return {}
        maps = self.registry.channel_maps
        channels = [list(maps[name].values()) for name in self.registry.names]
        places = corners(table, self.image_yx, self.yx_patch_size, slice(None))
        blank = blank_rows(table, self.fovs, channels, self.z_range, places, self.yx_patch_size)
        if blank.any() and self.options.missing_chunks == "error":
            raise DataError(self._blank_message(table, np.flatnonzero(blank)))
        return {Loss.BLANK: blank}

    def _blank_message(self, table: CellTable, rows: npt.NDArray[np.integer]) -> str:
        places = [self.fovs[table.fov_of(rows[i : i + 1])[0]].layout for i in range(min(5, rows.size))]
        return problem(
            f"{rows.size} observations have pixels that are not stored",
            file=places[0].array_path,
            field="missing_chunks",
            found=listing(f"{p.name} frame {table.t[r]}" for p, r in zip(places, rows, strict=False)),
            fix="Repair the store, or set missing_chunks to 'exclude' or 'zeros'.",
        )


def _rows_by_cause(counts: Sequence[TrackCounts | None]) -> str:
    rows = sum(item.rows for item in counts if item)
    outside = sum(item.outside_image for item in counts if item)
    missing = sum(item is None for item in counts)
    return f"{rows} rows in the track files, {outside} outside the image; {missing} FOVs without a file"
