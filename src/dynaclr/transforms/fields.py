"""Blur and noise in the image plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dynaclr.transforms import checks
from dynaclr.transforms.base import Draw, Transform, Window

_TRUNCATE = 3.0
"""A kernel ends at this many sigmas: 99.7 % of a Gaussian."""

_SEED_RANGE = 2**53
"""Seeds are whole numbers below this: as many as a uniform float64 can tell apart."""


@dataclass(frozen=True, slots=True)
class BlurParameters:
    """Widths of Gaussians.

    Attributes
    ----------
    sigma
        (B,) float64 in pixels; 0 changes nothing.
    """

    sigma: Tensor

    @property
    def radius(self) -> Tensor:
        """Radius of each kernel (B,) int64, in pixels."""
        return (_TRUNCATE * self.sigma + 0.5).long()


@dataclass(frozen=True, slots=True)
class NoiseParameters:
    """Gaussian noise.

    Attributes
    ----------
    std
        (B,) float64 in the units of the images; 0 changes nothing.
    seed
        (B,) int64: the field of a sample depends on its own seed alone.
    """

    std: Tensor
    seed: Tensor


class RandomGaussianBlur(Transform[BlurParameters]):
    """Blurs each Z plane with a Gaussian of its sample's own width; edge pixels are repeated outside.

    Parameters
    ----------
    sigma_range
        Sigma is uniform within (low, high) pixels, 0 or more. A kernel ends at 3 sigma.
    prob
        Share of samples that are blurred.

    Raises
    ------
    ConfigError
        If a value is outside its range.
    """

    def __init__(self, sigma_range: tuple[float, float] = (0.3, 1.0), prob: float = 0.5) -> None:
        self.sigma_range = checks.interval(self, "sigma_range", sigma_range, low=0.0)
        self.prob = checks.probability(self, prob)

    def parameters(self, draw: Draw, shape: Sequence[int]) -> BlurParameters:
        """Draw the width of each sample."""
        chosen, uniform = torch.from_numpy(draw.uniforms(shape[0], 2)).unbind(dim=1)
        low, high = self.sigma_range
        return BlurParameters(torch.where(chosen < self.prob, low + uniform * (high - low), 0.0))

    def needs(self, wanted: Window, parameters: BlurParameters, frame_yx: tuple[int, int]) -> Window:
        """Return the window grown by the widest kernel."""
        return wanted.grown(int(parameters.radius.max()))

    def apply_window(
        self, images: Tensor, parameters: BlurParameters, have: Window, wanted: Window
    ) -> Tensor:
        """Return `wanted` of the blurred images, by two one-dimensional convolutions."""
        blurred = parameters.radius > 0
        if not bool(blurred.any()):
            return have.cut(images, wanted)
        kernels = _kernels(parameters.sigma[blurred], parameters.radius[blurred]).to(images)  # (n, K)
        if bool(blurred.all()):
            return have.cut(_convolved(images, kernels), wanted)
        result = have.cut(images, wanted).clone()
        rows = blurred.nonzero()[:, 0].to(images.device)
        result[rows] = have.cut(_convolved(images[rows], kernels), wanted)
        return result


class RandomGaussianNoise(Transform[NoiseParameters]):
    """Adds white Gaussian noise, one field a sample.

    The field is drawn on the device of the images, so it is the same on the same device and build.

    Parameters
    ----------
    std_range
        The standard deviation is uniform within (low, high), in the units of the images.
    prob
        Share of samples that get noise.

    Raises
    ------
    ConfigError
        If a value is outside its range.
    """

    def __init__(self, std_range: tuple[float, float] = (0.0, 0.2), prob: float = 0.5) -> None:
        self.std_range = checks.interval(self, "std_range", std_range, low=0.0)
        self.prob = checks.probability(self, prob)

    def parameters(self, draw: Draw, shape: Sequence[int]) -> NoiseParameters:
        """Draw the standard deviation and the seed of each sample."""
        chosen, uniform, seed = torch.from_numpy(draw.uniforms(shape[0], 3)).unbind(dim=1)
        low, high = self.std_range
        std = torch.where(chosen < self.prob, low + uniform * (high - low), 0.0)
        return NoiseParameters(std, (seed * _SEED_RANGE).long())

    def apply_window(
        self, images: Tensor, parameters: NoiseParameters, have: Window, wanted: Window
    ) -> Tensor:
        """Return `wanted` of the noisy images; the field is that of the whole frame."""
        shown = have.cut(images, wanted)
        result = torch.empty_like(shown, memory_format=torch.contiguous_format)
        generator = torch.Generator(images.device)
        frame = Window.whole((wanted.frame_y, wanted.frame_x))
        field = images.new_empty(*images.shape[1:3], *frame.yx)
        for sample, std in enumerate(parameters.std.tolist()):
            if std:
                generator.manual_seed(int(parameters.seed[sample]))
                field.normal_(generator=generator)
                torch.add(shown[sample], frame.cut(field, wanted), alpha=std, out=result[sample])
            else:
                result[sample] = shown[sample]
        return result


def _convolved(images: Tensor, kernels: Tensor) -> Tensor:
    """Return images (n, C, Z, Y, X) convolved along Y and X by each sample's own kernel (n, K)."""
    planes = images.flatten(0, 2)[None]  # (1, n * C * Z, Y, X)
    channels, half = planes.shape[1], kernels.shape[1] // 2
    weights = kernels.repeat_interleave(channels // len(kernels), dim=0)[:, None, None]  # (n C Z, 1, 1, K)
    planes = F.pad(planes, (0, 0, half, half), mode="replicate")
    planes = F.conv2d(planes, weights.transpose(2, 3), groups=channels)
    planes = F.pad(planes, (half, half, 0, 0), mode="replicate")
    return F.conv2d(planes, weights, groups=channels).view(images.shape)


def _kernels(sigma: Tensor, radius: Tensor) -> Tensor:
    """Return normalized Gaussians (n, K) of own width and radius, zero beyond it; K holds the widest."""
    half = int(radius.max())
    place = torch.arange(-half, half + 1)
    weights = torch.exp(-0.5 * (place / sigma[:, None]) ** 2)
    weights = weights.masked_fill(place.abs() > radius[:, None], 0.0)
    return weights / weights.sum(dim=1, keepdim=True)
