"""Files of images, read frame by frame, and what they say of axes, sizes, times and channels.

TIFF, OME-TIFF and ImageJ's by tifffile, everything else by bioio and its plugins; parses no metadata itself.
"""

from __future__ import annotations

import itertools
import logging
import math
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import DataError, problem
from dynaclr.experiment import AXES
from dynaclr.experiment.ngff import factor_of
from dynaclr.tracks.door import door

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_COLORS = ("RGB", "YCBCR", "PALETTE", "CFA")
_NO_NAME = re.compile(r"Channel:\d+(:\d+)?")  # what bioio calls a channel without a name
_RGB = (
    "Split its colors into channels (Fiji: Image > Color > Split Channels), or convert it to gray; where "
    "planes are no colors, give --axes."
)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a file says of one of its images.

    Attributes
    ----------
    shape
        (T, C, Z, Y, X).
    pixel_um
        (Z, Y, X) size of a pixel; None where it is not said.
    interval_minutes
        Time between frames; None where it is not said.
    channels
        Names; None where there are none.
    notes
        What else a person should know.
    others
        Other files that it lies in.
    """

    path: Path
    shape: tuple[int, int, int, int, int]
    dtype: np.dtype[Any]
    pixel_um: tuple[float | None, float | None, float | None] = (None, None, None)
    interval_minutes: float | None = None
    channels: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    others: frozenset[Path] = frozenset()


class ImageFile(Protocol):
    """An open file with one image or several."""

    images: list[ImageFacts]

    def read(self, number: int, t: int, c: int) -> npt.NDArray[Any]:
        """Return a frame of a channel of an image (Z, Y, X)."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


def open_file(path: Path, axes: str | None = None) -> ImageFile:
    """Open a file.

    Parameters
    ----------
    path
        TIFF, or what bioio reads.
    axes
        Letters of the axes of a TIFF, where it does not say or says wrongly.

    Raises
    ------
    DataError
        If it is damaged, has colors, or it is not clear what its axes are.
    """
    if not path.is_file():
        raise DataError(problem("no such file" if not path.exists() else "not a file", file=path))
    with door(path):
        with path.open("rb") as file:
            head = file.read(4)
        return TiffImages(path, axes) if head in _TIFF else BioImages(path)


