"""Which slices of which experiment are read: fixed ones, its own, or those around the focus."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dynaclr.base.errors import ConfigError, problem, together
from dynaclr.experiment import ExperimentRegistry, FovEntry
from dynaclr.images import Focus, Projection, Slices, focus_of_many, window_around
from dynaclr.index.options import ReadingOptions

Progress = Callable[[int, int], None]


def z_ranges_of(
    registry: ExperimentRegistry,
    fovs: Sequence[FovEntry],
    z_range: tuple[int, int],
    reading: ReadingOptions,
) -> list[tuple[int, int]]:
    """Return the slices of each field of view, half open; around a focus, as many of them from 0 on.

    Raises
    ------
    ConfigError
        If an experiment has other slices of its own, not as many, and all of them are kept.
    """
    wrong, found = {}, []
    around = (0, z_range[1] - z_range[0]) if reading.z_window == "focus" else z_range
    for entry in fovs:
        config = registry.experiments[entry.experiment]
        own = around if config.z_range is None else (int(config.z_range[0]), int(config.z_range[1]))
        if reading.z_projection == "none" and own[1] - own[0] != z_range[1] - z_range[0]:
            wrong[config.name] = problem(
                "experiments have different numbers of slices",
                experiment=config.name,
                field="z_range",
                expected=f"{z_range[1] - z_range[0]} slices, as data.z_range {list(z_range)} has",
                found=f"{own[1] - own[0]} slices {list(own)} in experiments.yaml",
                fix="Set z_projection to max or mean to make one slice of any number.",
            )
        found.append(own)
    if wrong:
        raise ConfigError(together("Z ranges", list(wrong.values())))
    return found


def _is_around(registry: ExperimentRegistry, entry: FovEntry, reading: ReadingOptions) -> bool:
    """Whether the slices of a field of view follow its focus: an experiment's own range does not move."""
    return reading.z_window == "focus" and registry.experiments[entry.experiment].z_range is None


def find_focus(
    registry: ExperimentRegistry,
    fovs: Sequence[FovEntry],
    reading: ReadingOptions,
    progress: Progress | None = None,
) -> dict[int, Focus]:
    """Return the focus of the fields of view whose slices follow it, by code.

    The first source channel decides: a stain that comes late has no focus at first.

    Raises
    ------
    DataError
        If pixels cannot be read, or what is measured cannot be kept beside the plate.
    """
    codes = [code for code, entry in enumerate(fovs) if _is_around(registry, entry, reading)]
    maps = registry.channel_maps
    channels = [maps[registry.names[fovs[code].experiment]][0] for code in codes]
    return dict(
        zip(codes, focus_of_many([fovs[code].layout for code in codes], channels, progress), strict=True)
    )


def read_slices(
    registry: ExperimentRegistry,
    fovs: Sequence[FovEntry],
    z_ranges: Sequence[tuple[int, int]],
    reading: ReadingOptions,
    progress: Progress | None = None,
) -> tuple[Slices, tuple[str, ...]]:
    """Return the slices that are read, and by FOV who says where the focus is; empty where nobody asks."""
    pairs = zip(fovs, z_ranges, strict=True)
    first = [np.full(entry.layout.shape[0], start, dtype=np.int64) for entry, (start, _) in pairs]
    count = tuple(stop - start for start, stop in z_ranges)
    sources = [""] * len(fovs)
    for code, focus in find_focus(registry, fovs, reading, progress).items():
        first[code] = window_around(focus.slices, count[code], fovs[code].layout.shape[2])
        sources[code] = focus.source
    return Slices(tuple(first), count, Projection(reading.z_projection)), tuple(sources)
