"""Rotation, scale, shear and flips in the image plane."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dynaclr.base.errors import ConfigError, problem
from dynaclr.transforms import checks
from dynaclr.transforms.base import Draw, Transform, Window


@dataclass(frozen=True, slots=True)
class PlaneParameters:
    """Linear maps about the center of the frame.

    Attributes
    ----------
    matrix
        (B, 2, 2) float64: from the offset (y, x) of a pixel of the result from the center of the frame, in
        pixels, to the offset of the place in the input that it shows.
    """

    matrix: Tensor

    @property
    def bent(self) -> Tensor:
        """Which samples (B,) need interpolation; the others are flipped or left as they are."""
        eye = torch.eye(2, dtype=torch.float64)
        return (self.matrix.abs() != eye).flatten(1).any(dim=1)

    def then(self, after: PlaneParameters) -> PlaneParameters | None:
        """Return both maps as one; None if a sample would have been interpolated twice."""
        if bool((self.bent & after.bent).any()):
            return None
        return PlaneParameters(self.matrix @ after.matrix)


class _PlaneTransform(Transform[PlaneParameters]):
    """Resamples each sample once, alike in all channels and Z planes."""

    def needs(self, wanted: Window, parameters: PlaneParameters, frame_yx: tuple[int, int]) -> Window:
        """Return the whole frame if a sample is interpolated, else a window that flips onto itself."""
        if bool(parameters.bent.any()):
            return Window.whole(frame_yx)
        y = min(wanted.top, wanted.frame_y - wanted.bottom)
        x = min(wanted.left, wanted.frame_x - wanted.right)
        return wanted._replace(top=y, bottom=wanted.frame_y - y, left=x, right=wanted.frame_x - x)

    def apply_window(
        self, images: Tensor, parameters: PlaneParameters, have: Window, wanted: Window
    ) -> Tensor:
        """Return `wanted` of the mapped images."""
        bent = parameters.bent
        if bool(bent.all()):
            return _bilinear(images, parameters.matrix, wanted)
        result = images.new_empty(*images.shape[:3], *wanted.yx)
        rows = bent.nonzero()[:, 0].to(images.device)
        if len(rows):
            result[rows] = _bilinear(images[rows], parameters.matrix[bent], wanted)
        for sample in (~bent).nonzero()[:, 0].tolist():
            axes = [axis - 2 for axis in (0, 1) if parameters.matrix[sample, axis, axis] < 0]
            flipped = images[sample].flip(axes) if axes else images[sample]
            result[sample] = have.cut(flipped, wanted)
        return result


class RandomAffine(_PlaneTransform):
    """Rotates, scales and shears in the plane, all channels and Z planes of a sample alike.

    One bilinear resampling. A place outside the patch shows the nearest edge pixel, never zeros; with a
    patch of at least `required_patch_yx` the final crop shows no such place.

    Parameters
    ----------
    rotation_degrees
        Angles are uniform within +-rotation_degrees, 0 to 180.
    scale_range
        Magnification, uniform within (low, high); above 1 enlarges.
    shear_degrees
        Shear angles are uniform within +-shear_degrees, 0 to 60.
    prob
        Share of samples that are transformed.

    Raises
    ------
    ConfigError
        If a value is outside its range.
    """

    def __init__(
        self,
        rotation_degrees: float = 180.0,
        scale_range: tuple[float, float] = (0.8, 1.2),
        shear_degrees: float = 0.0,
        prob: float = 0.8,
    ) -> None:
        self.rotation_degrees = checks.number(self, "rotation_degrees", rotation_degrees, low=0.0, high=180.0)
        self.scale_range = checks.interval(self, "scale_range", scale_range, low=0.05)
        self.shear_degrees = checks.number(self, "shear_degrees", shear_degrees, low=0.0, high=60.0)
        self.prob = checks.probability(self, prob)

    def parameters(self, draw: Draw, shape: Sequence[int]) -> PlaneParameters:
        """Draw angle, scale and shear of each sample."""
        chosen, *uniform = torch.from_numpy(draw.uniforms(shape[0], 4)).unbind(dim=1)
        angle = (2 * uniform[0] - 1) * math.radians(self.rotation_degrees)
        low, high = self.scale_range
        scale = low + uniform[1] * (high - low)
        slope = torch.tan((2 * uniform[2] - 1) * math.radians(self.shear_degrees))
        cos, sin = torch.cos(angle), torch.sin(angle)
        # rotation @ [[1, 0], [slope, 1]] / scale, on offsets (y, x)
        matrix = torch.stack([cos - slope * sin, -sin, sin + slope * cos, cos], dim=1) / scale[:, None]
        eye = torch.eye(2, dtype=torch.float64)
        return PlaneParameters(torch.where((chosen < self.prob)[:, None, None], matrix.view(-1, 2, 2), eye))

    def required_patch_yx(self, final_yx: tuple[int, int]) -> tuple[int, int]:
        """Return the patch size (Y, X) in pixels that a final crop of `final_yx` needs."""
        return required_patch_yx(final_yx, self.rotation_degrees, self.scale_range, self.shear_degrees)


class RandomFlip(_PlaneTransform):
    """Mirrors samples along Y and along X, each axis by its own draw.

    Parameters
    ----------
    axes
        "y", "x" or both.
    prob
        Share of samples that are mirrored, for each axis.

    Raises
    ------
    ConfigError
        If an axis is unknown or given twice, or the probability is outside 0..1.
    """

    def __init__(self, axes: Sequence[str] = ("y", "x"), prob: float = 0.5) -> None:
        if not checks.sequence(axes) or list(axes) not in (["y"], ["x"], ["y", "x"], ["x", "y"]):
            expected, found = "a list of 'y', 'x' or both", repr(axes)
            raise ConfigError(problem("wrong axes", field="RandomFlip.axes", expected=expected, found=found))
        self.axes = tuple(axes)
        self.prob = checks.probability(self, prob)

    def parameters(self, draw: Draw, shape: Sequence[int]) -> PlaneParameters:
        """Draw which axes of each sample are mirrored."""
        mirrored = torch.from_numpy(draw.uniforms(shape[0], 2)) < self.prob
        mirrored &= torch.tensor(["y" in self.axes, "x" in self.axes])
        return PlaneParameters(torch.diag_embed(1.0 - 2.0 * mirrored.double()))


def required_patch_yx(
    final_yx: tuple[int, int],
    rotation_degrees: float = 0.0,
    scale_range: tuple[float, float] = (1.0, 1.0),
    shear_degrees: float = 0.0,
) -> tuple[int, int]:
    """Return the smallest patch in which a final crop never shows a place outside, whatever is drawn.

    Parameters
    ----------
    final_yx
        Size (Y, X) of the center crop, in pixels.
    rotation_degrees, scale_range, shear_degrees
        As in `RandomAffine`.

    Returns
    -------
    (Y, X) in pixels, each odd or even as in `final_yx`, so that the crop lies in the very center.
    """
    limit = math.radians(rotation_degrees)
    slope = math.tan(math.radians(shear_degrees))
    extent = [0.0, 0.0]
    for sign in (-1.0, 1.0):
        # Opposite corners mirror each other; the farthest place is linear in the shear, so at its ends.
        for shear in (-slope, slope):
            y, x = (final_yx[0] - 1) / 2, sign * (final_yx[1] - 1) / 2
            x += shear * y
            length, direction = math.hypot(y, x), math.atan2(x, y)
            extent[0] = max(extent[0], length * _largest_cosine(direction - limit, direction + limit))
            quarter = direction - math.pi / 2
            extent[1] = max(extent[1], length * _largest_cosine(quarter - limit, quarter + limit))
    sizes = [math.ceil(2 * size / scale_range[0] + 1 - 1e-9) for size in extent]
    return sizes[0] + (sizes[0] - final_yx[0]) % 2, sizes[1] + (sizes[1] - final_yx[1]) % 2


def _largest_cosine(low: float, high: float) -> float:
    """Return the largest |cos| within low..high radians."""
    if math.floor(high / math.pi) >= math.ceil(low / math.pi):
        return 1.0
    return max(abs(math.cos(low)), abs(math.cos(high)))


def _bilinear(images: Tensor, matrix: Tensor, wanted: Window) -> Tensor:
    """Return `wanted` (n, C, Z, y, x) of whole frames (n, C, Z, Y, X) mapped by `matrix` (n, 2, 2)."""
    half = torch.tensor([max(wanted.frame_y - 1, 1), max(wanted.frame_x - 1, 1)]).double() / 2
    scaled = matrix / half[:, None]  # to -1..1, the centers of the first and the last pixel
    rows = torch.arange(wanted.top, wanted.bottom).double() - (wanted.frame_y - 1) / 2
    columns = torch.arange(wanted.left, wanted.right).double() - (wanted.frame_x - 1) / 2
    along = (scaled[:, :, 0, None] * rows).to(images)  # (n, 2, y)
    across = (scaled[:, :, 1, None] * columns).to(images)  # (n, 2, x)
    grid = along[:, :, :, None] + across[:, :, None, :]  # (n, 2, y, x), places (y, x)
    planes = images.flatten(1, 2)  # (n, C * Z, Y, X)
    places = grid.flip(1).permute(0, 2, 3, 1)
    sampled = F.grid_sample(planes, places, mode="bilinear", padding_mode="border", align_corners=True)
    return sampled.view(*images.shape[:3], *wanted.yx)
