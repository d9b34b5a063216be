"""Finds a source's format by its content, reads it, and brings it into pixels, frames and tracks."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import numpy as np

from dynaclr.base import keys
from dynaclr.base.errors import DataError, listing, problem
from dynaclr.experiment.ngff import factor_of
from dynaclr.tracks.door import door
from dynaclr.tracks.graph import Columns, LinkCounts, split_tracks
from dynaclr.tracks.parents import parents_by_observation, track_parents
from dynaclr.tracks.policy import TrackCounts
from dynaclr.tracks.sources.found import Found, SourceOptions
from dynaclr.tracks.sources.tables import names_of

FORMATS: Mapping[str, str] = {
    "TrackMate XML": "dynaclr.tracks.sources.trackmate_xml",
    "TrackMate tables": "dynaclr.tracks.sources.trackmate_tables",
    "Cell Tracking Challenge": "dynaclr.tracks.sources.ctc",
    "trackastra edges": "dynaclr.tracks.sources.trackastra",
    "laptrack tables": "dynaclr.tracks.sources.laptrack",
    "GEFF": "dynaclr.tracks.sources.geff",
    "btrack HDF5": "dynaclr.tracks.sources.btrack_hdf5",
    "table": "dynaclr.tracks.sources.tables",
}
"""{format: module with recognizes(path, head) -> bool and read(path, options) -> Found}, first match wins.

