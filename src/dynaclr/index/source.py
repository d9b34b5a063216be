"""What an index is made from: observations, marks, anchors, or the cache of them; reads no pixel values."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.cores import cpu_limit
from dynaclr.base.errors import DataError, listing, problem
from dynaclr.curation import Mark, apply_marks, read_marks
from dynaclr.images import stored_pixels
from dynaclr.index.anchors import Exclusion, anchor_exclusions
from dynaclr.index.arrays import IndexArrays
from dynaclr.index.blanks import blank_rows, rows_not_finite
from dynaclr.index.cache import Loaded, fingerprint, load, save
from dynaclr.tracks import CellTable, RelativeLookup, TrackCounts, load_table, read_all

Masks = dict[Exclusion, npt.NDArray[np.bool_]]


def load_index(arrays: IndexArrays, files: Sequence[Path | None]) -> Loaded:
    """Read tracks, apply marks and find anchors, or take all from the cache.

    Parameters
    ----------
    arrays
        The fields of view.
    files
        Track file of each field of view, None where there is none.

    Raises
    ------
    DataError
        If a track file or the marks are wrong, pixels lack that must not, or no observations are left.
    """
    folder, path = arrays.options.cache_dir, arrays.options.curation
    marks = None if path is None else read_marks(path)
    key = "" if folder is None else fingerprint(_identity(arrays, marks), files, _stored(arrays))
    if folder is not None and (cached := load(folder, key)) is not None:
        return cached
    tracks = read_all(arrays.registry, arrays.fovs, files, arrays.options.tracks)
    table = load_table(tracks, arrays.registry, arrays.fovs, files)
    counts = [None if item is None else item.counts for item in tracks]
    if not len(table):
        raise DataError(problem("no observations are left", found=_rows_by_cause(counts)))
    masks = _masks(arrays, table)
    exclusion, curation = _exclusions(arrays, table, masks), None
    if marks is not None:
        curated = apply_marks(marks, table, arrays.fov_names)
        table, curation = curated.table, curated.report
        masks = {cause: mask[curated.rows] for cause, mask in masks.items()}
        masks[Exclusion.EXCLUDED] = curated.excluded
        anchors = np.count_nonzero(exclusion == Exclusion.NONE)
        exclusion = _exclusions(arrays, table, masks)
        curation.anchors_removed = int(anchors - np.count_nonzero(exclusion == Exclusion.NONE))
    content = (table, exclusion, counts, curation)
    if folder is not None:
        save(folder, key, content)
    return content


def _identity(arrays: IndexArrays, marks: Sequence[Mark] | None) -> dict[str, Any]:
    """Return all that anchors depend on besides the track files."""
    return {
        "fovs": [
            (
                arrays.registry.names[e.experiment],
                str(e.layout.array_path),
                e.layout.shape,
                e.layout.axes,
                e.layout.channel_order,
            )
            for e in arrays.fovs
        ],
        "channels": [list(maps.values()) for maps in arrays.registry.channel_maps.values()],
        "slices": [
            (first.tolist(), count)
            for first, count in zip(arrays.slices.first, arrays.slices.count, strict=True)
        ],
        "patch": arrays.yx_patch_size,
        "steps": arrays.fov_step_yx.tolist(),
        "tau_frames": arrays.tau_frames.tolist(),
        "relation": arrays.relation.value,
        "missing_chunks": arrays.options.missing_chunks,
        "not_finite": arrays.options.not_finite,
        "no_data": [np.flatnonzero(frames).tolist() for frames in _no_data(arrays)],
        "padded": arrays.norms.boxes[arrays.norms.padded].tolist(),
        "padded_frames": np.flatnonzero(arrays.norms.padded).tolist(),
        "tracks": repr(arrays.options.tracks),
        "marks": None if marks is None else [repr(mark) for mark in marks],
    }


def _stored(arrays: IndexArrays) -> list[str]:
    """Return what tells whether the pixels that decide are still those that were there; empty if none do."""
    looked_for = arrays.options.not_finite == "exclude" and arrays.norms.frames_not_finite.any()
    if arrays.options.missing_chunks == "zeros" and not looked_for:
        return []
    maps, names = arrays.registry.channel_maps, arrays.registry.names
    channels = [list(maps[names[entry.experiment]].values()) for entry in arrays.fovs]
    layouts = [entry.layout for entry in arrays.fovs]
    with ThreadPoolExecutor(max_workers=cpu_limit()) as pool:
        return list(pool.map(stored_pixels, layouts, channels, map(arrays.slices.span, range(len(layouts)))))


def _exclusions(arrays: IndexArrays, table: CellTable, masks: Masks) -> npt.NDArray[np.uint8]:
    usable = np.ones(len(table), dtype=bool)
    for mask in masks.values():
        usable &= ~mask
    lookup = RelativeLookup(table, arrays.relation, usable)
    near_border = arrays.patch_moved(table)
    return anchor_exclusions(lookup, arrays.tau_frames, masks, near_border)


def _no_data(arrays: IndexArrays) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which frames of all FOVs are blank, and hold NaN or Inf, in any channel: (sum of T,) each."""
    blank, strange = (frames.any(axis=1) for frames in (arrays.norms.blank, arrays.norms.frames_not_finite))
    return np.asarray(blank), np.asarray(strange)


def _masks(arrays: IndexArrays, table: CellTable) -> Masks:
    """Return the observations whose pixels are no data."""
    masks = _blank_masks(arrays, table)
    if arrays.options.not_finite == "exclude":
        maps = arrays.registry.channel_maps
        channels = [list(maps[name].values()) for name in arrays.registry.names]
        places, size = arrays.patch_corners(table, slice(None)), arrays.yx_patch_size
        strange = arrays.norms.frames_not_finite
        masks[Exclusion.NOT_FINITE] = rows_not_finite(
            table, arrays.fovs, channels, arrays.slices, places, size, strange, arrays.fov_step_yx
        )
    return masks


def _blank_masks(arrays: IndexArrays, table: CellTable) -> Masks:
    if arrays.options.missing_chunks == "zeros":
        return {}
    maps = arrays.registry.channel_maps
    channels = [list(maps[name].values()) for name in arrays.registry.names]
    places = arrays.patch_corners(table, slice(None))
    size, steps = arrays.yx_patch_size, arrays.fov_step_yx
    blank = blank_rows(table, arrays.fovs, channels, arrays.slices, places, size, steps)
    blank |= _no_data(arrays)[0][arrays.norms.frames(table.fov_of(), table.t)] | arrays.in_padding(table)
    if blank.any() and arrays.options.missing_chunks == "error":
        raise DataError(_blank_message(arrays, table, np.flatnonzero(blank)))
    return {Exclusion.BLANK: blank}


def _blank_message(arrays: IndexArrays, table: CellTable, rows: npt.NDArray[np.integer]) -> str:
    places = [arrays.fovs[table.fov_of(rows[i : i + 1])[0]].layout for i in range(min(5, rows.size))]
    return problem(
        f"{rows.size} observations have missing chunks or blank frames",
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
