"""Computes statistics of pixels per data set, FOV and frame and stores them; knows no cells.

Statistics go into the plate's own metadata if asked to, else into files beside the plate. Each FOV
is stored when it is done, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynaclr import keys
from dynaclr.atomic import write_json_atomically
from dynaclr.errors import DataError, problem
from dynaclr.fovs import FovEntry
from dynaclr.index import MultiExperimentIndex
from dynaclr.norms import fov_statistics, read_sidecar
from dynaclr.pixel_statistics import Moments, frame_moments
from dynaclr.plates import FovLayout, PlateLayout
from dynaclr.stores import cpu_limit, make_context, open_array

__all__ = ("PreprocessReport", "preprocess_missing", "preprocess_plate")


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
    progress: Callable[[int, int], None] | None = None,
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
        Called with (frames done, frames in all).

    Raises
    ------
    DataError
        If pixels cannot be read or statistics cannot be written.
    """
    names = list(plate.channel_names if channels is None else channels)
    places = [plate.channel_names.index(name) for name in names]
    work = [layout for layout in plate.fovs.values() if overwrite or not _has_all(layout, names)]
    kept = [layout for layout in plate.fovs.values() if layout not in work]
    total, done = sum(layout.shape[0] for layout in work), 0
    pooled = {name: Moments() for name in names}
    for layout in kept if work else ():
        _pool_stored(pooled, layout, places)
    results: dict[str, dict[str, Any]] = {}
    for layout in work:
        partial = None if overwrite else _partial(plate.path, layout, names)
        if partial is None:
            partial, moments = _compute(layout, names, places)
            for name, value in moments.items():
                pooled[name] = pooled[name].merged(value)
            _store_partial(plate.path, layout, partial, moments)
        else:
            for name in names:
                pooled[name] = pooled[name].merged(Moments.from_json(partial["moments"][name]))
        results[layout.name] = partial["statistics"]
        done += layout.shape[0]
        if progress is not None:
            progress(done, total)
    for layout in work:
        statistics = results[layout.name]
        for name in names:
            statistics[name][keys.DATASET_STATISTICS] = pooled[name].statistics()
        (_write_into_plate if into_plate else _write_sidecar)(plate.path, layout, statistics)
    _forget_partials(plate.path, work)
    return PreprocessReport(tuple(item.name for item in work), tuple(item.name for item in kept))


def preprocess_missing(
    index: MultiExperimentIndex, progress: Callable[[int, int], None] | None = None
) -> None:
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
    from dynaclr.norms import stored_statistics

    plate = layout.path.parents[2]
    stored, _ = stored_statistics(plate, FovEntry(0, "", layout))
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


def _partial_path(plate: Path, layout: FovLayout) -> Path:
    return fov_statistics(plate, layout.name).with_suffix(".partial.json")


def _partial(plate: Path, layout: FovLayout, names: Sequence[str]) -> dict[str, Any] | None:
    """Return what an interrupted run stored for an FOV, if it is of these pixels and channels."""
    path = _partial_path(plate, layout)
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    same = content.get("source") == _source(layout) and set(content.get("moments", {})) == set(names)
    return content if same else None


def _source(layout: FovLayout) -> list[Any]:
    """Return what tells whether pixels are still those that were read."""
    return [list(layout.shape), layout.dtype, layout.array_path.stat().st_mtime_ns]


def _store_partial(
    plate: Path, layout: FovLayout, result: dict[str, Any], moments: dict[str, Moments]
) -> None:
    path = _partial_path(plate, layout)
    content = {
        "source": _source(layout),
        "moments": {name: value.to_json() for name, value in moments.items()},
        **result,
    }
    _write(path, content)


def _forget_partials(plate: Path, layouts: Sequence[FovLayout]) -> None:
    for layout in layouts:
        path = _partial_path(plate, layout)
        path.unlink(missing_ok=True)
        folder = path.parent
        while folder != plate.parent and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


def _write_sidecar(plate: Path, layout: FovLayout, statistics: dict[str, Any]) -> None:
    """Add channels to an FOV's sidecar; the others that it holds stay as they are."""
    path = fov_statistics(plate, layout.name)
    try:
        beside = read_sidecar(path, layout.name) if path.is_file() else {}
    except DataError:  # met only where everything is computed again: nothing in it can be kept
        beside = {}
    _write(path, {"schema": 1, keys.NORMALIZATION: {**beside, **statistics}})


def _write_into_plate(plate: Path, layout: FovLayout, statistics: dict[str, Any]) -> None:
    """Add "normalization" to the position's attributes; all other attributes stay as they are."""
    version3 = (layout.path / "zarr.json").is_file()
    path = layout.path / ("zarr.json" if version3 else ".zattrs")
    content = json.loads(path.read_text(encoding="utf-8"))
    attributes = content["attributes"] if version3 else content
    attributes[keys.NORMALIZATION] = {**attributes.get(keys.NORMALIZATION, {}), **statistics}
    _write(path, content)


def _write(path: Path, content: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json_atomically(path, content)
    except OSError as error:
        raise DataError(
            problem(
                f"statistics cannot be written: {error.strerror}",
                file=path,
                fix="Make the folder writable, or compute the statistics where it is.",
            )
        ) from error