`head` are the first bytes of the content of a file, empty for a folder.
"""

_HEAD_BYTES = 4096
_WHOLE = 1e-3  # how far from a whole number a frame may be: rounding of times
_PIXEL = ("", "pixel", "pixels", "px")


def format_of(path: Path) -> str | None:
    """Return the name of the format of a file or folder by its content, None for none of them."""
    head = _head(path)
    for name, module in FORMATS.items():
        if import_module(module).recognizes(path, head):
            return name
    return None


def _head(path: Path) -> bytes:
    """Return the first bytes of what is in a file, compressed by gzip or not."""
    if path.is_dir():
        return b""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(path) as unpacked:
                return unpacked.read(_HEAD_BYTES)
        return head
    except (OSError, EOFError):
        return b""


def read_source(path: Path, options: SourceOptions) -> Found:
    """Return tracks as a file or folder has them.

    Raises
    ------
    DataError
        If it is of no known format or cannot be read.
    """
    if not path.exists():
        raise DataError(problem("no such file or folder", file=path))
    with door(path):
        name = format_of(path)
    if name is None:
        lies = listing(sorted(item.name for item in path.iterdir()), 10) if path.is_dir() else None
        known = f"one of: {listing(FORMATS)}"
        raise DataError(problem("no tracks of a known format", file=path, expected=known, found=lies))
    with door(path, f" as {name}"):
        found: Found = import_module(FORMATS[name]).read(path, options)
    found.format = name
    return found


def tracks_of(found: Found, options: SourceOptions, path: Path) -> Columns:
    """Return the columns of a track file in pixels and frames; what is counted goes into `found.counts`.

    Raises
    ------
    DataError
        If values cannot be understood without an option, or cannot be; the option is named.
    """
    with door(path):
        columns = _in_frames(_in_pixels(found, options, path), found, options, path)
        if found.edges is not None:
            return split_tracks(columns, found.edges, found.counts, path)
        return _with_parents(columns, found.counts, path)


def table_names(path: Path) -> tuple[str, ...]:
    """Return the columns of a table of tracks; none for another format.

    Raises
    ------
    DataError
        If the file is no longer there.
    """
    with door(path):
        return names_of(path) if format_of(path) == "table" else ()


def unit_um(unit: str, path: object) -> float | None:
    """Return micrometers in a unit of length, None for pixels.

    Raises
    ------
    DataError
        If it is no unit of length.
    """
    if unit.strip().lower() in _PIXEL:
        return None
    um = factor_of("x", unit)
    if um is None:
        expected = "pixel, nm, um, mm, cm, m, inch"
        raise DataError(problem("unknown unit of coordinates", file=path, expected=expected, found=unit))
    return um


def _in_pixels(found: Found, options: SourceOptions, path: Path) -> Columns:
    """Divide lengths by the size of a pixel."""
    name = options.unit or found.unit
    unit = unit_um(name, path)
    size = dict(zip((keys.Z, keys.Y, keys.X), found.pixel or (None, None, None), strict=True))
    if unit is None:
        size = dict.fromkeys(size, 1.0)
    else:
        given = {keys.Z: options.z_step_um, keys.Y: options.pixel_size_um, keys.X: options.pixel_size_um}
        size |= {axis: um / unit for axis, um in given.items() if um is not None}
    columns = dict(found.columns)
    if keys.Z in columns and not np.any(columns[keys.Z]):
        del columns[keys.Z]  # tools that always write z have 0 for flat images
    for axis in (keys.Z, keys.Y, keys.X):
        if axis not in columns:
            continue
        length = size[axis]
        if length is None or not (np.isfinite(length) and length > 0):
            option = "--z-step-um" if axis == keys.Z else "--pixel-size-um"
            fix = f"Give {option}, or --unit pixel if they are pixels."
            what = f"coordinates are in {name}, and the size of a pixel is not known"
            raise DataError(problem(what, file=path, field=axis, found=length, fix=fix))
        columns[axis] = columns[axis] / length
        if unit is not None and found.pixel is not None:  # larger pixels: their centers lie elsewhere
            own = found.pixel[(keys.Z, keys.Y, keys.X).index(axis)]
            columns[axis] += (own / length - 1) / 2
    return columns


def _in_frames(columns: Columns, found: Found, options: SourceOptions, path: Path) -> Columns:
    """Make times whole numbers from 0."""
    t = columns[keys.T]
    if options.time_step is not None:
        t = t / options.time_step
    if t.dtype.kind == "f":
        broken = ~np.isfinite(t) | (np.abs(t) > 2**53)
        broken[~broken] = np.abs(t[~broken] - np.rint(t[~broken])) > _WHOLE
        if broken.any():
            fix = "If these are times, give --time-step, the time between two frames in the same unit."
            shown = listing((f"{value:g}" for value in columns[keys.T][broken]), 5)
            what = f"{np.count_nonzero(broken)} times are no frames"
            raise DataError(
                problem(what, file=path, field=keys.T, expected="whole numbers", found=shown, fix=fix)
            )
        t = np.rint(t).astype(np.int64)
    first = options.first_frame or 0
    if first and t.size and t.min() < first and not found.names:  # the format says how it counts
        found.counts.notes.append(
            f"frames begin at {t.min()} in this format; first frame {first} is not used"
        )
        first = 0
    t = t - first
    if t.size and t.min() < 0:
        what, lowest = "frames before the first", int(t.min()) + first
        raise DataError(problem(what, file=path, field=keys.T, expected=first, found=lowest))
    return {**columns, keys.T: t}


def _with_parents(columns: Columns, counts: LinkCounts, path: Path) -> Columns:
    """Return rows of tracks that are there already, with one parent a track, sorted; count them."""
    linked = columns[keys.TRACK_ID] != keys.NO_PARENT
    counts.unlinked += int(np.count_nonzero(~linked))
    columns = {name: values[linked] for name, values in columns.items()}
    if not columns[keys.T].size:
        return columns
    order = np.lexsort((columns[keys.T], columns[keys.TRACK_ID]))
    columns = {name: values[order] for name, values in columns.items()}
    if keys.PARENT_TRACK_ID not in columns:
        parents = np.full(columns[keys.T].size, keys.NO_PARENT, dtype=np.int64)
        if {keys.ID, keys.PARENT_ID} <= set(columns):
            parents, links = parents_by_observation(columns)
            counts.merges = links.into_tracks
            if links.repeated:
                counts.notes.append("ids repeat, so that no parent_id can be followed")
        columns[keys.PARENT_TRACK_ID] = parents
    found = TrackCounts()
    track_id, _, _ = track_parents(columns, found, experiment=None, path=path)
    counts.observations, counts.tracks = int(columns[keys.T].size), int(track_id.size)
    counts.divisions = found.divisions
    counts.notes += found.warnings
    if found.missing_parents:
        counts.notes.append(f"{found.missing_parents} tracks name a parent that is not there")
    same = np.diff(columns[keys.TRACK_ID]) == 0
    counts.skipped_frames = int(np.count_nonzero(same & (np.diff(columns[keys.T]) > 1)))
    return columns
