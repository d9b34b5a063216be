"""Computes statistics of pixels per data set, FOV and frame and stores them; knows no cells.

Each FOV is stored when it is done, so that an interrupted run goes on where it stopped. A second
process at work on the same plate waits, and then finds everything done.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from dynaclr.base import keys
from dynaclr.base.cores import cpu_limit
from dynaclr.base.errors import DataError, problem
from dynaclr.base.locking import locked
from dynaclr.experiment import FovEntry, FovLayout, PlateLayout
from dynaclr.images import (
    Moments,
    forget_partials,
    frame_moments,
    make_context,
    open_array,
    read_partial,
    sidecar_path,
    store_partial,
    stored_statistics,
    write_into_plate,
    write_sidecar,
)
from dynaclr.index import MultiExperimentIndex

__all__ = ("PreprocessReport", "preprocess_missing", "preprocess_plate")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class PreprocessReport:
    """What `preprocess_plate` did: FOVs computed, and FOVs that had statistics already."""

    computed: tuple[str, ...]
    kept: tuple[str, ...]


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
        Whether to compute again what is there already.
    progress
        Called with (frames done, frames in all), and with (0, 0) while another process is at work on
        the plate; what it raises ends the work.

    Raises
    ------
    DataError
        If pixels cannot be read or statistics cannot be written.
    """
    names = list(plate.channel_names if channels is None else channels)
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
    places = [plate.channel_names.index(name) for name in names]
    work = [layout for layout in plate.fovs.values() if overwrite or not _has_all(layout, names)]
    kept = [layout for layout in plate.fovs.values() if layout not in work]
    total, done = sum(layout.shape[0] for layout in work), 0
    pooled = {name: Moments() for name in names}
    for layout in kept if work else ():
        _pool_stored(pooled, layout, places)
    results: dict[str, dict[str, Any]] = {}
    for layout in work:
        partial = None if overwrite else read_partial(layout, names)
        if partial is None:
            partial, moments = _compute(layout, names, places)
            store_partial(layout, partial, moments)
        else:
            moments = {name: Moments.from_json(partial["moments"][name]) for name in names}
        for name in names:
            pooled[name] = pooled[name].merged(moments[name])
        results[layout.name] = partial["statistics"]
        done += layout.shape[0]
        tell(done, total)
    write = write_into_plate if into_plate else write_sidecar
    shared = {name: pooled[name].statistics() for name in names}
    if work:
        _share_with_kept(kept, shared, write)
    for layout in work:
        statistics = results[layout.name]
        for name in names:
            statistics[name][keys.DATASET_STATISTICS] = shared[name]
        write(layout, statistics)
    forget_partials(work)
    return PreprocessReport(tuple(item.name for item in work), tuple(item.name for item in kept))


def _share_with_kept(kept: Sequence[FovLayout], shared: dict[str, Any], write: Callable[..., None]) -> None:
    """Make the statistics of the data set one for all its FOVs, those of before included.

    Where an FOV's own attributes hold them and may not be written, theirs are taken over instead: a
    plate that came with statistics keeps them, and FOVs that were added follow.
    """
    given = {
        layout.name: {} if write is write_into_plate else _given(layout, list(shared)) for layout in kept
    }
    for own in given.values():
        shared.update(own)
    for layout in kept:
        stored, _ = stored_statistics(layout.plate, FovEntry(0, "", layout))
        changed = {
            name: {**stored[name], keys.DATASET_STATISTICS: value}
            for name, value in shared.items()
            if stored is not None and name not in given[layout.name]
        }
        if changed:
            write(layout, changed)


def _given(layout: FovLayout, names: Sequence[str]) -> dict[str, Any]:
    """Return the statistics of the data set that an FOV's own attributes hold, by channel."""
    own = layout.attributes.get(keys.NORMALIZATION) or {}
    return {
        name: own[name][keys.DATASET_STATISTICS]
        for name in names
        if keys.DATASET_STATISTICS in own.get(name, {})
    }


def preprocess_missing(index: MultiExperimentIndex, progress: Progress | None = None) -> None:
    """Compute the statistics that an index's FOVs lack, into folders beside their plates.

    Parameters
    ----------
    index
        Whose experiments.
    progress
        Called with (frames done, all frames) of the plate at work.
    """
    for config in index.registry.experiments:
        plate = index.registry.plates[config.name]
        preprocess_plate(plate, list(config.source_channel), progress=progress)


def _has_all(layout: FovLayout, names: Sequence[str]) -> bool:
    """Return whether the stored statistics of an FOV hold all channels and levels."""
    stored, _ = stored_statistics(layout.plate, FovEntry(0, "", layout))
    if stored is None or not all(name in stored for name in names):
        return False
    return all(
        level in stored[name]
        and (level != keys.TIMEPOINT_STATISTICS or len(stored[name][level]) == layout.shape[0])
        for name in names
        for level in keys.STATISTICS_LEVELS
    )


def _pool_stored(pooled: dict[str, Moments], layout: FovLayout, places: Sequence[int]) -> None:
    """Take an FOV that keeps its statistics into the pool: its pixels are read for the quantiles."""
    _, moments = _compute(layout, list(pooled), places)
    for name in pooled:
        pooled[name] = pooled[name].merged(moments[name])


def _compute(
    layout: FovLayout, names: Sequence[str], places: Sequence[int]
) -> tuple[dict[str, Any], dict[str, Moments]]:
    """Return {"statistics": {channel: levels}} of one FOV, and its moments by channel."""
    array = open_array(layout, make_context(0), zeros_for_missing=True)

    def one(frame: int) -> list[Moments]:
        try:
            pixels = [array[frame, place].read().result() for place in places]
        except (ValueError, OSError) as error:
            raise DataError(
                problem(
                    f"pixels cannot be read: {error}",
                    file=layout.array_path,
                    row=f"{layout.name} frame {frame}",
                )
            ) from error
        return [frame_moments(plane) for plane in pixels]

    with ThreadPoolExecutor(max_workers=cpu_limit()) as pool:
        frames = list(pool.map(one, range(layout.shape[0])))
    statistics: dict[str, Any] = {}
    moments: dict[str, Moments] = {}
    for number, name in enumerate(names):
        total = Moments()
        for frame in frames:
            total = total.merged(frame[number])
        moments[name] = total
        statistics[name] = {
            keys.FOV_STATISTICS: total.statistics(),
            keys.TIMEPOINT_STATISTICS: {str(t): frame[number].statistics() for t, frame in enumerate(frames)},
        }
    return {"statistics": statistics}, moments
