"""Layout of OME-Zarr plates and images (FOVs, shapes, scales, channel names); reads no pixels.

An image that is in no plate is a plate of one field of view, "0/0/0"; several images in one folder, as
bioformats2raw writes them, are the fields of view "0/0/0", "0/0/1", ... What is missing or cannot be
understood is left out with its reason; the rest is used.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import tensorstore as ts

from dynaclr.base.cores import cpu_limit
from dynaclr.base.errors import DataError, listing, problem, together
from dynaclr.experiment.locations import Location, UrlPath, in_short, kvstore, location
from dynaclr.experiment.ngff import AXES, channel_labels, ome_part, read_image

_NUMBERS = {f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)}
_NUMBERS |= {"bool", "float16", "float32", "float64"}
"""Data types that images have."""
_MOST_FRAMES = 1_000_000
_MOST_CHUNKS = 10_000_000
_MOST_PIXELS = 2**32
"""Most frames, chunk files, and pixels of one slice of an array. Far more than recordings have, and few
enough to be gone through: a shape beyond them is a damaged number, which would end in a full memory."""
_UNUSABLE = (ValueError, OSError, TypeError, LookupError, ArithmeticError, RecursionError)
"""What metadata that nobody foresaw end in; they cost their field of view, never the plate."""


@dataclass(frozen=True, slots=True)
class FovLayout:
    """One field of view of a plate.

    Pixels are read as (T, C, Z, Y, X) with channels in the order of the plate, whatever the order in which
    they are stored (`dynaclr.images.open_array`).

    Attributes
    ----------
    name
        "row/column/fov", for example "A/1/0".
    plate
        Folder of the plate.
    path
        Folder of the position.
    array_path
        Folder of the array of level 0.
    driver
        tensorstore driver: "zarr" or "zarr3".
    shape
        (T, C, Z, Y, X).
    dtype
        NumPy name of the data type.
    scale, translation
        (T, C, Z, Y, X) one step, and place of the first pixel: seconds, micrometers.
    attributes
        Attributes of the position, among them "normalization".
    axes
        Letters of the stored axes in their order.
    calibrated
        Letters of the axes whose step the plate states with its unit.
    channels
        Names of the channels, numbers where the metadata has no names (`channels_named` is False).
    channel_order
        For each channel its number in the store; None where that is the same.
    """

    name: str
    plate: Location
    path: Location
    array_path: Location
    driver: str
    shape: tuple[int, int, int, int, int]
    dtype: str
    scale: tuple[float, ...]
    attributes: dict[str, Any]
    translation: tuple[float, ...] = (0.0,) * 5
    axes: str = AXES
    calibrated: str = ""
    channels: tuple[str, ...] = ()
    channels_named: bool = True
    channel_order: tuple[int, ...] | None = None

    @property
    def well(self) -> str:
        """Name of the well, for example "A/1"."""
        return well_of(self.name)

    def ome(self, name: str) -> Any:
        """Return a part of the OME metadata, None if there is none."""
        return ome_part(self.attributes, name)

    def stored_channel(self, channel: int) -> int:
        """Return the number in the store of a channel of the plate."""
        return channel if self.channel_order is None else self.channel_order[channel]

    def with_channels(self, names: Sequence[str]) -> FovLayout | None:
        """Return this FOV with its channels in another order, None if they are others.

        Where the metadata names none they are taken by their place.
        """
        if not self.channels_named:
            return replace(self, channels=tuple(names)) if len(names) == self.shape[1] else None
        if len(names) != len(self.channels) or set(names) != set(self.channels):
            return None
        order = tuple(self.stored_channel(self.channels.index(name)) for name in names)
        same = order == tuple(range(len(order)))
        return replace(self, channels=tuple(names), channel_order=None if same else order)


@dataclass(frozen=True, slots=True)
class PlateLayout:
    """A plate: its channels and its fields of view by name.

    Attributes
    ----------
    path
        Folder of the plate.
    channel_names
        Channels of every field of view, in the order in which they are read.
    fovs
        Fields of view that can be read.
    left_out
        {FOV, or well whose fields are not known: reason} of the rest.
    """

    path: Location
    channel_names: tuple[str, ...]
    fovs: dict[str, FovLayout]
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def wells(self) -> tuple[str, ...]:
        """Names of the wells, those that nothing can be read of included."""
        return tuple(dict.fromkeys(well_of(name) for name in (*self.fovs, *self.left_out)))


IMAGE_WELL = "0/0"
"""Well of images that are in no plate."""


def well_of(name: str) -> str:
    """Return the well of a field of view, and of a well itself."""
    return "/".join(name.split("/")[:2])


def is_fov_name(name: str) -> bool:
    """Whether a name is "row/column/fov", each of letters and digits as OME-NGFF asks."""
    parts = name.split("/")
    return len(parts) == 3 and all(part.isascii() and part.isalnum() for part in parts)


def read_plate(
    path: Location | str, experiment: str | None = None, channel_names: Sequence[str] | None = None
) -> PlateLayout:
    """Read the layout of a plate.

    Parameters
    ----------
    path
        Folder or URL of the plate or image.
    experiment
        Its name, for messages.
    channel_names
        Channels by name in the order in which they are read; a field of view with others is left out.
        None, or names that no field of view has, for the names of most of them.

    Raises
    ------
    DataError
        If the path is missing, is no plate or image, or none of its positions can be read.
    """
    path = location(path)  # of it are all paths of arrays, and tensorstore takes no ".."
    if isinstance(path, Path) and not path.exists():
        raise DataError(
            problem(
                "data_path does not exist",
                experiment=experiment,
                file=path,
                field="data_path",
                found="nothing there",
            )
        )
    fovs: dict[str, FovLayout] = {}
    left_out: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=cpu_limit()) as pool:
        folders = _folders(path, experiment, pool)
        described = pool.map(lambda item: _fov_or_reason(path, *item), folders.items())
        for name, found in zip(folders, described, strict=True):
            if isinstance(found, FovLayout):
                fovs[name] = found
            else:
                left_out[name] = found
    if not fovs and not left_out:
        raise DataError(problem("plate has no fields of view", experiment=experiment, file=path))
    if not fovs:
        texts = [
            problem(reason, experiment=experiment, file=path, row=name) for name, reason in left_out.items()
        ]
        raise DataError(together(f"{path}: nothing of the plate can be read", texts))
    channels = _channels(list(fovs.values()), channel_names)
    aligned = {}
    for name, fov in fovs.items():
        if (same := fov.with_channels(channels)) is None:
            left_out[name] = f"its channels are {listing(fov.channels)}, not {listing(channels)}"
        else:
            aligned[name] = same
    return PlateLayout(path, channels, aligned, left_out)


def _channels(fovs: Sequence[FovLayout], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Return the wanted names if a field of view has them, else those of most fields of view.

    Where some fields of view name their channels, only these decide.
    """
    named = [fov for fov in fovs if fov.channels_named] or fovs
    if wanted is not None and any(fov.with_channels(wanted) for fov in named):
        return tuple(wanted)
    most, _ = Counter(frozenset(fov.channels) for fov in named).most_common(1)[0]
    return next(fov.channels for fov in named if set(fov.channels) == most)


