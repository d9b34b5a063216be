"""Turns Cell Tracking Challenge sequences into a plate, track files and an experiments.yaml entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import ConfigError, DataError, listing, problem
from dynaclr.convert.report import ConversionReport, FovConversion
from dynaclr.convert.target import Target
from dynaclr.images import PlateWriter
from dynaclr.tracks.sources.ctc import label_tracks
from dynaclr.tracks.sources.ctc_files import CtcSequence, find_sequence, read_image, read_lbep
from dynaclr.tracks.sources.label_centers import label_centers


@dataclass(frozen=True, slots=True)
class CtcOptions:
    """What a sequence's files do not say.

    Attributes
    ----------
    name
        Name of the experiment, plate and tracks.
    interval_minutes, pixel_size_um, z_step_um
        Calibration.
    conditions
        One a sequence, or one for all. Sequences of one condition share a well.
    channel_name
        Name of the channel of the sequences' own images.
    channels
        {name: folders of images, one a sequence} of further channels.
    start_hpi
        Hours after perturbation at frame 0.
    version
        OME-NGFF version of the plate.
    """

    name: str
    interval_minutes: float
    pixel_size_um: float = 1.0
    z_step_um: float = 1.0
    conditions: Sequence[str] = ("control",)
    channel_name: str = "image"
    channels: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    start_hpi: float = 0.0
    version: Literal["0.4", "0.5"] = "0.4"


def convert_ctc(
    sequences: Sequence[Path],
    output: Path,
    options: CtcOptions,
    *,
    masks: Sequence[Path] | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ConversionReport:
    """Convert sequences into one experiment: <output>/<name>.zarr, <name>.tracks, experiments.yaml.

    Parameters
    ----------
    sequences
        Folders of images, each becomes a field of view.
    output
        Folder; made if need be. An experiments.yaml that is there gets one more entry, or another in
        place of that of this name; the rest of it stays to the byte.
    options
        Calibration and names.
    masks
        Folders of masks and table, one a sequence; None to look beside the images.
    overwrite
        Whether plate and tracks of that name may be replaced.
    progress
        Called with (frames done, frames in all).

    Raises
    ------
    DataError
        If files are missing, damaged, do not fit each other or change meanwhile; or the target exists.
    ConfigError
        If a name or number cannot be used.
    """
    if not sequences:
        raise ConfigError(problem("no sequence to convert", expected="at least one folder"))
    for name, folders in options.channels.items():
        if len(folders) != len(sequences):
            what = f"channel {name} needs a folder for each sequence"
            raise ConfigError(
                problem(what, field="channel", expected=len(sequences), found=listing(folders) or "none")
            )
    found = [
        find_sequence(
            Path(folder),
            masks[i] if masks else None,
            [Path(folders[i]) for folders in options.channels.values()],
        )
        for i, folder in enumerate(sequences)
    ]
    fovs = _fov_names(options, len(found))
    target = Target(output, _entry(options, fovs), overwrite)
    states = [sequence.state() for sequence in found]
    report = ConversionReport(target.plate, target.tracks, target.experiments_yaml, notes=list(target.notes))
    total, done = sum(len(sequence.images) for sequence in found), 0
    pixel = options.pixel_size_um
    scale = (options.interval_minutes * 60, 1.0, options.z_step_um, pixel, pixel)
    with target.writing(scale, options.version) as (writer, tables):
        for sequence, fov in zip(found, fovs, strict=True):
            counts = FovConversion(sequence.folder, fov)
            rows = _write_fov(writer, sequence, fov, counts, partial(_tell, progress, done, total))
            done += len(sequence.images)
            tables[fov] = _track_table(rows, sequence, counts)
            report.fovs.append(counts)
        for sequence, state in zip(found, states, strict=True):
            if sequence.state() != state:
                raise DataError(
                    problem("files changed during the conversion", file=sequence.folder, fix="Convert again.")
                )
    return report


def _tell(progress: Callable[[int, int], None] | None, before: int, total: int, frames: int) -> None:
    if progress is not None:
        progress(before + frames, total)


def _fov_names(options: CtcOptions, count: int) -> list[str]:
    """Return "A/1/0" ...: a row of the plate for each condition."""
    conditions = list(options.conditions) * (count if len(options.conditions) == 1 else 1)
    if len(conditions) != count:
        raise ConfigError(
            problem(
                "conditions do not match the sequences",
                field="conditions",
                expected=count,
                found=len(conditions),
            )
        )
    labels = list(dict.fromkeys(conditions))
    if len(labels) > 26:
        raise ConfigError(
            problem("too many conditions", field="conditions", expected="at most 26", found=len(labels))
        )
    used: dict[str, int] = {}
    names = []
    for condition in conditions:
        field = used.get(condition, 0)
        used[condition] = field + 1
        names.append(f"{chr(ord('A') + labels.index(condition))}/1/{field}")
    return names


def _entry(options: CtcOptions, fovs: Sequence[str]) -> dict[str, Any]:
    labels = list(dict.fromkeys(options.conditions))
    wells = dict.fromkeys(fov.rpartition("/")[0] for fov in fovs)
    return {
        "name": options.name,
        "channel_names": [options.channel_name, *options.channels],
        "source_channel": [options.channel_name, *options.channels],
        "condition_wells": {label: [well] for label, well in zip(labels, wells, strict=True)},
        "interval_minutes": float(options.interval_minutes),
        "start_hpi": float(options.start_hpi),
    }


def _write_fov(
    writer: PlateWriter, sequence: CtcSequence, fov: str, counts: FovConversion, tell: Callable[[int], None]
) -> npt.NDArray[np.float64]:
    """Write the images of a sequence; return (n, 5): frame, label, z, y, x of every mask label."""
    rows = []
    first: npt.NDArray[Any] | None = None
    for t, (mask_path, *paths) in enumerate(
        zip(sequence.masks, sequence.images, *sequence.channels, strict=True)
    ):
        mask, images = read_image(mask_path), [read_image(path) for path in paths]
        if first is None:
            first = images[0]
            writer.create_fov(fov, (len(sequence.images), len(images), *first.shape), first.dtype)
        for path, other in ((mask_path, mask), *zip(paths, images, strict=True)):
            if other.shape != first.shape:
                raise DataError(
                    problem("image sizes differ", file=path, expected=first.shape, found=other.shape)
                )
            if other is not mask and other.dtype != first.dtype:
                raise DataError(
                    problem("data types differ", file=path, expected=first.dtype, found=other.dtype)
                )
        writer.write_frame(fov, t, np.stack(images))
        labels, centers = label_centers(mask)
        rows.append(np.column_stack([np.full(labels.size, t), labels, centers]))
        tell(t + 1)
    counts.frames = len(sequence.images)
    return np.concatenate(rows)


def _track_table(rows: npt.NDArray[np.float64], sequence: CtcSequence, counts: FovConversion) -> Any:
    """Return the track table of a sequence, and count what it holds."""
    import pandas as pd

    columns, found = label_tracks(rows, read_lbep(sequence.table), range(counts.frames), sequence.table)
    if not columns[keys.T].size:
        raise DataError(problem("no label of the table is in the masks", file=sequence.table))
    counts.labels = found
    counts.observations, counts.tracks = len(columns[keys.T]), int(np.unique(columns[keys.TRACK_ID]).size)
    counts.divisions = found.divisions
    if not columns[keys.Z].any():
        del columns[keys.Z]
    return pd.DataFrame(columns)
