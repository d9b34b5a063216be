"""Runs a list of transforms on a batch and ends with the center crop.

Where it gives the same result it computes less than the list says: neighbors that can be one step are
one (an affine map and flips, a factor and an offset), and of each step only the window is computed
that the final crop depends on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.random import BatchKey, Purpose
from dynaclr.transforms.base import Draw, Transform, Window, check_images, select, working_dtype

_CHUNK_ELEMENTS = 2**20
"""On a CPU so many pixels are taken through all steps at a time: buffers stay in the cache."""

Step = tuple[Transform[Any], Any]


class Places(NamedTuple):
    """Some samples of a batch, so that they can be prepared alone as in the whole.

    Attributes
    ----------
    rows
        (b,) their places in the batch.
    size
        Samples of the whole batch.
    """

    rows: Tensor
    size: int


def apply_transforms(
    transforms: Sequence[Transform[Any]],
    images: Tensor,
    key: BatchKey,
    purpose: Purpose,
    final_yx: tuple[int, int],
    places: Places | None = None,
) -> Tensor:
    """Return the transformed batch, cropped to the middle; a new tensor of the same dtype and device.

    Parameters
    ----------
    transforms
        In order; the parameters of number i are drawn in slot i.
    images
        (B, C, Z, Y, X), floating point. Half precision is computed in float32 and rounded once.
    key, purpose
        What the parameters are drawn with.
    final_yx
        Size (Y, X) of the result in pixels.
    places
        Which samples of the batch `images` are; None for all of them.

    Raises
    ------
    ConfigError
        If `images` is no such batch, or smaller than a crop.
    """
    check_images(images)
    steps: list[Step] = []
    whole = len(images) if places is None else places.size
    shapes: list[tuple[int, ...]] = [(whole, *images.shape[1:])]
    for slot, transform in enumerate(transforms):
        parameters = transform.parameters(Draw(key, purpose, slot), shapes[-1])
        steps.append((transform, parameters if places is None else select(parameters, places.rows)))
        shapes.append(transform.shape_after(shapes[-1]))
    final = shapes[-1]
    if final_yx[0] > final[-2] or final_yx[1] > final[-1]:
        expected, what = f"at most {final[-2:]}, the size there", "the final crop is larger than the images"
        raise ConfigError(problem(what, field="final_yx", expected=expected, found=final_yx))
    with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
        result = images.new_empty(len(images), *final[1:3], *final_yx)
        steps = _merged(steps)
        windows = _windows(steps, tuple(images.shape), Window.center(final[-2:], final_yx))
        for rows in _chunks(images):
            result[rows] = _run(steps, windows, images[rows], rows)
    return result


def _merged(steps: Sequence[Step]) -> list[Step]:
    """Return the steps with neighbors joined whose parameters are of one kind and say that they can be."""
    merged: list[Step] = []
    for transform, parameters in steps:
        then = getattr(merged[-1][1], "then", None) if merged else None
        joined = then(parameters) if then and type(merged[-1][1]) is type(parameters) else None
        if joined is None:
            merged.append((transform, parameters))
        else:
            merged[-1] = (transform, joined)
    return merged


def _windows(steps: Sequence[Step], shape: tuple[int, ...], final: Window) -> list[Window]:
    """Return the window of the input of each step that the final window depends on, and the final one."""
    frames = []
    for transform, _ in steps:
        frames.append((shape[-2], shape[-1]))
        shape = transform.shape_after(shape)
    windows = [final]
    for (transform, parameters), frame in zip(reversed(steps), reversed(frames), strict=True):
        windows.append(transform.needs(windows[-1], parameters, frame))
    return windows[::-1]


def _run(steps: Sequence[Step], windows: Sequence[Window], images: Tensor, rows: slice) -> Tensor:
    """Take some samples through all steps."""
    frame = Window.whole(images.shape[-2:])
    current = frame.cut(images, windows[0]).to(working_dtype(images))
    for (transform, parameters), have, wanted in zip(steps, windows, windows[1:], strict=False):
        current = transform.apply_window(current, select(parameters, rows), have, wanted)
    return current


def _chunks(images: Tensor) -> list[slice]:
    """Cut a batch into runs of samples: all at once on a device, a cache full on a CPU."""
    samples = len(images)
    size = samples
    if images.device.type == "cpu" and samples:
        size = max(torch.get_num_threads(), _CHUNK_ELEMENTS // max(1, images[0].numel()))
    return [slice(first, min(first + size, samples)) for first in range(0, samples, max(1, size))]
