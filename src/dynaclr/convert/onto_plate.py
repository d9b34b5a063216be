"""Writes a source's tracks beside a plate that is there, or its rows beside images that become one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import ConfigError, DataError, listing, problem
from dynaclr.base.files import write_bytes_atomically
from dynaclr.convert.arrays import ArrayOptions, Progress, convert_arrays
from dynaclr.convert.experiments_file import with_entry
from dynaclr.convert.preview import TracksPreview
from dynaclr.convert.report import ConversionReport, FovConversion
from dynaclr.convert.target import finish_tracks, replace_tracks
from dynaclr.convert.tracks import check_target, track_file
from dynaclr.experiment import ExperimentConfig, Location, PlateLayout, read_experiments
from dynaclr.experiment.plates import well_of

_SAME_MINUTES = 1e-6


def tracks_onto_plate(
    found: TracksPreview,
    plate: PlateLayout,
    fov: str,
    output: Path,
    options: ArrayOptions,
    *,
    overwrite: bool = False,
) -> ConversionReport:
    """Write <output>/<name>.tracks/<fov>/tracks.csv and an entry of experiments.yaml for the plate.

    An entry of that name and plate gets the FOV's well in addition.

    Parameters
    ----------
    found
        The tracks.
    plate, fov
        What they belong to; the plate is not changed.
    output
        Folder; made if need be.
    options
        Name, interval and condition.
    overwrite
        Whether a track file of the FOV may be replaced.

    Raises
    ------
    DataError
        If the tracks are refused, or a track file is there already.
    ConfigError
        If names or numbers cannot be used, or an entry of that name says otherwise.
    """
    found.check()
    file = output / "experiments.yaml"
    old = next((item for item in _there(file) if item.name == options.name), None)
    if old is None:
        tracks, entry = output / f"{options.name}.tracks", _entry(plate, fov, output, options)
        ExperimentConfig(**entry)  # names and numbers are checked before anything is written
    else:
        tracks, entry = old.tracks_root, _extended(old, plate, fov, file, options)
    content = with_entry(file, entry)
    notes = finish_tracks(tracks)
    check_target(tracks, [fov], overwrite)
    replace_tracks(tracks, {fov: track_file(found.columns)})
    write_bytes_atomically(file, content)
    counts = found.counts
    report = ConversionReport(plate.path, tracks, file, notes=notes)
    frames = plate.fovs[fov].shape[0]
    report.fovs.append(
        FovConversion(found.source, fov, frames, counts.observations, counts.tracks, counts.divisions)
    )
    return report


def _entry(plate: PlateLayout, fov: str, output: Path, options: ArrayOptions) -> dict[str, Any]:
    names = list(plate.channel_names)
    return {
        "name": options.name,
        "data_path": _seen_from(output, plate.path),
        "tracks_path": f"{options.name}.tracks",
        "channel_names": names,
        "source_channel": names,
        "condition_wells": options.conditions_of([well_of(fov)]),
        "interval_minutes": float(options.interval_minutes),
        "start_hpi": float(options.start_hpi),
    }


def _seen_from(output: Path, plate: Location) -> str:
    """Return the path of a plate, relative if it lies inside the folder."""
    if isinstance(plate, Path) and plate.resolve().is_relative_to(output.resolve()):
        return plate.resolve().relative_to(output.resolve()).as_posix()
    return str(plate)


def _is_same(one: Location, other: Location) -> bool:
    paths = isinstance(one, Path) and isinstance(other, Path)
    return os.path.realpath(str(one)) == os.path.realpath(str(other)) if paths else one == other


def _extended(
    old: ExperimentConfig, plate: PlateLayout, fov: str, file: Path, options: ArrayOptions
) -> dict[str, Any]:
    """Return what changes in an entry that is there: one more well; what a person wrote stays."""
    if not _is_same(old.plate_path, plate.path):
        what, fix = f"experiment '{options.name}' is of another plate", "Choose another name."
        raise ConfigError(problem(what, file=file, expected=plate.path, found=old.data_path, fix=fix))
    if abs(old.interval_minutes - options.interval_minutes) > _SAME_MINUTES:
        what = f"experiment '{options.name}' has another interval"
        expected, said = old.interval_minutes, options.interval_minutes
        raise ConfigError(problem(what, file=file, field="interval_minutes", expected=expected, found=said))
    well, label = well_of(fov), old.condition_of(well_of(fov))
    asked = next(name for name, wells in options.conditions_of([well]).items() if well in wells)
    if label not in (None, asked):
        what = f"well {well} has another condition"
        raise ConfigError(problem(what, file=file, field="condition", expected=label, found=asked))
    wells = {name: list(items) for name, items in old.condition_wells.items()}
    if label is None:
        wells.setdefault(asked, []).append(well)
    return {"name": old.name, "condition_wells": wells}


def _there(file: Path) -> list[ExperimentConfig]:
    return list(read_experiments(file)) if file.exists() else []


def tracks_onto_arrays(
    found: TracksPreview,
    channels: Mapping[str, Any],
    output: Path,
    options: ArrayOptions,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ConversionReport:
    """Write images and the tracks over them as `convert_arrays` does.

    Observations outside the image are left out; how many, the report of the source says.

    Raises
    ------
    DataError
        If the tracks are refused, or as `convert_arrays` says.
    """
    found.check()
    shape = next(iter(channels.values())).shape
    rows, graph = rows_and_graph(found, (int(shape[-2]), int(shape[-1])), deep=len(shape) == 4)
    return convert_arrays(channels, rows, graph, output, options, overwrite=overwrite, progress=progress)


def rows_and_graph(
    found: TracksPreview, image_yx: tuple[int, int], *, deep: bool
) -> tuple[npt.NDArray[np.float64], dict[int, list[int]]]:
    """Return tracks as napari has them: rows (n, 4) track, t, y, x or (n, 5) track, t, z, y, x, and a graph.

    Observations outside the image, and links to tracks that lie outside altogether, are left out.

    Parameters
    ----------
    found
        The tracks.
    image_yx
        Size of the image.
    deep
        Whether the image has slices; tracks without z have no such column.

    Raises
    ------
    DataError
        If ids are too large for what holds them.
    """
    columns, limit = found.columns, 2**53
    track = columns[keys.TRACK_ID]
    if track.size and (int(track.max()) >= limit or int(track.min()) < 0):
        what, expected = "track ids out of range", "0 to 2**53 - 1"
        shown = listing(track[(track >= limit) | (track < 0)].tolist(), 3)
        raise DataError(problem(what, file=found.source, field=keys.TRACK_ID, expected=expected, found=shown))
    y, x = columns[keys.Y], columns[keys.X]
    inside = (y >= -0.5) & (y <= image_yx[0] - 0.5) & (x >= -0.5) & (x <= image_yx[1] - 0.5)
    names = [keys.TRACK_ID, keys.T, *([keys.Z] if deep and keys.Z in columns else []), keys.Y, keys.X]
    rows = np.column_stack([columns[name][inside].astype(np.float64) for name in names])
    ids, first = np.unique(track[inside], return_index=True)
    mother = columns.get(keys.PARENT_TRACK_ID, np.full(track.size, keys.NO_PARENT))[inside][first]
    known = np.isin(mother, ids) & (mother != ids)
    graph = {int(child): [int(parent)] for child, parent in zip(ids[known], mother[known], strict=True)}
    return rows, graph
