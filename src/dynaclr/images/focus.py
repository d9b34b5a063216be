"""Which slice of each frame is in focus: what the plate says, else what is measured once and kept beside it.

The measure is the variance of the Laplacian of a slice (LAPV: Pech-Pacheco, Cristobal, Chamorro-Martinez and
Fernandez-Valdivia, "Diatom autofocusing in brightfield microscopy: a comparative study", ICPR 2000), after a
mean over 2 x 2 pixels, which takes out most noise of single pixels.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.cores import cpu_limit
from dynaclr.base.errors import DataError
from dynaclr.experiment import FovLayout
from dynaclr.images.statistics import fov_statistics, origin
from dynaclr.images.statistics_files import write_beside
from dynaclr.images.stores import make_context, open_array, unreadable

FOCUS_VERSION = 1
"""Raised when the same pixels give another focus, so that what was kept is measured again."""
_STATED = ("focus_slice", "z_focus", "z_focus_mean")
"""Attributes of a position in which tools keep the slice in focus."""
_OF_FRAMES, _OF_FOV, _MEAN = "per_timepoint", "fov_statistics", "z_focus_mean"


@dataclass(frozen=True, slots=True)
class Focus:
    """The slices in focus of a field of view.

    Attributes
    ----------
    slices
        Number of the slice of each frame (T,), which may lie between two.
    source
        Who says so, in words.
    """

    slices: npt.NDArray[np.float64]
    source: str


def focus_of(layout: FovLayout, channel: int, again: bool = False) -> Focus:
    """Return the slices in focus of an FOV; what is measured is kept beside the plate.

    Parameters
    ----------
    layout
        The field of view.
    channel
        Channel of the plate that decides.
    again
        Whether what was kept is measured again.

    Raises
    ------
    DataError
        If pixels cannot be read, or what is measured cannot be kept.
    """
    stated = stated_focus(layout, channel)
    if stated is not None:
        return Focus(stated, "as the plate states")
    unusable = [name for name in _STATED if name in layout.attributes]
    source = "measured" + (f", {unusable[0]} of the plate cannot be used" if unusable else "")
    path = fov_statistics(layout.plate, layout.name).with_suffix(".focus.json")
    made_of = {**origin(layout, channel), "version": FOCUS_VERSION}
    name = layout.channels[channel]
    kept = _kept(path)
    entry = kept.get(name)
    if not again and isinstance(entry, Mapping) and entry.get("origin") == made_of:
        known = _in_stack(entry.get("slices"), layout)
        if known is not None:
            return Focus(known, source)
    slices = measured_focus(layout, channel)
    write_beside(path, {**kept, name: {"origin": made_of, "slices": slices.tolist()}})
    return Focus(slices.astype(np.float64), source)


def focus_of_many(
    layouts: Sequence[FovLayout],
    channels: Sequence[int],
    progress: Callable[[int, int], None] | None = None,
    again: bool = False,
) -> list[Focus]:
    """Return the focus of FOVs by the channel of each, as `focus_of`; `progress` gets (FOVs done, in all)."""
    found = []
    for layout, channel in zip(layouts, channels, strict=True):
        found.append(focus_of(layout, channel, again))
        if progress is not None:
            progress(len(found), len(layouts))
    return found


def _kept(path: Any) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def stated_focus(layout: FovLayout, channel: int) -> npt.NDArray[np.float64] | None:
    """Return what the attributes of a position say of each frame (T,); None if nothing that can be.

    Attributes are a number, one number a frame, or numbers by frame; all of them also by channel, and as
    statistics: of each frame ("per_timepoint") or of the field of view ("fov_statistics").
    """
    for name in _STATED:
        content = layout.attributes.get(name)
        if isinstance(content, Mapping) and layout.channels[channel] in content:
            content = content[layout.channels[channel]]
        slices = _in_stack(content, layout)
        if slices is not None:
            return slices
    return None


def _in_stack(content: Any, layout: FovLayout) -> npt.NDArray[np.float64] | None:
    """Return a slice of the stack for each frame of what is said, None if it does not say all."""
    slices = _of_frames(content, layout.shape[0])
    inside = slices is not None and np.all((slices >= -0.5) & (slices <= layout.shape[2] - 0.5))
    return slices if inside else None


def _of_frames(content: Any, frames: int) -> npt.NDArray[np.float64] | None:
    """Return a number a frame of what an attribute says, None if it does not say all."""
    if isinstance(content, Mapping):
        for part in (_OF_FRAMES, _OF_FOV, _MEAN):
            if part in content and (found := _of_frames(content[part], frames)) is not None:
                return found
        content = [content.get(str(frame)) for frame in range(frames)]
    values = content if isinstance(content, (list, tuple)) else [content] * frames
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    if len(values) != frames or not numbers:
        return None
    try:
        found = np.asarray(values, dtype=np.float64)
    except OverflowError:
        return None  # JSON has numbers of any length
    return found if np.all(np.isfinite(found)) else None


def measured_focus(layout: FovLayout, channel: int) -> npt.NDArray[np.int64]:
    """Return the sharpest slice of each frame (T,), the lowest of several.

    A frame in which all slices are equally sharp (blank, not stored) has the focus of the nearest frame
    before it that has one, else after it; the middle of the stack if none has.

    Raises
    ------
    DataError
        If pixels cannot be read.
    """
    frames, depth = layout.shape[0], layout.shape[2]
    if depth == 1:
        return np.zeros(frames, dtype=np.int64)
    array = open_array(layout, make_context(0), zeros_for_missing=True)

    def one(frame: int) -> int:
        try:
            stack = array[frame, channel].read().result()
        except (ValueError, OSError) as error:
            raise DataError(unreadable(layout, frame, error)) from error
        values = np.array([sharpness(plane) for plane in stack])
        return int(values.argmax()) if values.max() > values.min() else -1

    with ThreadPoolExecutor(max_workers=cpu_limit()) as pool:
        found = np.array(list(pool.map(one, range(frames))))
    known = np.flatnonzero(found >= 0)
    if not known.size:
        return np.full(frames, depth // 2)
    before = np.maximum(np.searchsorted(known, np.arange(frames), side="right") - 1, 0)
    return np.asarray(found[known[before]])


def sharpness(plane: npt.NDArray[Any]) -> float:
    """Return the variance of the Laplacian of an image (Y, X) after a mean over 2 x 2 pixels."""
    pixels: npt.NDArray[Any] = plane.astype(np.float32)
    if min(pixels.shape) >= 6:
        height, width = (size // 2 * 2 for size in pixels.shape)
        even, odd = pixels[0:height:2], pixels[1:height:2]
        rows = even + odd
        pixels = (rows[:, 0:width:2] + rows[:, 1:width:2]) / 4
    inner = pixels[1:-1, 1:-1]
    around = pixels[2:, 1:-1] + pixels[:-2, 1:-1] + pixels[1:-1, 2:] + pixels[1:-1, :-2]
    value = float((around - 4 * inner).var(dtype=np.float64)) if inner.size else 0.0
    return value if np.isfinite(value) else 0.0