class TiffImages:
    """A TIFF with its series."""

    def __init__(self, path: Path, axes: str | None) -> None:
        import tifffile

        self.path = path
        self._file: Any = None
        self._mapped: dict[int, npt.NDArray[Any]] = {}
        self.images: list[ImageFacts] = []
        self._letters: list[str] = []
        try:
            with _complaints(path):
                self._file = file = tifffile.TiffFile(path)
                self._series = list(file.series)
                for number, series in enumerate(self._series):
                    letters, notes = self._axes(series, axes)
                    self._letters.append(letters)
                    self.images.append(self._facts(number, letters, notes))
                len(file.pages)  # the chain of pages is walked to its end
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close it."""
        self._mapped.clear()
        if self._file is not None:
            self._file.close()

    def _axes(self, series: Any, stated: str | None) -> tuple[str, tuple[str, ...]]:
        """Return the letters of the axes of a series, and what to tell of them."""
        letters, shape = str(series.axes), tuple(series.shape)
        self._check_sizes(series)
        planes = stated is not None and letters.endswith("SYX")  # of 3 or 4 frames tifffile makes colors
        if "S" in letters and not planes and series.keyframe.photometric.name in _COLORS:
            expected = "one gray channel a plane"
            raise DataError(
                problem(
                    "a color image", file=self.path, expected=expected, found=f"{letters} {shape}", fix=_RGB
                )
            )
        if letters.endswith("S"):
            raise DataError(
                problem(
                    "samples interleaved: each pixel holds several values",
                    file=self.path,
                    expected="one gray channel a plane",
                    found=f"{letters} {shape}",
                    fix="Split them into channels (Fiji: Image > Color > Split Channels).",
                )
            )
        if stated is not None:
            if len(stated) != len(letters):
                raise DataError(
                    problem(
                        "other axes than stated",
                        file=self.path,
                        field="--axes",
                        expected=stated,
                        found=f"{len(shape)} axes of {' x '.join(map(str, shape))}",
                    )
                )
            known = letters != stated and set(letters) <= set(AXES.upper())
            note = f"axes: {stated} stated, {letters} by the file ({self.path.name}); the stated are used"
            return stated, (note,) if known else ()
        strange = [
            f"{size} ({letter})" for letter, size in zip(letters, shape, strict=True) if letter not in "TCZYX"
        ]
        if strange or letters[-2:] != "YX":
            raise DataError(
                problem(
                    "the file does not say what its axes are",
                    file=self.path,
                    found=f"{' x '.join(map(str, shape))} ({letters})",
                    fix="Give --axes: TYX for frames, ZYX for slices, TCYX for frames of channels.",
                )
            )
        return letters, ()

    def _check_sizes(self, series: Any) -> None:
        """Refuse smaller pages that are taken for a pyramid, and do not say that they are reduced."""
        for level in series.levels[1:] if series.kind == "generic" else ():
            page = level.keyframe
            if not (page.is_reduced or page.is_subifd):
                sizes = (" x ".join(map(str, one.shape[-2:])) for one in (series, level))
                raise DataError(
                    problem(
                        "pages of two sizes",
                        file=self.path,
                        expected=f"{next(sizes)} px",
                        found=f"{next(sizes)} px too",
                        fix="Save each size as a file of its own.",
                    )
                )

    def _facts(self, number: int, letters: str, notes: tuple[str, ...]) -> ImageFacts:
        series = self._series[number]
        size_of = dict(zip(letters, series.shape, strict=True))
        t, c, z, y, x = (int(size_of.get(letter, 1)) for letter in "TCZYX")
        said: dict[str, Any] = {}
        if self._file.is_ome and series.kind == "ome":
            said = self._of_ome(number, c)
        elif self._file.is_imagej:
            said = self._of_imagej(t, z)
        return ImageFacts(
            self.path, (t, c, z, y, x), np.dtype(series.dtype).newbyteorder("="), notes=notes, **said
        )

    def _of_ome(self, number: int, count: int) -> dict[str, Any]:
        import tifffile

        ome = tifffile.xml2dict(self._file.ome_metadata).get("OME", {})
        every = [pixels for image in _listed(ome.get("Image")) for pixels in _listed(image.get("Pixels"))]
        stored = [pixels for pixels in every if "TiffData" in pixels]  # tifffile skips those without pixels
        if len(stored) != len(self._series):
            raise DataError(
                problem(
                    "the metadata are not of the images in the file",
                    file=self.path,
                    expected=f"{len(stored)} images with pixels by the OME metadata",
                    found=len(self._series),
                    fix="Files that belong to it are missing, or it is damaged: copy or export it again.",
                )
            )
        pixels = stored[number]
        parts = [part.get("UUID") for part in _listed(pixels["TiffData"])]
        others = {
            self.path.resolve().parent / str(part.get("FileName"))
            for part in _listed(parts)
            if part.get("value") != ome.get("UUID")
        }
        sizes = (_in_unit(pixels, f"PhysicalSize{axis}", "x", "um") for axis in "ZYX")
        names = [str(channel.get("Name") or "").strip() for channel in _listed(pixels.get("Channel"))]
        seconds = _in_unit(pixels, "TimeIncrement", "t", "s") or _from_planes(_listed(pixels.get("Plane")))
        return {
            "pixel_um": tuple(sizes),
            "interval_minutes": seconds and seconds / 60,
            "channels": tuple(names) if len(names) == count and all(names) else None,
            "others": frozenset(others - {self.path.resolve()}),
        }

    def _of_imagej(self, frames: int, slices: int) -> dict[str, Any]:
        said, page = self._file.imagej_metadata or {}, self._file.pages[0]
        planes = said.get("images")
        if planes is not None and planes != math.prod(self._series[0].shape[:-2]):
            expected = f"{planes} planes by ImageJ's description"
            raise DataError(
                problem(
                    "the file is cut short",
                    file=self.path,
                    expected=expected,
                    found=math.prod(self._series[0].shape[:-2]),
                    fix="Copy or export it again.",
                )
            )
        unit = str(said.get("unit", "")).encode("ascii", "backslashreplace").decode("unicode_escape")
        um = factor_of("x", unit)
        sizes: list[float | None] = [None, None, None]
        if um is not None:
            sizes[0] = _number(said.get("spacing"), um) if slices > 1 else None
            for place, tag in ((1, "YResolution"), (2, "XResolution")):
                one = page.tags.get(tag)
                if one is not None and one.value[0]:
                    sizes[place] = _number(one.value[1] / one.value[0], um)
        seconds = _number(said.get("finterval"), factor_of("t", str(said.get("tunit", "s"))) or 1.0)
        return {
            "pixel_um": tuple(sizes),
            "interval_minutes": seconds and seconds / 60 if frames > 1 else None,
        }

    def read(self, number: int, t: int, c: int) -> npt.NDArray[Any]:
        """Return a frame of a channel of an image (Z, Y, X)."""
        with door(self.path), _complaints(self.path):
            letters, depth = self._letters[number], self.images[number].shape[2]
            places = ({"T": t, "C": c, "Z": z} for z in range(depth))
            planes = [self._plane(number, [place[letter] for letter in letters[:-2]]) for place in places]
            return np.stack(planes)

    def _plane(self, number: int, place: Sequence[int]) -> npt.NDArray[Any]:
        series = self._series[number]
        if number not in self._mapped and series.dataoffset is not None and series.keyframe.is_memmappable:
            code = self._file.byteorder + series.dtype.char
            self._mapped[number] = self._file.filehandle.memmap_array(code, series.shape, series.dataoffset)
        if number in self._mapped:
            return np.asarray(self._mapped[number][tuple(place)])
        leading = series.shape[:-2]
        page_planes = math.prod(series.shape) // (len(series) * math.prod(series.shape[-2:]))
        flat = int(np.ravel_multi_index(tuple(place), leading)) if leading else 0
        page = series[flat // page_planes]
        if page is None:
            raise DataError(problem("the plane is missing", file=self.path, row=f"plane {flat}"))
        pixels = page.asarray(maxworkers=1).reshape(page_planes, *series.shape[-2:])
        return np.asarray(pixels[flat % page_planes])


class BioImages:
    """A file of any format that a plugin of bioio reads, with its scenes."""

    def __init__(self, path: Path) -> None:
        try:
            from bioio import BioImage
        except ImportError as error:
            fix = 'Save it as TIFF, or install bioio (pip install "napari-dynaclr[images]") and its plugin.'
            raise DataError(problem("not a TIFF, and bioio is not installed", file=path, fix=fix)) from error
        self.path = path
        try:
            self._image: Any = BioImage(path)
            self._scenes = list(self._image.scenes)
        except Exception as error:
            fix = (
                "Save it as TIFF, or install the plugin of bioio for it, for example bioio-czi or bioio-nd2."
            )
            first = str(error).partition(". ")[0]
            raise DataError(problem(f"cannot be read by bioio: {first}", file=path, fix=fix)) from error
        self.images = [self._facts(scene) for scene in self._scenes]

    def close(self) -> None:
        """Nothing is held open."""

    def _facts(self, scene: str) -> ImageFacts:
        image = self._image
        image.set_scene(scene)
        if getattr(image.dims, "S", 1) > 1:
            raise DataError(
                problem("a color image", file=self.path, expected="one gray channel a plane", fix=_RGB)
            )
        shape = tuple(int(getattr(image.dims, letter)) for letter in "TCZYX")
        names = tuple(str(name) for name in image.channel_names or ())
        interval = image.time_interval
        seconds = None if interval is None else float(interval.total_seconds())
        sizes = image.physical_pixel_sizes
        return ImageFacts(
            self.path,
            shape,  # type: ignore[arg-type]  # five letters
            np.dtype(image.dtype),
            (_number(sizes.Z), _number(sizes.Y), _number(sizes.X)),
            seconds / 60 if seconds else None,
            None if not names or any(map(_NO_NAME.fullmatch, names)) else names,
        )

    def read(self, number: int, t: int, c: int) -> npt.NDArray[Any]:
        """Return a frame of a channel of a scene (Z, Y, X)."""
        with door(self.path):
            if self._image.current_scene != self._scenes[number]:
                self._image.set_scene(self._scenes[number])
            lazy = self._image.get_image_dask_data("ZYX", T=t, C=c)
            return np.asarray(lazy.compute(scheduler="synchronous"))


class OpenFiles:
    """Keeps some files open in each thread that reads; a context manager that closes them."""

    _KEPT = 8

    def __init__(self, axes: str | None) -> None:
        self._axes, self._here = axes, threading.local()
        self._all: list[dict[Path, ImageFile]] = []

    def __enter__(self) -> OpenFiles:
        return self

    def __exit__(self, *_: object) -> None:
        for files in self._all:
            for file in files.values():
                file.close()

    def get(self, path: Path) -> ImageFile:
        """Return an open file."""
        files: dict[Path, ImageFile] | None = getattr(self._here, "files", None)
        if files is None:
            files = self._here.files = {}
            self._all.append(files)
        if path not in files:
            while len(files) >= self._KEPT:
                files.pop(next(iter(files))).close()
            files[path] = open_file(path, self._axes)
        return files[path]


class _Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.thread, self.texts = threading.get_ident(), list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            self.texts.append(record.getMessage())


@contextmanager
def _complaints(path: Path) -> Iterator[None]:
    """Make an error of what tifffile only logs: pages and files that are not there read as zeros."""
    heard, log = _Heard(), logging.getLogger("tifffile")
    log.addHandler(heard)
    try:
        yield
    finally:
        log.removeHandler(heard)
    lost = [text for text in heard.texts if "TiffPages" in text or "series" in text]
    if lost:
        what = lost[0].partition("> ")[2] or lost[0]
        fix = "The file is cut short, or files that belong to it are missing: copy or export it again."
        raise DataError(problem(f"pages are missing or damaged: {what}", file=path, fix=fix))


def _listed(value: Any) -> list[Mapping[str, Any]]:
    items = value if isinstance(value, (list, tuple)) else [value]
    return [item for item in items if isinstance(item, Mapping)]


def _number(value: Any, factor: float = 1.0) -> float | None:
    """Return a size that can be one, times a factor."""
    number = isinstance(value, (int, float)) and math.isfinite(value) and value > 0
    return float(value) * factor if number else None


def _in_unit(pixels: Mapping[str, Any], name: str, letter: str, default: str) -> float | None:
    """Return a field of OME metadata in micrometers or seconds; None if its unit is not known."""
    factor = factor_of(letter, pixels.get(f"{name}Unit", default))
    return None if factor is None else _number(pixels.get(name), factor)


def _from_planes(planes: Sequence[Mapping[str, Any]]) -> float | None:
    """Return seconds between frames from the times of planes: the median step, first channel and slice."""
    times: dict[int, float] = {}
    for plane in planes:
        t, delta = plane.get("TheT"), plane.get("DeltaT")
        factor = factor_of("t", plane.get("DeltaTUnit", "s"))
        if not plane.get("TheC") and not plane.get("TheZ") and None not in (t, delta, factor):
            times[int(t)] = float(delta) * float(factor)  # type: ignore[arg-type]  # none of them is None
    if len(times) < 2:
        return None
    frames = sorted(times)
    steps = [(times[b] - times[a]) / (b - a) for a, b in itertools.pairwise(frames)]
    return _number(float(np.median(steps)))
