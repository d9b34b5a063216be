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
from dynaclr.convert.image_size import ImageSize
from dynaclr.convert.preview import Ask, TracksPreview, preview_tracks
from dynaclr.convert.target import finish_tracks, replace_tracks
from dynaclr.experiment import FovLayout
from dynaclr.experiment.locations import Location
from dynaclr.experiment.plates import is_fov_name, read_plate
from dynaclr.tracks import find_track_files
from dynaclr.tracks.graph import Columns
from dynaclr.tracks.sources import SourceOptions
from dynaclr.tracks.writing import TRACK_FILE


@dataclass(slots=True)
class TracksReport:
    """What `convert_tracks` found and wrote.

    Attributes
    ----------
    output
        The folder of track files, an experiment's tracks_path.
    sources
        Field of view and what was found, one each.
    notes
        What an earlier conversion had left in the folder.
    """

    output: Path
    sources: list[tuple[str, TracksPreview]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the report as a person reads it."""
        lines = []
        for fov, item in self.sources:
            first, *others = item.lines()
            lines += [f"{item.source} ({item.format}) -> {fov}: {first}", *(f"  {line}" for line in others)]
        return "\n".join([*lines, *self.notes, f"tracks  {self.output}"])


def convert_tracks(
    sources: Sequence[Path],
    output: Path,
    fovs: Sequence[str] | None = None,
    options: SourceOptions | None = None,
    *,
    plate: Location | None = None,
    ask: Ask | None = None,
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
    ask
        Answers what a source leaves open, for the sources after it too; None to refuse it.
    overwrite
        Whether track files that are there may be replaced.

    Raises
    ------
    DataError
        If a source cannot be read, leaves something open or does not fit the plate, or a track file is there
        already.
    ConfigError
        If fields of view and sources do not match.
    """
    options = options or SourceOptions()
    layouts = read_plate(plate).fovs if plate is not None else None
    names = _fov_names(sources, fovs, layouts, plate)
    report = TracksReport(output, notes=finish_tracks(output))
    check_target(output, names, overwrite)
    tables = {}
    for source, fov in zip(sources, names, strict=True):
        layout = None if layouts is None else layouts[fov]
        tables[fov], found = track_table_of(source, fov, options, layout, ask)
        if ask is not None:
            said = found.options
            options = dataclasses.replace(options, first_frame=said.first_frame, unit=said.unit)
        report.sources.append((fov, found))
    replace_tracks(output, tables)
    return report


def track_table_of(
    source: Path, fov: str, options: SourceOptions, layout: FovLayout | None, ask: Ask | None = None
) -> tuple[Any, TracksPreview]:
    """Return the table that is written for a source of tracks, and what was found in it.

    Parameters
    ----------
    source, options, ask
        As for `convert_tracks`.
    fov, layout
        The field of view, and its frames, size and calibration; None where they are not known.

    Raises
    ------
    DataError
        If it cannot be read, leaves something open, or does not fit the field of view.
    """
    image = None if layout is None else ImageSize.of(layout)
    found = preview_tracks(source, options, image, fov=fov, ask=ask)
    found.check()
    return track_file(found.columns), found


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


def track_file(columns: Columns) -> Any:
    """Return the pandas frame that is written of the columns of a source."""
    import pandas as pd

    order = [name for name in keys.ULTRACK_ORDER if name in columns]
    return pd.DataFrame({name: np.asarray(columns[name]) for name in order})


def check_target(output: Path, names: Sequence[str], overwrite: bool) -> None:
    """Refuse to replace track files without being asked.

    Raises
    ------
    DataError
        If there is one that may not be replaced, or of another form.
    """
    if not output.exists():
        return
    for name, path in find_track_files(output, names, None).items():
        if path is not None and not (overwrite and path.name == TRACK_FILE):
            fix = "Give --overwrite." if path.name == TRACK_FILE else "Remove it first."
            raise DataError(problem(f"{name} has a track file already", file=path, fix=fix))
