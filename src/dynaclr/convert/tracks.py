"""Turns tracks of other tools into the folder of track files that is read; the plate is there already."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dynaclr.base import keys
from dynaclr.base.errors import ConfigError, DataError, listing, problem, suggest
from dynaclr.convert.target import finish_tracks, replace_tracks
from dynaclr.experiment import FovLayout
from dynaclr.experiment.locations import Location
from dynaclr.experiment.ngff import same as same_size
from dynaclr.experiment.plates import is_fov_name, read_plate
from dynaclr.tracks import (
    TrackPolicy,
    build_forest,
    check_tracks,
    find_track_files,
    track_parents,
)
from dynaclr.tracks.graph import LinkCounts
from dynaclr.tracks.lineage import CycleError
from dynaclr.tracks.sources import Found, SourceOptions, read_source, tracks_of, unit_um
from dynaclr.tracks.writing import TRACK_FILE

_ENDLESS = 2**62
_SAME_EXTENT = 0.02  # how far two statements of the extent of an image may be apart


@dataclass(slots=True)
class TracksReport:
    """What `convert_tracks` found and wrote.

    Attributes
    ----------
    output
        The folder of track files, an experiment's tracks_path.
    sources
        Source, its format, field of view, and what was counted, one each.
    notes
        What an earlier conversion had left in the folder.
    """

    output: Path
    sources: list[tuple[Path, str, str, LinkCounts]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the report as a person reads it."""
        lines = []
        for path, name, fov, counts in self.sources:
            lines += [
                f"{path} ({name}) -> {fov}: {counts.observations} observations, {counts.tracks} tracks, "
                f"{counts.divisions} divisions",
                f"  {counts.merges} merges (after each a track without parent begins)",
                f"  {counts.skipped_frames} links over missing frames (the track has a gap there)",
                f"  {counts.unlinked} spots without a track, left out",
                f"  {counts.interpolated} interpolated points, left out",
                *(f"  {note}" for note in counts.notes),
            ]
        return "\n".join([*lines, *self.notes, f"tracks  {self.output}"])


def convert_tracks(
    sources: Sequence[Path],
    output: Path,
    fovs: Sequence[str] | None = None,
    options: SourceOptions | None = None,
    *,
    plate: Location | None = None,
    overwrite: bool = False,
) -> TracksReport:
    """Write <output>/<row>/<column>/<fov>/tracks.csv of each source; nothing if one of them is refused.

    Parameters
    ----------
    sources
        Files or folders, of any of `dynaclr.tracks.sources.FORMATS`.
    output
        Folder of track files; made if need be.
    fovs
        The field of view of each source, "A/1/0"; None where the plate has one.
    options
        What the sources do not say.
    plate
        OME-Zarr plate: tracks are held against its frames, size and calibration.
    overwrite
        Whether track files that are there may be replaced.

    Raises
    ------
    DataError
        If a source cannot be read or does not fit the plate, or a track file is there already.
    ConfigError
        If fields of view and sources do not match.
    """
    options = options or SourceOptions()
    layouts = read_plate(plate).fovs if plate is not None else None
    names = _fov_names(sources, fovs, layouts, plate)
    report = TracksReport(output, notes=finish_tracks(output))
    _check_target(output, names, overwrite)
    tables = {}
    for source, fov in zip(sources, names, strict=True):
        tables[fov], found = track_table_of(source, fov, options, None if layouts is None else layouts[fov])
        report.sources.append((source, found.format, fov, found.counts))
    replace_tracks(output, tables)
    return report


def track_table_of(
    source: Path, fov: str, options: SourceOptions, layout: FovLayout | None
) -> tuple[Any, Found]:
    """Return the table that is written for a source of tracks, and what was found in it.

    Parameters
    ----------
    source, options
        As for `convert_tracks`.
    fov, layout
        The field of view, and its frames, size and calibration; None where they are not known.

    Raises
    ------
    DataError
        If it cannot be read, or does not fit the field of view.
    """
    found = read_source(source, options)
    scaled = options if layout is None else _held_against(found, options, layout, source)
    columns = tracks_of(found, scaled, source)
    _check(columns, found, layout, fov, source)
    return _table(columns), found


def _fov_names(
    sources: Sequence[Path],
    fovs: Sequence[str] | None,
    layouts: dict[str, FovLayout] | None,
    plate: Location | None,
) -> list[str]:
    names = [
        name.strip("/ ") for name in fovs or (layouts if layouts is not None and len(layouts) == 1 else ())
    ]
    if len(names) != len(sources):
        what = "one field of view per source"
        fix = "Give --fov ROW/COLUMN/FOV for each source."
        raise ConfigError(problem(what, field="--fov", expected=len(sources), found=len(names), fix=fix))
    if len(set(names)) != len(names):
        raise ConfigError(problem("two sources of one field of view", field="--fov", found=listing(names)))
    for name in names:
        if not is_fov_name(name):
            raise ConfigError(problem("no field of view", field="--fov", expected="A/1/0", found=name))
        if layouts is not None and name not in layouts:
            hint = suggest(name, layouts).strip() or None
            expected = listing(layouts, 10)
            what = "the plate has no such field of view"
            raise ConfigError(
                problem(what, file=plate, field="--fov", expected=expected, found=name, fix=hint)
            )
    return names


