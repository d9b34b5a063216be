"""What every random transform is: parameters drawn from a key, then applied."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dynaclr.base import random as draws
from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.random import BatchKey, Purpose

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Draw:
    """Address of the random numbers of one transform of one batch.

    Attributes
    ----------
    key
        Address of the batch.
    purpose
        What is drawn for: augmentation of anchors, dropout of positives, ...
    slot
        Which of several users of one purpose: the place of a transform in its list.
    """

    key: BatchKey
    purpose: Purpose
    slot: int = 0

    def uniforms(self, rows: int, columns: int = 1) -> npt.NDArray[np.float64]:
        """Return uniforms in [0, 1), (rows, columns); row j belongs to sample j."""
        return draws.uniforms(self.key, self.purpose, rows, columns, self.slot)

    def torch_generator(self, device: torch.device | str) -> torch.Generator:
        """Return a fresh generator on a device, for fields too large to draw on the CPU."""
        seed = draws.torch_seed(self.key, self.purpose, self.slot)
        return torch.Generator(device).manual_seed(seed)


class Window(NamedTuple):
    """A rectangle in a frame of `frame_y` by `frame_x` pixels; `bottom` and `right` are exclusive.

    A transform can be asked for a window of its result, so that only what a final crop keeps is computed.
    """

    frame_y: int
    frame_x: int
    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def whole(cls, frame_yx: Sequence[int]) -> Window:
        """Return the window that is the whole frame (Y, X)."""
        return cls(frame_yx[0], frame_yx[1], 0, frame_yx[0], 0, frame_yx[1])

    @classmethod
    def center(cls, frame_yx: Sequence[int], yx: Sequence[int]) -> Window:
        """Return the window of size `yx` in the middle; an odd rest goes to the bottom and the right."""
        top, left = (frame_yx[0] - yx[0]) // 2, (frame_yx[1] - yx[1]) // 2
        return cls(frame_yx[0], frame_yx[1], top, top + yx[0], left, left + yx[1])

    @property
    def yx(self) -> tuple[int, int]:
        """Size of the rectangle."""
        return self.bottom - self.top, self.right - self.left

    def grown(self, margin: int) -> Window:
        """Return the window with `margin` more pixels at each side, cut at the frame."""
        return self._replace(
            top=max(0, self.top - margin),
            bottom=min(self.frame_y, self.bottom + margin),
            left=max(0, self.left - margin),
            right=min(self.frame_x, self.right + margin),
        )

    def cut(self, images: Tensor, wanted: Window) -> Tensor:
        """Return the part of `images` (..., Y, X), which show this window, that shows `wanted`; a view."""
        rows = slice(wanted.top - self.top, wanted.bottom - self.top)
        return images[..., rows, wanted.left - self.left : wanted.right - self.left]


class Transform(ABC, Generic[P]):
    """A random transform of a batch (B, C, Z, Y, X), each sample by itself, never in place.

    A subclass draws in `parameters` and is deterministic in `apply_window`. Its constructor takes plain
    values, so that it can be written in YAML.
    """

    @abstractmethod
    def parameters(self, draw: Draw, shape: Sequence[int]) -> P:
        """Draw the parameters of a batch of `shape` (B, C, Z, Y, X): a dataclass of CPU tensors (B, ...)."""

    @abstractmethod
    def apply_window(self, images: Tensor, parameters: P, have: Window, wanted: Window) -> Tensor:
        """Return `wanted` of the result, given `images` (float32 or float64) that show `have` of the input.

        `have` covers what `needs` returns for `wanted`.
        """

    def needs(self, wanted: Window, parameters: P, frame_yx: tuple[int, int]) -> Window:
        """Return the window of the input, a frame of `frame_yx`, that `wanted` of the result depends on."""
        return wanted

    def shape_after(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape (B, C, Z, Y, X) of the result for one of the input.

        Raises
        ------
        ConfigError
            If the transform cannot be applied to images of that shape.
        """
        return tuple(shape)

    def apply(self, images: Tensor, parameters: P) -> Tensor:
        """Return the transformed batch, same dtype and device; it may be a view of `images`.

        Computed in float32, or float64 for float64 images.
        """
        after = self.shape_after(images.shape)
        have, wanted = Window.whole(images.shape[-2:]), Window.whole(after[-2:])
        result = self.apply_window(images.to(working_dtype(images)), parameters, have, wanted)
        return result.to(images.dtype)

    def __call__(self, images: Tensor, draw: Draw) -> Tensor:
        """Draw and apply.

        Raises
        ------
        ConfigError
            If `images` is no floating point batch (B, C, Z, Y, X).
        """
        check_images(images)
        return self.apply(images, self.parameters(draw, images.shape))


def working_dtype(images: Tensor) -> torch.dtype:
    """Return the type that transforms compute in."""
    return torch.float64 if images.dtype == torch.float64 else torch.float32


def check_images(images: Tensor) -> None:
    """Raise ConfigError unless `images` is a floating point batch (B, C, Z, Y, X)."""
    if images.ndim != 5 or not images.is_floating_point():
        found = f"{tuple(images.shape)} {images.dtype}"
        expected = "(B, C, Z, Y, X), floating point"
        raise ConfigError(problem("wrong shape or type", field="images", expected=expected, found=found))


def select(parameters: P, rows: slice | Tensor) -> P:
    """Return the parameters of some samples."""
    record: Any = parameters
    return type(parameters)(**{item.name: getattr(record, item.name)[rows] for item in fields(record)})