def _folders(path: Location, experiment: str | None, pool: ThreadPoolExecutor) -> dict[str, Location]:
    """Return {name: folder} of the fields of view that a plate lists, or of the images that lie there."""
    try:
        attributes = _attributes(path)
        plate = ome_part(attributes, "plate")
        if isinstance(plate, dict):
            wells = list(dict.fromkeys(_paths(plate.get("wells"))))
            lists = pool.map(lambda well: _fields(path, well), wells)
            return {name: path / name for names in lists for name in names}
        if ome_part(attributes, "multiscales"):
            return {f"{IMAGE_WELL}/0": path}
        if ome_part(attributes, "bioformats2raw.layout"):
            return {f"{IMAGE_WELL}/{number}": path / name for number, name in enumerate(_series(path))}
    except ValueError as error:
        raise DataError(problem(str(error), experiment=experiment, file=path)) from error
    raise DataError(
        problem(
            "not an OME-Zarr plate or image",
            experiment=experiment,
            file=path,
            expected="'plate' or 'multiscales' in its metadata",
            found="a well of a plate" if ome_part(attributes, "well") else _what_lies_there(path, attributes),
        )
    )


def _series(path: Location) -> list[str]:
    """Return the names of the images that bioformats2raw wrote: as it lists them, else 0, 1, ..."""
    listed = ome_part(_attributes(path / "OME"), "series")
    if isinstance(listed, list):
        return [str(name).strip("/") for name in listed]
    return list(takewhile(lambda name: _attributes(path / name), map(str, count())))


def _what_lies_there(path: Location, attributes: dict[str, Any]) -> str:
    if attributes:
        return "other metadata"
    if isinstance(path, UrlPath):
        return "nothing, or no metadata"
    return "an array without image metadata" if (path / ".zarray").is_file() else "no metadata"


def _fields(path: Location, well: str) -> list[str]:
    """Return the names of a well's fields of view; the well's own if they are not known."""
    try:
        content = ome_part(_attributes(path / well), "well") if _is_name(well, 2) else None
    except ValueError:
        return [well]
    fields = list(dict.fromkeys(_paths(content.get("images")))) if isinstance(content, dict) else []
    return [f"{well}/{name}" for name in fields] or [well]


def _paths(entries: Any) -> Iterator[str]:
    """Give the paths of a list of metadata; what has none gives "?"."""
    for entry in entries if isinstance(entries, list) else ():
        yield str(entry.get("path", "?") if isinstance(entry, dict) else "?").strip("/")


