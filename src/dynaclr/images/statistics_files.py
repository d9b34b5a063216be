"""Where statistics of pixels are kept: in a plate's own metadata or in files beside it; computes none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dynaclr.base import keys
from dynaclr.base.errors import DataError, problem
from dynaclr.base.files import write_json_atomically
from dynaclr.experiment import FovLayout
from dynaclr.images.moments import Moments
from dynaclr.images.statistics import fov_statistics, read_sidecar

__all__ = ("forget_partials", "read_partial", "store_partial", "write_into_plate", "write_sidecar")


def _partial_path(layout: FovLayout) -> Path:
    return fov_statistics(layout.plate, layout.name).with_suffix(".partial.json")


def read_partial(layout: FovLayout, names: Sequence[str]) -> dict[str, Any] | None:
    """Return what an interrupted run stored for an FOV, if it is of these pixels and channels."""
    path = _partial_path(layout)
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    same = content.get("source") == _source(layout) and set(content.get("moments", {})) == set(names)
    return content if same else None


def _source(layout: FovLayout) -> list[Any]:
    """Return what tells whether pixels are still those that were read."""
    return [list(layout.shape), layout.dtype, layout.array_path.stat().st_mtime_ns]


def store_partial(layout: FovLayout, result: dict[str, Any], moments: dict[str, Moments]) -> None:
    """Keep what was found in an FOV until the plate is done."""
    path = _partial_path(layout)
    content = {
        "source": _source(layout),
        "moments": {name: value.to_json() for name, value in moments.items()},
        **result,
    }
    _write(path, content)


def forget_partials(layouts: Sequence[FovLayout]) -> None:
    """Remove what was kept until the plate was done."""
    for layout in layouts:
        path = _partial_path(layout)
        path.unlink(missing_ok=True)
        folder = path.parent
        while folder != layout.plate.parent and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


def write_sidecar(layout: FovLayout, statistics: dict[str, Any]) -> None:
    """Add channels to an FOV's sidecar; the others that it holds stay as they are."""
    path = fov_statistics(layout.plate, layout.name)
    try:
        beside = read_sidecar(path, layout.name) if path.is_file() else {}
    except DataError:  # met only where everything is computed again: nothing in it can be kept
        beside = {}
    _write(path, {"schema": 1, keys.NORMALIZATION: {**beside, **statistics}})


def write_into_plate(layout: FovLayout, statistics: dict[str, Any]) -> None:
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
