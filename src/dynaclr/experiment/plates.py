"""Layout of OME-Zarr HCS plates (FOVs, shapes, scales, channel names) through iohub; reads no pixels."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dynaclr.base.errors import DataError, listing, problem, together
from dynaclr.base.paths import absolute_path


@dataclass(frozen=True, slots=True)
class FovLayout:
    """One field of view of a plate.

    Attributes
    ----------
    name
        "row/column/fov", for example "A/1/0".
    path
        Folder of the position.
    array_path
        Folder of the array of level 0, (T, C, Z, Y, X).
    driver
        tensorstore driver: "zarr" or "zarr3".
    shape
        (T, C, Z, Y, X).
    dtype
        NumPy name of the data type.
    scale
        (T, C, Z, Y, X) units of one step, micrometers in space.
    attributes
        Attributes of the position, among them "normalization".
    """

    name: str
    path: Path
    array_path: Path
    driver: str
    shape: tuple[int, int, int, int, int]
    dtype: str
    scale: tuple[float, ...]
    attributes: dict[str, Any]

    @property
    def well(self) -> str:
        """Name of the well, for example "A/1"."""
        return self.name.rpartition("/")[0]

    @property
    def plate(self) -> Path:
        """Folder of the plate."""
        return self.path.parents[2]


@dataclass(frozen=True, slots=True)
class PlateLayout:
    """A plate: its channels and its fields of view by name."""

    path: Path
    channel_names: tuple[str, ...]
    fovs: dict[str, FovLayout]

    @property
    def wells(self) -> tuple[str, ...]:
        """Names of the wells that hold a field of view."""
        return tuple(dict.fromkeys(fov.well for fov in self.fovs.values()))


def read_plate(path: Path, experiment: str | None = None) -> PlateLayout:
    """Read the layout of a plate.

    Raises
    ------
    DataError
        If the path is missing, is not an HCS plate, or one of its positions is damaged.
    """
    path = absolute_path(path)  # of it are all paths of arrays, and tensorstore takes no ".."
    if not path.exists():
        raise DataError(
            problem(
                "data_path does not exist",
                experiment=experiment,
                file=path,
                field="data_path",
                found="nothing there",
            )
        )
    attributes = _require_plate(path, experiment)
    listed = _positions(path, attributes, experiment)
    from iohub.ngff import open_ome_zarr

    try:
        plate = open_ome_zarr(path, layout="hcs", mode="r")
    except Exception as error:
        raise DataError(
            problem(f"plate cannot be opened: {error}", experiment=experiment, file=path, field="data_path")
        ) from error
    try:
        names = tuple(str(name) for name in plate.channel_names)
        fovs = {}
        for name, position in plate.positions():
            try:
                fovs[name] = _fov(path, name, position, len(names), experiment)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                if isinstance(error, DataError):
                    raise
                text = f"image metadata cannot be used: {error!r}"
                raise DataError(problem(text, experiment=experiment, file=path, row=name)) from error
    finally:
        plate.close()
    lost = [name for name in listed if name not in fovs]
    if lost:
        what = "fields of view of the plate have no image array"
        raise DataError(problem(what, experiment=experiment, file=path, row=listing(lost)))
    return PlateLayout(path, names, fovs)


def _attributes(folder: Path, experiment: str | None) -> tuple[dict[str, Any], str | None]:
    """Return the OME attributes of a group and their version; empty and None where it has none."""
    attributes: dict[str, Any] = {}
    version = None
    for file, key in ((folder / ".zattrs", None), (folder / "zarr.json", "attributes")):
        if file.is_file():
            content = _json(file, experiment)
            attributes = content if key is None else content.get(key, {}).get("ome", {})
            version = "0.4" if key is None else "0.5"
    return attributes, version


def _require_plate(path: Path, experiment: str | None) -> dict[str, Any]:
    """Return a plate's attributes; tell it from a position, a foreign folder, an unreadable version."""
    attributes, version = _attributes(path, experiment)
    if version == "0.5" and not _iohub_reads_zarr3():
        raise DataError(
            problem(
                "plate is OME-Zarr 0.5 (zarr 3), which this installation cannot read",
                experiment=experiment,
                file=path,
                fix="Use Python 3.12 or newer, where iohub 0.3 is installed, or convert the plate to 0.4.",
            )
        )
    if "plate" in attributes:
        return attributes
    what = "a single position or image" if "multiscales" in attributes else "no plate metadata"
    raise DataError(
        problem(
            "not an OME-Zarr HCS plate",
            experiment=experiment,
            file=path,
            expected="'plate' metadata",
            found=what,
        )
    )


def _positions(path: Path, attributes: dict[str, Any], experiment: str | None) -> list[str]:
    """Return every FOV that the metadata lists, and look for it: iohub leaves out what is lost."""
    problems = []
    names = []
    for well in attributes["plate"].get("wells", []):
        images = _attributes(path / well["path"], experiment)[0].get("well", {}).get("images")
        if images is None:
            what = "a well of the plate is missing or has no metadata"
            problems.append(problem(what, experiment=experiment, file=path, row=well["path"]))
            continue
        for image in images:
            names.append(f"{well['path']}/{image['path']}")
            if "multiscales" not in _attributes(path / names[-1], experiment)[0]:
                what = "a field of view of the plate is missing or has no image metadata"
                problems.append(problem(what, experiment=experiment, file=path, row=names[-1]))
    if problems:
        raise DataError(together(str(path), problems))
    if not names:
        raise DataError(problem("plate has no fields of view", experiment=experiment, file=path))
    return names


def _json(file: Path, experiment: str | None) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            problem(f"metadata cannot be read: {error}", experiment=experiment, file=file)
        ) from error
    if not isinstance(content, dict):
        raise DataError(problem("metadata is not a JSON object", experiment=experiment, file=file))
    return content


def _iohub_reads_zarr3() -> bool:
    from importlib.metadata import version

    return int(version("zarr").partition(".")[0]) >= 3


def _fov(plate: Path, name: str, position: Any, n_channels: int, experiment: str | None) -> FovLayout:
    """Describe one position; the array is level 0 of its first multiscale."""
    path = plate / name
    attributes = json.loads(
        json.dumps(position.zattrs.asdict() if hasattr(position.zattrs, "asdict") else dict(position.zattrs))
    )
    dataset = position.metadata.multiscales[0].datasets[0]
    array_path = path / dataset.path
    driver = "zarr3" if (array_path / "zarr.json").is_file() else "zarr"
    metadata_file = array_path / ("zarr.json" if driver == "zarr3" else ".zarray")
    if not metadata_file.is_file():
        raise DataError(
            problem("array of level 0 is missing", experiment=experiment, file=metadata_file, row=name)
        )
    metadata = _json(metadata_file, experiment)
    shape = tuple(int(size) for size in metadata["shape"])
    if len(shape) != 5 or shape[1] != n_channels:
        raise DataError(
            problem(
                "array has the wrong shape",
                experiment=experiment,
                file=array_path,
                row=name,
                expected=f"(T, C = {n_channels}, Z, Y, X)",
                found=shape,
            )
        )
    dtype = np.dtype(metadata["data_type"] if driver == "zarr3" else metadata["dtype"])
    return FovLayout(
        name=name,
        path=path,
        array_path=array_path,
        driver=driver,
        shape=(shape[0], shape[1], shape[2], shape[3], shape[4]),
        dtype=dtype.name,
        scale=tuple(float(step) for step in position.scale),
        attributes=attributes,
    )
