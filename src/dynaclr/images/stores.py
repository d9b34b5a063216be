"""Opens pixel arrays by path with tensorstore, keeps few of them, finds chunks that are not there.

Knows arrays and their storage; knows no cells.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import tensorstore as ts

from dynaclr.base.cores import cpu_limit
from dynaclr.base.errors import PixelReadError, problem
from dynaclr.experiment import AXES, FovLayout, Location, UrlPath, kvstore


def make_context(cache_bytes: int) -> Any:
    """Return a tensorstore context with bounded threads and a bounded cache of decoded chunks."""
    cores = cpu_limit()
    return ts.Context(
        {
            "cache_pool": {"total_bytes_limit": cache_bytes},
            "data_copy_concurrency": {"limit": cores},
            "file_io_concurrency": {"limit": max(4, 2 * cores)},
        }
    )


def open_array(
    layout: FovLayout, context: Any, *, zeros_for_missing: bool, path: Location | None = None
) -> Any:
    """Open an array of an FOV for reading, (T, C, Z, Y, X), whatever the order in which it is stored.

    All pixels are read through what this returns. A view, no copy: a plate that is stored in this order is
    read as it lies.

    Parameters
    ----------
    layout
        The field of view.
    context
        tensorstore context that owns threads and cache.
    zeros_for_missing
        Whether a chunk that is not stored reads as zeros; otherwise reading it is an error.
    path
        Folder of a coarser level of the pyramid; None for level 0.

    Raises
    ------
    PixelReadError
        If the array cannot be opened.
    """
    spec = {
        "driver": layout.driver,
        "kvstore": kvstore(path or layout.array_path),
        "fill_missing_data_reads": zeros_for_missing,
        "recheck_cached_data": False,
        # where lost chunks read as zeros, the metadata that every read looks for tells a deleted store
        "recheck_cached_metadata": True if zeros_for_missing else "open",
    }
    try:
        return _in_order(ts.open(spec, read=True, open=True, context=context).result(), layout)
    except (ValueError, OSError, KeyError) as error:
        raise PixelReadError(
            problem(f"array cannot be opened: {error}", file=path or layout.array_path, row=layout.name)
        ) from error


def _in_order(array: Any, layout: FovLayout) -> Any:
    """Return a view of a stored array with all axes and channels of the plate, in its order."""
    if layout.axes != AXES:
        array = array.transpose([layout.axes.index(letter) for letter in AXES if letter in layout.axes])
        for place, letter in enumerate(AXES):
            if letter not in layout.axes:
                array = array[(slice(None),) * place + (ts.newaxis,)][ts.d[place].mark_bounds_implicit[False]]
    return array if layout.channel_order is None else array[:, list(layout.channel_order)]


def unreadable(layout: FovLayout, frame: int, error: Exception) -> str:
    """Return what to say where a frame of an FOV cannot be read."""
    where = f"{layout.name} frame {frame}"
    return problem(f"pixels cannot be read: {error}", file=layout.array_path, row=where)


def is_complete(array: Any) -> bool:
    """Return whether every chunk that an array (or a slice of it) touches is stored.

    A web server tells no list of what it has: there every chunk counts as stored, until it is read.
    """
    if array.kvstore.spec().to_json()["driver"] == "http":
        return True
    statistics = array.storage_statistics(query_not_stored=False, query_fully_stored=True).result()
    return bool(statistics.fully_stored)


def read_stored(array: Any) -> Any | None:
    """Return the pixels of an array opened with `zeros_for_missing=False`, None if not all are stored.

    What `is_complete` cannot know of a web server is known so, at the price of reading.
    """
    try:
        return array.read().result()
    except ValueError as error:
        if str(error).startswith("NOT_FOUND"):
            return None
        raise


def chunk_files(layout: FovLayout, channels: Sequence[int], z_range: tuple[int, int]) -> list[str]:
    """Return the files that hold some channels and slices of an FOV, stored or not.

    Parameters
    ----------
    layout
        The field of view.
    channels
        Channel indices of the plate.
    z_range
        Slices, half open.

    Returns
    -------
    Paths below `layout.array_path`: chunks, or shards where there are some.
    """
    name = "zarr.json" if layout.driver == "zarr3" else ".zarray"
    metadata = json.loads((layout.array_path / name).read_text(encoding="utf-8"))
    if layout.driver == "zarr3":
        chunk = metadata["chunk_grid"]["configuration"]["chunk_shape"]
        encoding = metadata["chunk_key_encoding"]
        default = encoding["name"] == "default"
        separator = encoding.get("configuration", {}).get("separator", "/" if default else ".")
        prefix = f"c{separator}" if default else ""
    else:
        chunk, separator, prefix = metadata["chunks"], metadata.get("dimension_separator", "."), ""
    size_of, step_of = dict(zip(AXES, layout.shape, strict=True)), dict(zip(layout.axes, chunk, strict=True))
    places_of: dict[str, Sequence[int]] = {a: range(-(-size_of[a] // step)) for a, step in step_of.items()}
    if "c" in places_of:
        places_of["c"] = sorted({layout.stored_channel(channel) // step_of["c"] for channel in channels})
    if "z" in places_of:
        places_of["z"] = range(z_range[0] // step_of["z"], -(-z_range[1] // step_of["z"]))
    places = places_of.values()
    texts = [[str(number) for number in numbers] for numbers in places]
    return [prefix + separator.join(place) for place in itertools.product(*texts)]


def stored_pixels(layout: FovLayout, channels: Sequence[int], z_range: tuple[int, int]) -> str:
    """Return a digest of an array's metadata and of size and time of every chunk file that is read.

    Of a store by URL only of the metadata: pixels that change there are not noticed.

    Parameters
    ----------
    layout
        The field of view.
    channels
        Channel indices of the plate that are read.
    z_range
        Slices that are read, half open.
    """
    metadata = layout.array_path / ("zarr.json" if layout.driver == "zarr3" else ".zarray")
    digest = hashlib.sha256(metadata.read_bytes())
    if isinstance(layout.array_path, UrlPath):
        return digest.hexdigest()  # asking a server for the date of every chunk costs as much as reading them
    folder = str(layout.array_path)
    for name in chunk_files(layout, channels, z_range):
        try:
            stat = os.stat(f"{folder}/{name}")
        except (FileNotFoundError, NotADirectoryError):
            digest.update(b"-")
        else:
            digest.update(b"%d %d;" % (stat.st_size, stat.st_mtime_ns))
    return digest.hexdigest()


class HandleCache:
    """Open arrays by code, the least recently used closed first; safe for threads, empty in a new process.

    Parameters
    ----------
    open_one
        Opens the array of a code.
    limit
        Most arrays kept open.
    """

    def __init__(self, open_one: Callable[[int], Any], limit: int = 256) -> None:
        self._open = open_one
        self._limit = limit
        self._lock = threading.Lock()
        self._handles: OrderedDict[int, Any] = OrderedDict()
        self._pid = os.getpid()

    def __len__(self) -> int:
        return len(self._handles)

    def get(self, code: int) -> Any:
        """Return the open array of a code."""
        with self._lock:
            if self._pid != os.getpid():
                self._handles.clear()
                self._pid = os.getpid()
            handle = self._handles.get(code)
            if handle is not None:
                self._handles.move_to_end(code)
                return handle
        handle = self._open(code)
        with self._lock:
            self._handles[code] = handle
            while len(self._handles) > self._limit:
                self._handles.popitem(last=False)
        return handle

    def __getstate__(self) -> dict[str, Any]:
        return {"_open": self._open, "_limit": self._limit}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_open"], state["_limit"])  # type: ignore[misc]
