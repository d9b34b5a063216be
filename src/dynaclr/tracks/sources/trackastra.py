"""trackastra's table of edges: frames and labels of masks, which lie beside it or are named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import DataError, DynaclrError, listing, problem
from dynaclr.tracks.csv import column_names, read_track_csv
from dynaclr.tracks.sources.ctc_files import mask_files, read_image
from dynaclr.tracks.sources.found import Found, SourceOptions
from dynaclr.tracks.sources.label_centers import label_centers

_COLUMNS = ("source_frame", "source_label", "target_frame", "target_label")


def recognizes(path: Path, _head: bytes) -> bool:
    """Return whether a file is a table of edges between labels, or a folder holds one."""
    return bool(_tables(path))


def _tables(path: Path) -> list[Path]:
    found = []
    for file in sorted(path.glob("*.csv")) if path.is_dir() else [path]:
        try:
            found += [file] * (set(_COLUMNS) <= set(column_names(file)))
        except DynaclrError:
            continue
    return found


def read(path: Path, options: SourceOptions) -> Found:
    """Return the centers of the labels that edges link."""
    files = _tables(path)
    if len(files) > 1:
        fix = "Name the one that is meant as SOURCE."
        raise DataError(
            problem("several tables of edges", file=path, found=listing(f.name for f in files), fix=fix)
        )
    columns = read_track_csv(
        files[0],
        names=dict(zip(_COLUMNS, ("a", keys.ID, "b", keys.TRACK_ID), strict=True)),
        required=["a", keys.ID, "b", keys.TRACK_ID],
    )
    numbers = (columns[name] for name in ("a", keys.ID, "b", keys.TRACK_ID))
    checked = [_whole(values, files[0], name) for values, name in zip(numbers, _COLUMNS, strict=True)]
    frames, labels = checked[::2], checked[1::2]
    rows = _centers(files[0].parent if options.masks is None else options.masks, files[0])
    step = int(max(rows[:, 1].max(initial=0), labels[0].max(initial=0), labels[1].max(initial=0))) + 1
    ids = rows[:, 0].astype(np.int64) * step + rows[:, 1].astype(np.int64)
    edges = np.column_stack([frame * step + label for frame, label in zip(frames, labels, strict=True)])
    linked = np.isin(ids, edges)
    if not linked.any():
        what = "no edge names a label of the masks"
        fix = "Give the masks that were tracked with --masks."
        raise DataError(problem(what, file=files[0], found=f"{len(edges)} edges, {ids.size} labels", fix=fix))
    places = dict(zip((keys.T, keys.Z, keys.Y, keys.X), rows[linked][:, [0, 2, 3, 4]].T, strict=True))
    found = Found({keys.ID: ids[linked], **places, keys.T: rows[linked, 0].astype(np.int64)}, edges=edges)
    found.counts.unlinked = int(np.count_nonzero(~linked))
    return found


def _whole(values: npt.NDArray[np.generic], path: Path, column: str) -> npt.NDArray[np.int64]:
    good = values.dtype.kind in "iu" and (
        not values.size or 0 <= int(values.min()) <= int(values.max()) < 2**31
    )
    if not good:
        expected = "whole numbers from 0 to 2**31 - 1"
        raise DataError(problem("number out of range", file=path, field=column, expected=expected))
    return values.astype(np.int64)


def _centers(masks: Path, table: Path) -> npt.NDArray[np.float64]:
    """Return (n, 5) frame, label, z, y, x of every label: of a stack (T, Y, X), or of a file a frame.

    trackastra counts masks from 0 in their order, whatever the numbers in their names.
    """
    rows = [np.empty((0, 5))]
    for t, plane in enumerate(_planes(masks, table)):
        labels, centers = label_centers(plane)
        rows.append(np.column_stack([np.full(labels.size, t), labels, centers]))
    return np.concatenate(rows)


def _planes(masks: Path, table: Path) -> Iterator[npt.NDArray[Any]]:
    """Give masks (Z, Y, X), one after the other."""
    if not masks.is_dir():
        yield from (plane[None] for plane in read_image(masks))
        return
    try:
        files = list(mask_files(masks).values())
    except DataError as error:
        fix = "Name the folder of masks, or the stack, with --masks."
        raise DataError(problem("no masks beside the table of edges", file=table, fix=fix)) from error
    yield from map(read_image, files)
