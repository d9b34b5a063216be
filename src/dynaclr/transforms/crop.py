"""Crops in the plane and shifts in Z."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dynaclr.base.errors import ConfigError, problem
from dynaclr.transforms import checks
from dynaclr.transforms.base import Draw, Transform, Window


@dataclass(frozen=True, slots=True)
class CropParameters:
    """Where each crop begins.

    Attributes
    ----------
    corner
        (B, 2) int64: first row and first column.
    """

    corner: Tensor


@dataclass(frozen=True, slots=True)
class ShiftParameters:
    """By how many planes each sample is shifted.

    Attributes
    ----------
    planes
        (B,) int64: plane z of the result shows plane z + planes, counted from the middle of the stack.
    """

    planes: Tensor


class _Crop(Transform[CropParameters]):
    def __init__(self, yx: tuple[int, int]) -> None:
        self.yx = checks.size_yx(self, "yx", yx)

    def shape_after(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape with Y and X of the crop; ConfigError if the crop is larger than the images."""
        if self.yx[0] > shape[-2] or self.yx[1] > shape[-1]:
            name = f"{type(self).__name__}.yx"
            expected = f"at most {tuple(shape[-2:])}, the size of the images"
            raise ConfigError(
                problem("the crop is larger than the images", field=name, expected=expected, found=self.yx)
            )
        return (*shape[:-2], *self.yx)

    def needs(self, wanted: Window, parameters: CropParameters, frame_yx: tuple[int, int]) -> Window:
        """Return the rectangle that holds the crops of all samples."""
        first, last = parameters.corner.amin(dim=0).tolist(), parameters.corner.amax(dim=0).tolist()
        return Window(
            *frame_yx,
            wanted.top + first[0],
            wanted.bottom + last[0],
            wanted.left + first[1],
            wanted.right + last[1],
        )

    def apply_window(
        self, images: Tensor, parameters: CropParameters, have: Window, wanted: Window
    ) -> Tensor:
        """Return `wanted` of the crops."""
        crops = []
        for image, (top, left) in zip(images, parameters.corner.tolist(), strict=True):
            place = Window(
                have.frame_y,
                have.frame_x,
                wanted.top + top,
                wanted.bottom + top,
                wanted.left + left,
                wanted.right + left,
            )
            crops.append(have.cut(image, place))
        return torch.stack(crops)


class CenterCrop(_Crop):
    """Keeps the middle of the plane; an odd rest goes to the bottom and the right.

    Parameters
    ----------
    yx
        Size (Y, X) in pixels.

    Raises
    ------
    ConfigError
        If the size is not two whole numbers above 0, or larger than the images.
    """

    def parameters(self, draw: Draw, shape: Sequence[int]) -> CropParameters:
        """Return the same corner for every sample; nothing is drawn."""
        place = Window.center(shape[-2:], self.shape_after(shape)[-2:])
        return CropParameters(torch.tensor([[place.top, place.left]]).repeat(shape[0], 1))


class RandomCrop(_Crop):
    """Keeps a rectangle of the plane, at a place drawn for each sample, all places alike.

    Parameters
    ----------
    yx
        Size (Y, X) in pixels.

    Raises
    ------
    ConfigError
        If the size is not two whole numbers above 0, or larger than the images.
    """

    def parameters(self, draw: Draw, shape: Sequence[int]) -> CropParameters:
        """Draw the corner of each sample."""
        y, x = self.shape_after(shape)[-2:]
        places = torch.tensor([shape[-2] - y + 1, shape[-1] - x + 1])
        return CropParameters((torch.from_numpy(draw.uniforms(shape[0], 2)) * places).long())


class RandomZShift(Transform[ShiftParameters]):
    """Shifts the stack by whole planes; a plane beyond the stack shows the first or the last one.

    Parameters
    ----------
    max_shift
        Shifts are uniform on -max_shift..max_shift planes.
    depth
        Planes that are kept, around the shifted middle of the stack; None keeps as many as there are. A
        stack at least 2 * max_shift planes deeper never repeats one. Only training runs augmentations, so
        other stages need stacks of this depth.
    prob
        Share of samples that are shifted.

    Raises
    ------
    ConfigError
        If a value is outside its range, or `depth` is larger than the stack.
    """

    def __init__(self, max_shift: int = 1, depth: int | None = None, prob: float = 0.5) -> None:
        self.max_shift = checks.whole(self, "max_shift", max_shift, low=1)
        self.depth = None if depth is None else checks.whole(self, "depth", depth, low=1)
        self.prob = checks.probability(self, prob)

    def shape_after(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape with Z as asked; ConfigError if the stack has fewer planes."""
        depth = shape[2] if self.depth is None else self.depth
        if depth > shape[2]:
            expected = f"at most {shape[2]}, the planes of the images"
            what = "more planes requested than the stack has"
            raise ConfigError(problem(what, field="RandomZShift.depth", expected=expected, found=depth))
        return (*shape[:2], depth, *shape[3:])

    def parameters(self, draw: Draw, shape: Sequence[int]) -> ShiftParameters:
        """Draw the shift of each sample."""
        self.shape_after(shape)
        chosen, uniform = torch.from_numpy(draw.uniforms(shape[0], 2)).unbind(dim=1)
        shift = (uniform * (2 * self.max_shift + 1)).long() - self.max_shift
        return ShiftParameters(torch.where(chosen < self.prob, shift, 0))

    def apply_window(
        self, images: Tensor, parameters: ShiftParameters, have: Window, wanted: Window
    ) -> Tensor:
        """Return `wanted` of the shifted stacks."""
        planes, depth = images.shape[2], self.shape_after(images.shape)[2]
        place = torch.arange(depth) + (planes - depth) // 2 + parameters.planes[:, None]  # (B, Z)
        place = place.clamp(0, planes - 1).to(images.device)
        index = place[:, None, :, None, None].expand(-1, images.shape[1], -1, *wanted.yx)
        return have.cut(images, wanted).take_along_dim(index, dim=2)
