"""Where statistics of pixels are kept: in a plate's own metadata or in files beside it; computes none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dynaclr.base import keys
from dynaclr.base.errors import DataError, problem
from dynaclr.base.files import write_json_atomically
from dynaclr.experiment import FovLayout, UrlPath
from dynaclr.images.moments import Moments
from dynaclr.images.statistics import Sidecar, fov_statistics, read_sidecar, sidecar_path

Origins = Mapping[str, Mapping[str, Any]]
"""{channel: what its statistics were computed from and by}."""


def _partial_path(layout: FovLayout) -> Path:
    return fov_statistics(layout.plate, layout.name).with_suffix(".partial.json")


def read_partial(layout: FovLayout, origins: Origins) -> dict[str, Any] | None:
    """Return what an interrupted run stored for an FOV, if it is of these pixels, channels and this code."""
    path = _partial_path(layout)
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if content.get("origin") == origins else None


def store_partial(
    layout: FovLayout, result: dict[str, Any], moments: dict[str, Moments], origins: Origins
) -> None:
    """Keep what was found in an FOV until the plate is done."""
    path = _partial_path(layout)
    content = {
        "origin": origins,
        "moments": {name: value.to_json() for name, value in moments.items()},
        **result,
    }
    _write(path, content)


def forget_partials(layouts: Sequence[FovLayout]) -> None:
    """Remove what was kept until the plate was done."""
    for layout in layouts:
        path = _partial_path(layout)
        path.unlink(missing_ok=True)
        folder, beside = path.parent, sidecar_path(layout.plate).parent
        while folder != beside and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


def write_sidecar(
    layout: FovLayout, statistics: dict[str, Any], origins: Origins, replacing: Sequence[str] = ()
) -> None:
    """Add channels to an FOV's sidecar; the others that it holds stay as they are.

    Parameters
    ----------
    layout
        The field of view.
    statistics, origins
        By channel: levels of statistics, and what they were computed from and by.
    replacing
        Channels whose values stand for those that the plate itself holds.
    """
    path = fov_statistics(layout.plate, layout.name)
    try:
        beside = read_sidecar(path, layout.name) if path.is_file() else Sidecar()
    except DataError:  # met only where everything is computed again: nothing in it can be kept
        beside = Sidecar()
    content = {
        "schema": 2,
        "origin": {**beside.origins, **origins},
        "replacing": sorted({*beside.replacing, *replacing}),
        keys.NORMALIZATION: {**beside.statistics, **statistics},
    }
    _write(path, content)


def writable_folder(layout: FovLayout) -> Path:
    """Return the folder of a position.

    Raises
    ------
    DataError
        If it is a URL: these are only read.
    """
    if isinstance(layout.path, UrlPath):
        fix = "Leave out --into-plate: they are kept on this machine then."
        what = "statistics cannot be written into a plate by URL"
        raise DataError(problem(what, file=layout.path, fix=fix))
    return layout.path


def write_into_plate(layout: FovLayout, statistics: dict[str, Any], origins: Origins) -> None:
    """Add "normalization" to the position's attributes; all other attributes stay as they are."""
    folder = writable_folder(layout)
    version3 = (folder / "zarr.json").is_file()
    path = folder / ("zarr.json" if version3 else ".zattrs")
    content = json.loads(path.read_text(encoding="utf-8"))
    attributes = content["attributes"] if version3 else content
    for key, added in ((keys.NORMALIZATION, statistics), (keys.NORMALIZATION_ORIGIN, origins)):
        attributes[key] = {**attributes.get(key, {}), **added}
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
