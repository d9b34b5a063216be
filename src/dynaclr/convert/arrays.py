"""Turns arrays of channels and rows of tracks into one experiment."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import ConfigError, DataError, listing, problem
from dynaclr.convert.frames import common_shape, read_frame
from dynaclr.convert.report import ConversionReport, FovConversion
from dynaclr.convert.target import Target
from dynaclr.convert.track_rows import track_table
from dynaclr.experiment import ExperimentConfig
from dynaclr.experiment.plates import is_fov_name, well_of

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ArrayOptions:
    """What arrays do not say.

    Attributes
    ----------
    name
        Name of the experiment, plate and tracks.
    interval_minutes
        Time between frames.
    pixel_size_um, z_step_um
        Calibration; 1 for unknown.
    condition
        What was done to the cells; {condition: wells} where wells differ.
    well
        The well of the plate, "row/column", of a single field of view.
    start_hpi
        Hours after perturbation at frame 0.
    version
        OME-NGFF version of the plate.
    """

    name: str
    interval_minutes: float
    pixel_size_um: float = 1.0
    z_step_um: float = 1.0
    condition: str | Mapping[str, Sequence[str]] = "control"
    well: str = "A/1"
    start_hpi: float = 0.0
    version: Literal["0.4", "0.5"] = "0.4"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.interval_minutes) and self.interval_minutes > 0):
            raise ConfigError(
                problem(
                    "the frame interval is missing",
                    field="interval_minutes",
                    expected="minutes between frames, more than 0",
                    found=self.interval_minutes,
                )
            )
        for field in ("pixel_size_um", "z_step_um"):
            size = getattr(self, field)
            if not (math.isfinite(size) and size > 0):
                raise ConfigError(
                    problem("not a pixel size", field=field, expected="more than 0 micrometers", found=size)
                )
        labels = [self.condition] if isinstance(self.condition, str) else list(self.condition)
        if not labels or not all(label.strip() for label in labels):
            raise ConfigError(problem("the condition has no name", field="condition", expected="a text"))

    def conditions_of(self, wells: Sequence[str]) -> dict[str, list[str]]:
        """Return {condition: wells}.

        Raises
        ------
        ConfigError
            If one of these wells has none.
        """
        given = {self.condition: wells} if isinstance(self.condition, str) else self.condition
        conditions = {label: list(of) for label, of in given.items()}
        unknown = [well for well in wells if well not in {one for of in conditions.values() for one in of}]
        if unknown:
            what = f"wells without a condition: {listing(unknown)}"
            raise ConfigError(problem(what, field="condition", expected=listing(wells), found=conditions))
        return conditions

    def config(self, channel_names: Sequence[str], wells: Sequence[str] = ()) -> ExperimentConfig:
        """Return the experiment with channels of these names, and wells other than `well`.

        Raises
        ------
        ConfigError
            If a name or number cannot be used.
        """
        return ExperimentConfig(
            name=self.name,
            data_path=Path(f"{self.name}.zarr"),
            tracks_path=Path(f"{self.name}.tracks"),
            channel_names=channel_names,
            source_channel=channel_names,
            condition_wells=self.conditions_of(list(wells) or [self.well]),
            interval_minutes=float(self.interval_minutes),
            start_hpi=float(self.start_hpi),
        )


def convert_arrays(
    channels: Mapping[str, Any],
    tracks: Any,
    graph: Mapping[Any, Any] | None,
    output: str | Path,
    options: ArrayOptions,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ConversionReport:
    """Write fields of view as an experiment: <output>/<name>.zarr, <name>.tracks, experiments.yaml.

    Statistics are left to `preprocess`, or to a training with ``missing_statistics: compute``.

    Parameters
    ----------
    channels
        {name: (T, Y, X) or (T, Z, Y, X)}: anything with a shape and a dtype whose item t becomes an array,
        of numpy, dask, zarr or tensorstore. Each frame is read once. Of several fields of view
        {"A/1/0": {name: array}}, with the same names in each; then tracks and graph are by field of view
        too.
    tracks
        (n, 4) track, t, y, x or (n, 5) track, t, z, y, x, in pixels and frames from 0; or a pandas frame or
        mapping with the columns track_id, t, y, x, and if known z and parent_track_id. z is left out where
        the image has one slice.
    graph
        {child: parent} or {child: [parent]} of tracks; None for the table's parent_track_id.
    output
        Folder; made if need be. An experiments.yaml that is there gets one more entry.
    options
        Calibration and names.
    overwrite
        Whether an experiment of that name may be replaced.
    progress
        Called with (frames done, frames in all); what it raises ends the work, and nothing is left of it.

    Raises
    ------
    DataError
        If arrays or tracks cannot be used, or the target exists.
    ConfigError
        If a name or number cannot be used.
    PixelReadError
        If a frame cannot be read.
    """
    if not any(isinstance(value, Mapping) for value in channels.values()):
        fov = f"{options.well}/0"
        channels, tracks, graph = {fov: channels}, {fov: tracks}, {fov: graph}
    fovs = _fovs(channels, tracks, graph or {})
    names = list(next(iter(channels.values())))
    wells = list(dict.fromkeys(well_of(name) for name in fovs))
    target = Target(output, _entry(options.config(names, wells)), overwrite)
    pixel = options.pixel_size_um
    scale = (options.interval_minutes * 60, 1.0, options.z_step_um, pixel, pixel)
    report = ConversionReport(target.plate, target.tracks, target.experiments_yaml, notes=list(target.notes))
    done, total = 0, sum(shape[0] for shape, _, _ in fovs.values())
    with target.writing(scale, options.version) as (writer, tables):
        import pandas as pd

        for fov, (shape, dtype, table) in fovs.items():
            writer.create_fov(fov, (shape[0], len(names), *shape[1:]), dtype)
            for t in range(shape[0]):
                frame = np.empty((len(names), *shape[1:]), dtype)
                for place, name in enumerate(names):
                    frame[place] = read_frame(channels[fov][name], name, t, shape[1:])
                writer.write_frame(fov, t, frame)
                done += 1
                if progress is not None:
                    progress(done, total)
            if table is not None:
                tables[fov] = pd.DataFrame(table)
            report.fovs.append(_counts(target.plate, fov, table, shape[0]))
    return report


_Table = dict[str, npt.NDArray[Any]]


def _fovs(
    channels: Mapping[str, Any], tracks: Any, graph: Mapping[Any, Any]
) -> dict[str, tuple[tuple[int, int, int, int], np.dtype[Any], _Table | None]]:
    """Return (T, Z, Y, X), the type of numbers and the tracks of each field of view."""
    what = "of several fields of view, each needs {channel: array}"
    odd = [fov for fov, arrays in channels.items() if not isinstance(arrays, Mapping) or not is_fov_name(fov)]
    if odd:
        raise DataError(problem(what, field="channels", expected='{"A/1/0": {...}}', found=listing(odd)))
    if not isinstance(tracks, Mapping) or set(tracks) - set(channels) or set(graph) - set(channels):
        found = listing(tracks) if isinstance(tracks, Mapping) else type(tracks).__name__
        expected = f"by field of view: {listing(channels)}"
        raise DataError(
            problem("tracks and graph do not fit", field="tracks", expected=expected, found=found)
        )
    names = set(next(iter(channels.values())))
    fovs = {}
    for fov, arrays in channels.items():
        if set(arrays) != names:
            found = listing(arrays)
            raise DataError(problem("channels differ", row=fov, expected=listing(sorted(names)), found=found))
        try:
            shape, dtype = common_shape(arrays)
            rows = tracks.get(fov)
            table = None if rows is None else track_table(rows, graph.get(fov), shape)
        except DataError as error:
            raise DataError(f"{fov}: {error}" if len(channels) > 1 else str(error)) from error
        fovs[fov] = shape, dtype, table
    return fovs


def _entry(config: ExperimentConfig) -> dict[str, Any]:
    return {
        "name": config.name,
        "channel_names": list(config.channel_names),
        "source_channel": list(config.source_channel),
        "condition_wells": config.condition_wells,
        "interval_minutes": config.interval_minutes,
        "start_hpi": config.start_hpi,
    }


def _counts(plate: Path, fov: str, table: _Table | None, frames: int) -> FovConversion:
    if table is None:
        return FovConversion(plate, fov, frames)
    ids, first = np.unique(table[keys.TRACK_ID], return_index=True)
    mothers = table[keys.PARENT_TRACK_ID][first]
    _, daughters = np.unique(mothers[mothers != keys.NO_PARENT], return_counts=True)
    divisions = int(np.count_nonzero(daughters > 1))
    return FovConversion(plate, fov, frames, len(table[keys.T]), ids.size, divisions)
