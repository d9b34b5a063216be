"""Finds and reads the files of a Cell Tracking Challenge sequence; decides nothing about them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import DataError, listing, problem, together

_MASK = re.compile(r"(?:mask|man_track)(\d+)\.tiff?", re.IGNORECASE)
_TABLES = ("man_track.txt", "res_track.txt")
_WHOLE = re.compile(r"[0-9]{1,18}")  # fits 64 bits
_FRAME = re.compile(r"(\d+)\.tiff?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CtcSequence:
    """Files of a sequence: images and masks by frame, the table of tracks, images of further channels."""

    folder: Path
    images: tuple[Path, ...]
    masks: tuple[Path, ...]
    table: Path
    channels: tuple[tuple[Path, ...], ...] = ()

    def state(self) -> tuple[tuple[int, int], ...]:
        """Return size and time of every file, to tell whether one has changed."""
        others = [path for images in self.channels for path in images]
        stats = [path.stat() for path in (*self.images, *self.masks, self.table, *others)]
        return tuple((stat.st_size, stat.st_mtime_ns) for stat in stats)


def find_sequence(folder: Path, masks: Path | None = None, channels: Sequence[Path] = ()) -> CtcSequence:
    """Return the files of the sequence whose images lie in `folder` ("01"), further channels in others.

    Masks are looked for in `masks`, or in 01_GT/TRA, 01_RES beside the images; with the table
    man_track.txt or res_track.txt there.

    Raises
    ------
    DataError
        If something is missing or frames of images and masks differ.
    """
    images = _frames(folder)
    beside = [folder.with_name(f"{folder.name}_GT") / "TRA", folder.with_name(f"{folder.name}_RES")]
    places = [masks] if masks is not None else beside
    found = [place for place in places if place.is_dir()]
    tables = [table for place in found for table in track_tables(place)]
    if not tables:
        looked = listing(f"{place}/(man_track|res_track).txt" for place in places)
        raise DataError(problem("no table of tracks", file=folder, expected=looked))
    mask_files = _frames(tables[0].parent)
    if list(images) != list(mask_files):
        only = sorted(set(images) ^ set(mask_files))
        raise DataError(
            problem(
                "images and masks have different frames",
                file=folder,
                expected=f"{len(images)} masks in {tables[0].parent}",
                found=f"{len(mask_files)}; frames in one only: {listing(only, 10)}",
            )
        )
    if list(images) != list(range(len(images))):
        missing = sorted(set(range(max(images) + 1)) - set(images))
        raise DataError(problem("frames are missing", file=folder, found=f"no frame {listing(missing, 10)}"))
    others = []
    for other in channels:
        found_there = _frames(other)
        if list(found_there) != list(images):
            differing = listing(sorted(set(images) ^ set(found_there)), 10)
            raise DataError(
                problem(
                    "channels have different frames",
                    file=other,
                    expected=f"{len(images)} images as in {folder}",
                    found=f"{len(found_there)}; frames in one only: {differing}",
                )
            )
        others.append(tuple(found_there.values()))
    files = tuple(images.values()), tuple(mask_files.values())
    return CtcSequence(folder, *files, tables[0], tuple(others))


def track_tables(folder: Path) -> list[Path]:
    """Return the tables of tracks that lie in a folder of masks."""
    return [folder / name for name in _TABLES if (folder / name).is_file()]


def mask_files(folder: Path) -> dict[int, Path]:
    """Return the masks of a folder by frame number, also where images lie among them.

    Raises
    ------
    DataError
        If there is none.
    """
    named = {int(match[1]): path for path in folder.iterdir() if (match := _MASK.fullmatch(path.name))}
    return dict(sorted(named.items())) or _frames(folder)


def _frames(folder: Path) -> dict[int, Path]:
    """Return TIFF files by frame number, in order.

    Raises
    ------
    DataError
        If the folder is missing or holds none.
    """
    if not folder.is_dir():
        raise DataError(problem("not a folder", file=folder, expected="a folder of TIFF files, t000.tif ..."))
    files = {int(match[1]): path for path in folder.iterdir() if (match := _FRAME.search(path.name))}
    if not files:
        raise DataError(problem("no TIFF file", file=folder, expected="files like t000.tif"))
    return dict(sorted(files.items()))


def read_image(path: Path) -> npt.NDArray[Any]:
    """Return a TIFF as (Z, Y, X).

    Raises
    ------
    DataError
        If it cannot be read or has other axes.
    """
    import tifffile

    try:
        image = np.asarray(tifffile.imread(path))
    except Exception as error:
        raise DataError(problem(f"image cannot be read: {error}", file=path)) from error
    if image.ndim == 2:
        image = image[None]
    if image.ndim != 3:
        raise DataError(
            problem("image has the wrong axes", file=path, expected="(Y, X) or (Z, Y, X)", found=image.shape)
        )
    return image


def read_lbep(path: Path) -> npt.NDArray[np.int64]:
    """Return the table of tracks (n, 4): label, begin, end, parent (0 for none).

    Raises
    ------
    DataError
        If a row is not four whole numbers, a duplicate label, a track ends before it begins or a
        parent is unknown; all rows are reported together.
    """
    rows, problems = [], []
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(problem(f"cannot be read: {error.strerror}", file=path)) from error
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        parts = line.split()
        if len(parts) != 4 or not all(_WHOLE.fullmatch(part) for part in parts):
            problems.append(
                problem(
                    "not a track", file=path, row=number, expected="4 whole numbers L B E P", found=repr(line)
                )
            )
            continue
        rows.append([int(part) for part in parts])
        if rows[-1][1] > rows[-1][2]:
            problems.append(problem("track ends before it begins", file=path, row=number, found=repr(line)))
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    problems += _relations(table, path)
    if not rows and not problems:
        problems.append(problem("no tracks", file=path, found="an empty file"))
    if problems:
        raise DataError(together(str(path), problems))
    return table


def _relations(table: npt.NDArray[np.int64], path: Path) -> Sequence[str]:
    labels, counts = np.unique(table[:, 0], return_counts=True)
    problems = [problem("duplicate label", file=path, found=int(label)) for label in labels[counts > 1]]
    strangers = np.setdiff1d(table[:, 3], np.append(labels, 0))
    return [
        *problems,
        *(problem("parent is not in the table", file=path, found=int(label)) for label in strangers),
    ]
