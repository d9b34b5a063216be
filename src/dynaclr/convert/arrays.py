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
from dynaclr.base.errors import ConfigError, problem
from dynaclr.convert.frames import common_shape, read_frame
from dynaclr.convert.report import ConversionReport, FovConversion
from dynaclr.convert.target import Target
from dynaclr.convert.track_rows import track_table
from dynaclr.experiment import ExperimentConfig

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
    condition, well
        What was done to the cells, and the well of the plate, "row/column", that stands for it.
    start_hpi
        Hours after perturbation at frame 0.
    version
        OME-NGFF version of the plate.
    """

    name: str
    interval_minutes: float
    pixel_size_um: float = 1.0
    z_step_um: float = 1.0
    condition: str = "control"
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
        if not self.condition.strip():
            raise ConfigError(problem("the condition has no name", field="condition", expected="a text"))

    def config(self, channel_names: Sequence[str]) -> ExperimentConfig:
        """Return the experiment with channels of these names.

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
            condition_wells={self.condition: [self.well]},
            interval_minutes=float(self.interval_minutes),
            start_hpi=float(self.start_hpi),
        )


def convert_arrays(
    channels: Mapping[str, Any],
    tracks: npt.ArrayLike,
    graph: Mapping[int, Sequence[int]],
    output: Path,
    options: ArrayOptions,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ConversionReport:
    """Write one field of view as an experiment: <output>/<name>.zarr, <name>.tracks, experiments.yaml.

    Statistics are left to `preprocess`, or to a training with ``missing_statistics: compute``.

    Parameters
    ----------
    channels
        {name: (T, Y, X) or (T, Z, Y, X)}: anything with a shape and a dtype whose item t becomes an array,
        of numpy, dask, zarr or tensorstore. Each frame is read once.
    tracks
        (n, 4) track, t, y, x or (n, 5) track, t, z, y, x, in pixels and frames from 0. z is left out where
        the image has one slice.
    graph
        {child: [parent]} of tracks.
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
    shape, dtype = common_shape(channels)
    table = track_table(tracks, graph, shape)
    target = Target(output, _entry(options.config(list(channels))), overwrite)
    fov = f"{options.well}/0"
    pixel = options.pixel_size_um
    scale = (options.interval_minutes * 60, 1.0, options.z_step_um, pixel, pixel)
    with target.writing(scale, options.version) as (writer, tables):
        import pandas as pd

        tables[fov] = pd.DataFrame(table)
        writer.create_fov(fov, (shape[0], len(channels), *shape[1:]), dtype)
        for t in range(shape[0]):
            frame = np.empty((len(channels), *shape[1:]), dtype)
            for place, (name, channel) in enumerate(channels.items()):
                frame[place] = read_frame(channel, name, t, shape[1:])
            writer.write_frame(fov, t, frame)
            if progress is not None:
                progress(t + 1, shape[0])
    report = ConversionReport(target.plate, target.tracks, target.experiments_yaml, notes=list(target.notes))
    report.fovs.append(_counts(target.plate, fov, table, shape[0]))
    return report


def _entry(config: ExperimentConfig) -> dict[str, Any]:
    return {
        "name": config.name,
        "channel_names": list(config.channel_names),
        "source_channel": list(config.source_channel),
        "condition_wells": config.condition_wells,
        "interval_minutes": config.interval_minutes,
        "start_hpi": config.start_hpi,
    }


def _counts(plate: Path, fov: str, table: Mapping[str, npt.NDArray[Any]], frames: int) -> FovConversion:
    ids, first = np.unique(table[keys.TRACK_ID], return_index=True)
    mothers = table[keys.PARENT_TRACK_ID][first]
    _, daughters = np.unique(mothers[mothers != keys.NO_PARENT], return_counts=True)
    divisions = int(np.count_nonzero(daughters > 1))
    return FovConversion(plate, fov, frames, len(table[keys.T]), ids.size, divisions)
