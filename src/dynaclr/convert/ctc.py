"""Turns Cell Tracking Challenge sequences into a plate, track files and an experiments.yaml entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import ConfigError, DataError, problem
from dynaclr.convert.ctc_files import CtcSequence, find_sequence, read_image, read_lbep
from dynaclr.convert.label_centers import label_centers
from dynaclr.convert.report import ConversionReport, FovConversion
from dynaclr.convert.target import Target
from dynaclr.images import PlateWriter


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
        Name of the one channel.
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
    found = [find_sequence(folder, masks[i] if masks else None) for i, folder in enumerate(sequences)]
    fovs = _fov_names(options, len(found))
    target = Target(output, _entry(options, fovs), overwrite)
    states = [sequence.state() for sequence in found]
    report = ConversionReport(target.plate, target.tracks, target.experiments_yaml)
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
        "channel_names": [options.channel_name],
        "source_channel": [options.channel_name],
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
    for t, (image_path, mask_path) in enumerate(zip(sequence.images, sequence.masks, strict=True)):
        image, mask = read_image(image_path), read_image(mask_path)
        if first is None:
            first = image
            writer.create_fov(fov, (len(sequence.images), 1, *image.shape), image.dtype)
        for path, other in ((image_path, image), (mask_path, mask)):
            if other.shape != first.shape:
                raise DataError(
                    problem("image sizes differ", file=path, expected=first.shape, found=other.shape)
                )
        if image.dtype != first.dtype:
            raise DataError(
                problem("data types differ", file=image_path, expected=first.dtype, found=image.dtype)
            )
        writer.write_frame(fov, t, image[None])
        labels, centers = label_centers(mask)
        rows.append(np.column_stack([np.full(labels.size, t), labels, centers]))
        tell(t + 1)
    counts.frames = len(sequence.images)
    return np.concatenate(rows)


def _track_table(rows: npt.NDArray[np.float64], sequence: CtcSequence, counts: FovConversion) -> Any:
    """Return the track table of a sequence; a single child continues its parent's track."""
    import pandas as pd

    lbep = read_lbep(sequence.table)
    identity, parent = _identities(lbep, counts)
    spans = {int(label): (int(begin), int(end)) for label, begin, end, _ in lbep}
    counts.cut_off = [label for label, (_, end) in spans.items() if end >= counts.frames]
    seen = {(int(t), int(label)) for t, label in rows[:, :2]}
    counts.missing_labels = [
        (t, label)
        for label, (begin, end) in spans.items()
        for t in range(begin, min(end + 1, counts.frames))
        if (t, label) not in seen
    ]
    counts.extra_labels = sorted(
        (t, label) for t, label in seen if label not in spans or not spans[label][0] <= t <= spans[label][1]
    )
    extra = set(counts.extra_labels)
    kept = np.array([(int(t), int(label)) not in extra for t, label in rows[:, :2]], dtype=bool)
    t, label = rows[kept, 0].astype(np.int64), rows[kept, 1].astype(np.int64)
    track = np.array([identity[number] for number in label.tolist()], dtype=np.int64)
    frame = pd.DataFrame(
        {
            "track_id": track,
            "t": t,
            "id": (t + 1) * max(1_000_000, 10 ** len(str(label.max(initial=0)))) + label,
            "parent_track_id": [parent[number] for number in track.tolist()],
            "z": rows[kept, 2],
            "y": rows[kept, 3],
            "x": rows[kept, 4],
        }
    )
    if not len(frame):
        raise DataError(problem("no label of the table is in the masks", file=sequence.table))
    counts.observations, counts.tracks = len(frame), int(frame.track_id.nunique())
    columns = [name for name in frame.columns if name != "z" or frame.z.any()]
    return frame.sort_values(["track_id", "t"], ignore_index=True)[columns]


def _identities(lbep: npt.NDArray[np.int64], counts: FovConversion) -> tuple[dict[int, int], dict[int, int]]:
    """Return {label: track id} and {track id: parent track id or -1}.

    A parent with one child is a re-appearance after a gap, not a division; but for a child that begins
    while its parent goes on, such as a bud: that is a daughter.
    """
    spans = {label: (begin, end) for label, begin, end, _ in lbep.tolist()}
    children: dict[int, list[int]] = {}
    for label, _, _, mother in lbep.tolist():
        if mother:
            children.setdefault(mother, []).append(label)
    counts.divisions = sum(len(items) > 1 for items in children.values())
    continued = {
        mother: items[0]
        for mother, items in children.items()
        if len(items) == 1 and spans[items[0]][0] > spans[mother][1]
    }
    counts.reappearances = len(continued)
    counts.beside_parent = sum(
        spans[child][0] <= spans[mother][1] for mother, items in children.items() for child in items
    )
    mothers = {label: mother for label, _, _, mother in lbep.tolist()}
    identity: dict[int, int] = {}
    for label in mothers:
        here, chain = label, {label}
        while (mother := mothers[here]) and continued.get(mother) == here:
            here = mother
            if here in chain:
                raise DataError(
                    problem(
                        "tracks are their own ancestors (cycle)", found=" -> ".join(map(str, sorted(chain)))
                    )
                )
            chain.add(here)
        identity[label] = here
    parent = {track: identity[mothers[track]] if mothers[track] else -1 for track in set(identity.values())}
    return identity, parent