def _held_against(found: Found, options: SourceOptions, layout: FovLayout, source: Path) -> SourceOptions:
    """Return the options with the size of a pixel that fits the plate; what differs is noted."""
    counts, (frames, _, _, height, width) = found.counts, layout.shape
    image, unit = found.image, unit_um(found.unit, source)
    if image.get(keys.T, frames) != frames:
        counts.notes.append(f"frames: {image[keys.T]} by the source, {frames} on the plate")
    size = (image.get(keys.Y), image.get(keys.X))
    same = size == (height, width) or None in size
    if unit is None or options.pixel_size_um is not None:
        if unit is None and not same:
            what = f"image: {size[0]} x {size[1]} px by the source, {height} x {width} on the plate"
            counts.notes.append(what)
        return options
    of_plate = layout.scale[-1]
    if found.pixel is None:
        counts.notes.append(f"pixel size: {of_plate:g} um, of the plate")
        return dataclasses.replace(options, pixel_size_um=of_plate)
    of_source = found.pixel[-1] * unit
    statement = f"pixel size: {of_source:.4g} um by the source, {of_plate:.4g} um on the plate"
    if same:
        if not same_size(of_source, of_plate):
            counts.notes.append(f"{statement}; that of the source was used, its coordinates are in it")
        return options
    statement = (
        f"image: {size[0]} x {size[1]} px of {of_source:.4g} um by the source, "
        f"{height} x {width} px of {of_plate:.4g} um on the plate"
    )
    extents = [(image[keys.Y] * of_source, height * of_plate), (image[keys.X] * of_source, width * of_plate)]
    if all(abs(one - other) <= _SAME_EXTENT * other for one, other in extents):
        counts.notes.append(f"{statement}: of the same extent; the plate's pixels were used")
        return dataclasses.replace(options, pixel_size_um=of_plate)
    fix = (
        "Give --pixel-size-um (of convert images: --tracks-pixel-size-um), the size of a pixel of the plate "
        "in the micrometers of the source."
    )
    raise DataError(
        problem("source and plate are of different images", file=source, found=statement, fix=fix)
    )


def _check(columns: dict[str, Any], found: Found, layout: FovLayout | None, fov: str, source: Path) -> None:
    """Hold what will be written against the checks of reading."""
    shape = (_ENDLESS, 1, 1, _ENDLESS, _ENDLESS) if layout is None else layout.shape
    size = 0.0 if layout is None else layout.scale[-1]
    if not columns[keys.T].size:
        raise DataError(
            problem("no tracks", file=source, found=f"{found.counts.unlinked} spots without a track")
        )
    try:
        kept, counts = check_tracks(
            columns,
            experiment=None,
            fov=fov,
            path=source,
            shape=shape,
            pixel_size_um=size,
            policy=TrackPolicy(),
        )
        track_id, parent, _ = track_parents(kept, counts, experiment=None, path=source)
        build_forest(parent)
    except CycleError as error:
        cycle = " -> ".join(str(track_id[member]) for member in error.members[:20])
        raise DataError(
            problem("tracks are their own ancestors (cycle)", file=source, found=cycle)
        ) from error
    except DataError as error:
        hint = ""
        if layout is not None and columns[keys.T].max() == layout.shape[0] and columns[keys.T].min() == 1:
            hint = " Give --first-frame 1."
        raise DataError(f"{error}{hint} Rows are those of the converted table.") from error
    found.counts.notes += [text for text in counts.warnings if text not in found.counts.notes]
    if layout is None and int(columns[keys.T].min()) == 1:
        found.counts.notes.append("the first frame is 1: if the file counts from 1, give --first-frame 1")


def _table(columns: dict[str, Any]) -> Any:
    import pandas as pd

    order = [name for name in keys.ULTRACK_ORDER if name in columns]
    return pd.DataFrame({name: np.asarray(columns[name]) for name in order})


def _check_target(output: Path, names: Sequence[str], overwrite: bool) -> None:
    if not output.exists():
        return
    for name, path in find_track_files(output, names, None).items():
        if path is not None and not (overwrite and path.name == TRACK_FILE):
            fix = "Give --overwrite." if path.name == TRACK_FILE else "Remove it first."
            raise DataError(problem(f"{name} has a track file already", file=path, fix=fix))
