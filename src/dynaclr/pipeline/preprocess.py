"""Computes statistics of pixels per data set, FOV and frame and stores them.

Each FOV is stored when it is done, so that an interrupted run goes on where it stopped. A second
process at work on the same plate waits, and then finds everything done.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import reduce
from itertools import product
from typing import Any

import numpy as np

from dynaclr.base import keys
from dynaclr.base.cores import cpu_limit
from dynaclr.base.errors import DataError, listing
from dynaclr.base.locking import locked
from dynaclr.experiment import FovEntry, FovLayout, PlateLayout
from dynaclr.images import (
    Moments,
    data_box,
    forget_partials,
    frame_moments,
    frames_not_finite,
    frames_padded,
    make_context,
    open_array,
    origin,
    read_partial,
    read_stored,
    sidecar_path,
    store_partial,
    stored_statistics,
    unreadable,
    writable_folder,
    write_into_plate,
    write_sidecar,
)
from dynaclr.index import MultiExperimentIndex

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class PreprocessReport:
    """What `preprocess_plate` did.

    Attributes
    ----------
    computed, kept
        FOVs that were computed, and FOVs that had statistics already.
    no_data
        {FOV: {channel: frames that did not count, or not whole: blank, or with chunks that are not stored}}.
    not_finite
        FOVs and channels of which pixels are NaN or Inf, with frames and shares, in words.
    padded
        FOVs and channels whose images are padded at their borders, with frames, in words.
    replaced
        FOVs whose plate holds statistics of its own, which training no longer uses.
    """

    computed: tuple[str, ...]
    kept: tuple[str, ...]
    no_data: Mapping[str, Mapping[str, Sequence[int]]] = field(default_factory=dict)
    replaced: tuple[str, ...] = ()
    not_finite: tuple[str, ...] = ()
    padded: tuple[str, ...] = ()

    def text(self) -> str:
        """Return what a person should know, in one line a fact."""
        lines = [f"{len(self.computed)} FOVs computed, {len(self.kept)} already present"]
        for fov, channels in self.no_data.items():
            for channel, frames in channels.items():
                lines.append(
                    f"  {fov} {channel}: {len(frames)} frames are blank or have missing chunks "
                    f"and are not counted: {listing(map(str, frames), 5)}"
                )
        lines += [f"  {text} are NaN or Inf and are not counted" for text in self.not_finite]
        lines += [f"  {text} are padded at their borders, which are not counted" for text in self.padded]
        if self.replaced:
            lines.append(
                f"  {len(self.replaced)} FOVs hold statistics of their own in the plate; training uses those "
                f"computed now: {listing(self.replaced, 5)}"
            )
        return "\n".join(lines)


def preprocess_plate(
    plate: PlateLayout,
    channels: Sequence[str] | None = None,
    *,
    into_plate: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> PreprocessReport:
    """Compute and store the statistics of a plate.

    Parameters
    ----------
    plate
        The plate.
    channels
        Names of the channels; None for all.
    into_plate
        Whether to write into the positions' attributes ("normalization"); else into a folder beside
        the plate.
    overwrite
        Whether to recompute existing statistics already.
    progress
        Called with (frames done, frames in all), and with (0, 0) while another process is at work on
        the plate; what it raises ends the work.

    Raises
    ------
    DataError
        If pixels cannot be read or statistics cannot be written.
    """
    names = list(plate.channel_names if channels is None else channels)
    for layout in plate.fovs.values() if into_plate else ():
        writable_folder(layout)
    if not overwrite and all(_has_all(layout, names) for layout in plate.fovs.values()):
        return PreprocessReport((), tuple(plate.fovs))
    tell = progress or _silent
    with locked(sidecar_path(plate.path), math.inf, "statistics", lambda: tell(0, 0)):
        return _preprocess(plate, names, into_plate, overwrite, tell)


def _silent(done: int, total: int) -> None:
    """Tell nobody."""


def _preprocess(
    plate: PlateLayout, names: Sequence[str], into_plate: bool, overwrite: bool, tell: Progress
) -> PreprocessReport:
    """Compute what is missing now that no other process does."""
    channels = {name: plate.channel_names.index(name) for name in names}
    work = [layout for layout in plate.fovs.values() if overwrite or not _has_all(layout, names)]
    kept = [layout for layout in plate.fovs.values() if layout not in work]
    total, done = sum(layout.shape[0] for layout in work), 0
    pooled = {name: Moments() for name in names}
    for layout in kept if work else ():
        _pool(pooled, _compute(layout, channels))
    results: dict[str, FovResult] = {}
    for layout in work:
        origins = {name: origin(layout, place) for name, place in channels.items()}
        partial = None if overwrite else read_partial(layout, origins)
        if partial is None:
            result = _compute(layout, channels)
            content = {"statistics": result.statistics, "no_data": result.no_data}
            store_partial(layout, content, result.moments, origins)
        else:
            moments = {name: Moments.from_json(partial["moments"][name]) for name in names}
            result = FovResult(partial["statistics"], moments, partial["no_data"])
        _pool(pooled, result)
        results[layout.name] = result
        done += layout.shape[0]
        tell(done, total)
    write = write_into_plate if into_plate else write_sidecar
    shared = {name: pooled[name].statistics() for name in names}
    if work:
        _share_with_kept(kept, shared, write)
    replaced = []
    for layout in work:
        statistics = results[layout.name].statistics
        for name in names:
            statistics[name][keys.DATASET_STATISTICS] = shared[name]
        origins = {name: origin(layout, place) for name, place in channels.items()}
        own = [name for name in names if name in (layout.attributes.get(keys.NORMALIZATION) or {})]
        if into_plate:
            write_into_plate(layout, statistics, origins)
        else:
            write_sidecar(layout, statistics, origins, own if overwrite else ())
            replaced += [layout.name] * bool(own and overwrite)
    forget_partials(work)
    no_data = {name: result.no_data for name, result in results.items() if result.no_data}
    by_frame = {
        f"{name} {channel}": levels[keys.TIMEPOINT_STATISTICS]
        for name, result in results.items()
        for channel, levels in result.statistics.items()
    }
    strange = tuple(text for where, frames in by_frame.items() for text in frames_not_finite(frames, where))
    padded = tuple(text for where, frames in by_frame.items() for text in frames_padded(frames, where))
    computed, left = (tuple(layout.name for layout in layouts) for layouts in (work, kept))
    return PreprocessReport(computed, left, no_data, tuple(replaced), strange, padded)


def _pool(pooled: dict[str, Moments], result: FovResult) -> None:
    for name in pooled:
        pooled[name] = pooled[name].merged(result.moments[name])


def _share_with_kept(kept: Sequence[FovLayout], shared: dict[str, Any], write: Callable[..., None]) -> None:
    """Make the statistics of the data set one for all its FOVs, those of before included.

    Where an FOV's own attributes hold them and may not be written, theirs are taken over instead: a
    plate that came with statistics keeps them, and FOVs that were added follow.
    """
    given = {
        layout.name: {} if write is write_into_plate else _given(layout, list(shared)) for layout in kept
    }
    for own in given.values():
        shared.update({name: {**shared[name], **values} for name, values in own.items()})
    for layout in kept:
        stored = stored_statistics(layout.plate, FovEntry(0, "", layout)).statistics
        changed = {
            name: {**stored[name], keys.DATASET_STATISTICS: value}
            for name, value in shared.items()
            if stored is not None and name not in given[layout.name]
        }
        if changed:
            write(layout, changed, {})


def _given(layout: FovLayout, names: Sequence[str]) -> dict[str, Any]:
    """Return the statistics of the data set that an FOV's own attributes hold, by channel."""
    own = layout.attributes.get(keys.NORMALIZATION) or {}
    return {
        name: own[name][keys.DATASET_STATISTICS]
        for name in names
        if keys.DATASET_STATISTICS in own.get(name, {})
    }