def _is_name(name: str, length: int) -> bool:
    parts = name.split("/")
    return len(parts) == length and not any(part in ("", ".", "..", "?") for part in parts)


def _fov_or_reason(plate: Location, name: str, folder: Location) -> FovLayout | str:
    """Return a field of view of a plate, or why it is left out."""
    if not _is_name(name, 3):
        return "the well is missing, has no metadata or lists no field of view"
    try:
        return _fov(plate, name, folder)
    except _UNUSABLE as error:
        known = isinstance(error, (ValueError, OSError))
        return str(error) if known else f"metadata cannot be used: {type(error).__name__} ({error})"


def _attributes(folder: Location) -> dict[str, Any]:
    """Return the attributes of a group; empty where it has none."""
    of_2, of_3 = _found(folder, (".zattrs", "zarr.json"), _json)
    attributes = of_2 if of_3 is None else of_3.get("attributes")
    return attributes if isinstance(attributes, dict) else {}


def _is_file(file: Location) -> bool | None:
    """Return True if there is such a file, else None."""
    return file.is_file() or None


def _found(folder: Location, names: Sequence[str], ask: Callable[[Location], Any]) -> list[Any]:
    """Return what is found of files of a folder, None of those that are not there.

    A bucket that may not be listed forbids ("403") what is not there: beside a file that was found, one that
    the store does not give counts as missing.
    """
    found: list[Any] = []
    refused: Exception | None = None
    for name in names:
        try:
            found.append(ask(folder / name))
        except (_RefusedError, OSError) as error:
            refused = error
            found.append(None)
    if refused is not None and all(content is None for content in found):
        raise refused
    return found


class _RefusedError(ValueError):
    """A store by URL does not give a file."""


def _json(file: Location) -> dict[str, Any] | None:
    """Return what a JSON file holds, None if there is none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        by_store = isinstance(error, OSError) and isinstance(file, UrlPath)
        kind = _RefusedError if by_store else ValueError
        raise kind(f"metadata cannot be read: {error} ({file})") from error
    if not isinstance(content, dict):
        raise ValueError(f"metadata is not a JSON object ({file})")
    return content


def _fov(plate: Location, name: str, path: Location) -> FovLayout:
    """Describe one position; the array is level 0 of its first multiscale."""
    attributes = _attributes(path)
    if not ome_part(attributes, "multiscales"):
        raise ValueError("the field of view is missing or has no image metadata")
    array_path = path / read_image(attributes).level
    of_2, of_3 = _found(array_path, (".zarray", "zarr.json"), _is_file)
    if not of_2 and not of_3:
        raise ValueError(f"array of level 0 is missing ({array_path})")
    driver = "zarr3" if of_3 else "zarr"
    spec = {"driver": driver, "kvstore": kvstore(array_path)}
    try:
        array = ts.open(spec, read=True, open=True).result()
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"array of level 0 cannot be opened: {in_short(error)}") from error
    if array.dtype.name not in _NUMBERS or 0 in array.shape:
        raise ValueError(f"array of level 0 has the data type {array.dtype.name} and shape {array.shape}")
    image = read_image(attributes, array.rank)
    size_of = dict(zip(image.axes, array.shape, strict=True))
    t, c, z, y, x = (size_of.get(letter, 1) for letter in AXES)
    chunk: Any = array.chunk_layout.write_chunk.shape  # of a file: a shard where there are some
    n_chunks = math.prod(-(-size // step) for size, step in zip(array.shape, chunk, strict=True))
    for number, most, what in (
        (t, _MOST_FRAMES, "frames"),
        (n_chunks, _MOST_CHUNKS, "chunk files"),
        (y * x, _MOST_PIXELS, "pixels in one slice"),
    ):
        if number > most:
            raise ValueError(
                f"array of level 0 has the shape {array.shape}: {number} {what}, expected at most {most}"
            )
    channels, named = channel_labels(attributes, c)
    return FovLayout(
        name=name,
        plate=plate,
        path=path,
        array_path=array_path,
        driver=driver,
        shape=(t, c, z, y, x),
        dtype=array.dtype.name,
        scale=image.scale,
        attributes=attributes,
        translation=image.translation,
        axes=image.axes,
        calibrated=image.calibrated,
        channels=channels,
        channels_named=named,
    )


def label_images(layout: FovLayout) -> dict[str, FovLayout]:
    """Return the label images beside the pixels of an FOV by name; those that cannot be read are left out."""
    folder = layout.path / "labels"
    try:
        names = ome_part(_attributes(folder), "labels")
    except ValueError:
        return {}
    found = {}
    for name in names if isinstance(names, list) else ():
        with contextlib.suppress(*_UNUSABLE):
            found[str(name)] = _fov(folder, str(name), folder / str(name))
    return found
