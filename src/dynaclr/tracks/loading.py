"""Reads the track files of all FOVs into one `CellTable`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.cores import cpu_limit
from dynaclr.base.errors import DataError, listing, problem, together
from dynaclr.experiment import ExperimentRegistry, FovEntry
from dynaclr.tracks.checks import check_tracks
from dynaclr.tracks.folder import find_track_files, unused_track_files, without_tracks
from dynaclr.tracks.lineage import CycleError, build_forest
from dynaclr.tracks.parents import track_parents
from dynaclr.tracks.policy import TrackCounts, TrackPolicy
from dynaclr.tracks.readers import read_tracks
from dynaclr.tracks.table import CellTable, build_table

_DERIVED = (keys.PARENT_TRACK_ID, keys.TRACK_ID)  # kept once a track, not once a row


@dataclass(frozen=True, slots=True)
class FovTracks:
    """Checked tracks of one FOV: rows sorted by (track_id, t)."""

    columns: dict[str, npt.NDArray[Any]]
    track_id: npt.NDArray[np.int64]
    parent: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    counts: TrackCounts


def locate_tracks(
    registry: ExperimentRegistry, entries: Sequence[FovEntry], policy: TrackPolicy
) -> tuple[list[Path | None], list[str]]:
    """Return each FOV's track file (None where there is none), and warnings about the folders.

    Raises
    ------
    DataError
        If a folder holds two files, or a file is missing and the policy says "error".
    """
    files: list[Path | None] = []
    texts: list[str] = []
    problems = []
    for code, config in enumerate(registry.experiments):
        names = [entry.layout.name for entry in entries if entry.experiment == code]
        found = find_track_files(config.tracks_root, names, config.name)
        files += [found[name] for name in names]
        missing = [name for name in names if found[name] is None]
        plate = registry.plates[config.name]
        if names and len(missing) == len(names):
            problems.append(without_tracks(config.tracks_root, names, plate.path, config.name))
            texts.append(problems[-1])
            missing = []
        strangers = unused_track_files(config.tracks_root, (*plate.fovs, *plate.left_out))
        for title, fovs in (
            ("FOVs without a track file", missing),
            ("track files match no FOV", strangers),
        ):
            if fovs:
                texts.append(
                    problem(
                        f"{len(fovs)} {title}",
                        experiment=config.name,
                        file=config.tracks_path,
                        found=listing(fovs, 5),
                    )
                )
                problems.append(texts[-1])
    if files and not any(files):
        raise DataError(together("track files", problems))
    if problems and policy.missing_file == "error":
        raise DataError(together("track files", problems))
    return files, texts


def read_all(
    registry: ExperimentRegistry,
    entries: Sequence[FovEntry],
    files: Sequence[Path | None],
    policy: TrackPolicy,
) -> list[FovTracks | None]:
    """Read and check every FOV's file, several at a time.

    Raises
    ------
    DataError
        With what is wrong in all files.
    """

    def one(number: int) -> FovTracks | DataError | None:
        path, entry = files[number], entries[number]
        if path is None:
            return None
        experiment = registry.names[entry.experiment]
        try:
            columns, counts = check_tracks(
                read_tracks(path, experiment),
                experiment=experiment,
                fov=entry.layout.name,
                path=path,
                shape=entry.layout.shape,
                policy=policy,
            )
            track_id, parent, start = track_parents(columns, counts, experiment=experiment, path=path)
        except DataError as error:
            return error
        return FovTracks(columns, track_id, parent, start, counts)

    with ThreadPoolExecutor(max_workers=cpu_limit()) as pool:
        results = list(pool.map(one, range(len(entries))))
    errors = [str(result) for result in results if isinstance(result, DataError)]
    if errors:
        raise DataError(together("track files", errors))
    return [None if isinstance(result, DataError) else result for result in results]


def load_table(
    fov_tracks: Sequence[FovTracks | None],
    registry: ExperimentRegistry,
    entries: Sequence[FovEntry],
    files: Sequence[Path | None],
) -> CellTable:
    """Join the tracks of all FOVs into one table.

    Raises
    ------
    DataError
        If parents form a cycle; the ids are shown in order.
    """
    present = [(code, item) for code, item in enumerate(fov_tracks) if item is not None]
    n_tracks = np.array([item.track_id.size for _, item in present], dtype=np.int64)
    base = np.r_[0, np.cumsum(n_tracks)]
    track_id = _joined([item.track_id for _, item in present], np.int64)
    parents = [
        np.where(item.parent >= 0, item.parent + first, -1)
        for (_, item), first in zip(present, base[:-1], strict=True)
    ]
    track_fov = np.repeat(np.array([code for code, _ in present], dtype=np.int32), n_tracks)
    try:
        forest = build_forest(_joined(parents, np.int64))
    except CycleError as error:
        raise _cycle(error, track_id, track_fov, registry, entries, files) from error
    lengths = [np.diff(np.r_[item.start, item.columns[keys.T].size]) for _, item in present]
    track = np.repeat(np.arange(track_id.size), _joined(lengths, np.int64))
    frames = np.array([entry.layout.shape[0] for entry in entries], dtype=np.int64)
    return build_table(_columns([item for _, item in present]), track, track_id, track_fov, forest, frames)


def _joined(parts: Sequence[npt.NDArray[Any]], dtype: Any) -> npt.NDArray[Any]:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype=dtype)


def _columns(items: Sequence[FovTracks]) -> dict[str, npt.NDArray[Any]]:
    """Join columns; one that a file lacks is -1 for ids, NaN for numbers, empty for text there."""
    names = dict.fromkeys(name for item in items for name in item.columns if name not in _DERIVED)
    joined = {}
    for name in names:
        text = any(item.columns[name].dtype.kind in "US" for item in items if name in item.columns)
        parts = []
        for item in items:
            values = item.columns.get(name)
            if values is None:
                fill = "" if text else keys.NO_PARENT if name in (keys.ID, keys.PARENT_ID) else np.nan
                values = np.full(item.columns[keys.T].size, fill)
            parts.append(values.astype(str) if text else values)
        joined[name] = np.concatenate(parts)
    for name in (keys.T, keys.Y, keys.X):
        joined.setdefault(name, np.empty(0, dtype=np.int64 if name == keys.T else np.float64))
    return joined


def _cycle(
    error: CycleError,
    track_id: npt.NDArray[np.int64],
    track_fov: npt.NDArray[np.integer],
    registry: ExperimentRegistry,
    entries: Sequence[FovEntry],
    files: Sequence[Path | None],
) -> DataError:
    fov = int(track_fov[error.members[0]])
    ids = [int(track_id[member]) for member in (*error.members, error.members[0])]
    return DataError(
        problem(
            "tracks are their own ancestors (cycle)",
            experiment=registry.names[entries[fov].experiment],
            file=files[fov],
            field=keys.PARENT_TRACK_ID,
            found=" -> ".join(map(str, ids[:20])),
        )
    )