def preprocess_missing(index: MultiExperimentIndex, progress: Progress | None = None) -> bool:
    """Compute the statistics that an index's FOVs lack, into folders beside their plates.

    Parameters
    ----------
    index
        Whose experiments.
    progress
        Called with (frames done, all frames) of the plate at work.

    Returns
    -------
    Whether what the index left out, since its pixels are no data, is still all.
    """
    for config in index.registry.experiments:
        plate = index.registry.plates[config.name]
        preprocess_plate(plate, list(config.source_channel), progress=progress)
    return index.renew_norms()


def _has_all(layout: FovLayout, names: Sequence[str]) -> bool:
    """Return whether the stored statistics of an FOV hold every statistic of all channels and levels."""
    stored = stored_statistics(layout.plate, FovEntry(0, "", layout)).statistics or {}
    return all(
        _complete(
            stored.get(name, {}).get(level), layout.shape[0] if level == keys.TIMEPOINT_STATISTICS else None
        )
        for name in names
        for level in keys.STATISTICS_LEVELS
    )


def _complete(level: Any, frames: int | None) -> bool:
    """Return whether a level of statistics (of each frame, if their number is given) lacks none."""
    if not isinstance(level, Mapping):
        return False
    parts = [level] if frames is None else [level.get(str(frame), {}) for frame in range(frames)]
    return all(isinstance(part, Mapping) and set(keys.STATISTICS) <= set(part) for part in parts)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of one channel: moments, whether it is stored as a whole, and the part that is no padding."""

    moments: Moments
    whole: bool
    box: tuple[int, int, int, int] | None = None

    def statistics(self) -> dict[str, Any]:
        """Return the statistics of the frame, with the box of its data where it is padded."""
        return {**self.moments.statistics(), **({} if self.box is None else {keys.DATA_BOX: list(self.box)})}


@dataclass(frozen=True, slots=True)
class FovResult:
    """What was computed of one FOV: {channel: levels}, {channel: moments}, {channel: frames without data}."""

    statistics: dict[str, Any]
    moments: dict[str, Moments]
    no_data: dict[str, list[int]]


def _compute(layout: FovLayout, channels: Mapping[str, int]) -> FovResult:
    """Return what the pixels of one FOV give; frames that are blank count for themselves only."""
    context = make_context(0)
    strict = open_array(layout, context, zeros_for_missing=False)
    lenient = open_array(layout, context, zeros_for_missing=True)

    def one(frame: int) -> list[Frame]:
        try:
            return [_frame(strict[frame, place], lenient[frame, place]) for place in channels.values()]
        except (ValueError, OSError) as error:
            raise DataError(unreadable(layout, frame, error)) from error

    with ThreadPoolExecutor(max_workers=cpu_limit()) as pool:
        frames = list(pool.map(one, range(layout.shape[0])))
    result = FovResult({}, {}, {})
    for number, name in enumerate(channels):
        of_frames = [frame[number] for frame in frames]
        used = (frame.moments for frame in of_frames if not frame.moments.blank)
        total = reduce(Moments.merged, used, Moments())
        result.moments[name] = total
        result.statistics[name] = {
            keys.FOV_STATISTICS: total.statistics(),
            keys.TIMEPOINT_STATISTICS: {str(t): frame.statistics() for t, frame in enumerate(of_frames)},
        }
        lacking = [t for t, frame in enumerate(of_frames) if frame.moments.blank or not frame.whole]
        if lacking:
            result.no_data[name] = lacking
    return result


def _frame(strict: Any, lenient: Any) -> Frame:
    """Return what the pixels of a frame (Z, Y, X) give that are stored and no padding.

    The frame as it is read where a chunk that is not stored is an error, and where it is zeros.
    """
    pixels = read_stored(strict)
    whole = pixels is not None
    if pixels is None:
        pixels = lenient.read().result()
    box = data_box(pixels)
    inside = slice(None), slice(*box[:2]), slice(*box[2:])
    padded = box if pixels[inside].size < pixels.size else None
    if whole:
        return Frame(frame_moments(pixels[inside]), True, padded)
    stored = np.zeros(pixels.shape, dtype=bool)
    for part in _chunks(strict):
        stored[part] = read_stored(strict[part]) is not None
    return Frame(frame_moments(pixels[inside][stored[inside]]), False, padded)


def _chunks(plane: Any) -> Iterator[tuple[slice, ...]]:
    """Give the parts of an array that are stored together."""
    stored = plane.chunk_layout.read_chunk.shape
    sizes = [size or length for size, length in zip(stored, plane.shape, strict=True)]  # None: not stored
    for corner in product(*(range(0, length, size) for length, size in zip(plane.shape, sizes, strict=True))):
        yield tuple(slice(a, min(a + s, n)) for a, s, n in zip(corner, sizes, plane.shape, strict=True))
