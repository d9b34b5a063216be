"""Changes of brightness and contrast, pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dynaclr.base.errors import ConfigError, problem
from dynaclr.transforms import checks
from dynaclr.transforms.base import Draw, Transform, Window


@dataclass(frozen=True, slots=True)
class LinearParameters:
    """x becomes x * factor + offset.

    Attributes
    ----------
    factor, offset
        (B, C) float64.
    """

    factor: Tensor
    offset: Tensor

    def then(self, after: LinearParameters) -> LinearParameters:
        """Return both changes as one."""
        return LinearParameters(self.factor * after.factor, self.offset * after.factor + after.offset)


@dataclass(frozen=True, slots=True)
class GammaParameters:
    """Exponents.

    Attributes
    ----------
    gamma
        (B, C) float64; 1 changes nothing.
    """

    gamma: Tensor


class _LinearTransform(Transform[LinearParameters]):
    def apply_window(
        self, images: Tensor, parameters: LinearParameters, have: Window, wanted: Window
    ) -> Tensor:
        """Return `wanted` of x * factor + offset, in one pass."""
        factor, offset = _spread(parameters.factor, images), _spread(parameters.offset, images)
        return torch.addcmul(offset, have.cut(images, wanted), factor)


class RandomScaleIntensity(_LinearTransform):
    """Multiplies by a factor.

    Parameters
    ----------
    factor_range
        The factor is uniform within (low, high), 0 or more.
    prob
        Share of samples that are changed.
    per_channel
        Draw for each channel by itself; else one factor a sample.

    Raises
    ------
    ConfigError
        If a value is of another type or outside its range.
    """

    def __init__(
        self, factor_range: tuple[float, float] = (0.8, 1.2), prob: float = 0.5, per_channel: bool = True
    ) -> None:
        self.factor_range = checks.interval(self, "factor_range", factor_range, low=0.0)
        self.prob = checks.probability(self, prob)
        self.per_channel = checks.flag(self, "per_channel", per_channel)

    def parameters(self, draw: Draw, shape: Sequence[int]) -> LinearParameters:
        """Draw the factors."""
        factor = _draw_values(draw, shape, self.factor_range, self.prob, 1.0, self.per_channel)
        return LinearParameters(factor, torch.zeros_like(factor))


class RandomShiftIntensity(_LinearTransform):
    """Adds an offset.

    Parameters
    ----------
    offset_range
        The offset is uniform within (low, high), in the units of the images (after normalization).
    prob
        Share of samples that are changed.
    per_channel
        Draw for each channel by itself; else one offset a sample.

    Raises
    ------
    ConfigError
        If a value is of another type or outside its range.
    """

    def __init__(
        self, offset_range: tuple[float, float] = (-0.2, 0.2), prob: float = 0.5, per_channel: bool = True
    ) -> None:
        self.offset_range = checks.interval(self, "offset_range", offset_range)
        self.prob = checks.probability(self, prob)
        self.per_channel = checks.flag(self, "per_channel", per_channel)

    def parameters(self, draw: Draw, shape: Sequence[int]) -> LinearParameters:
        """Draw the offsets."""
        offset = _draw_values(draw, shape, self.offset_range, self.prob, 0.0, self.per_channel)
        return LinearParameters(torch.ones_like(offset), offset)


class RandomGamma(Transform[GammaParameters]):
    """Raises to a power, within the range of each sample and channel.

    With low and high the extremes of a sample's channel over the whole patch, x becomes
    ((x - low) / (high - low)) ** gamma * (high - low) + low. So it works on negative values and keeps the
    range. A constant channel stays as it is. As the extremes are those of the whole patch, a crop
    cannot be moved before this transform: it is cheapest where it stands first in its list.

    Parameters
    ----------
    gamma_range
        The exponent is uniform within (low, high), above 0.
    prob
        Share of samples that are changed.
    per_channel
        Draw for each channel by itself; else one exponent a sample.

    Raises
    ------
    ConfigError
        If a value is of another type or outside its range.
    """

    def __init__(
        self, gamma_range: tuple[float, float] = (0.7, 1.4), prob: float = 0.5, per_channel: bool = True
    ) -> None:
        self.gamma_range = checks.interval(self, "gamma_range", gamma_range, low=0.0)
        if not self.gamma_range[0]:
            where, found = "RandomGamma.gamma_range", gamma_range
            raise ConfigError(problem("value cannot be used", field=where, expected="above 0", found=found))
        self.prob = checks.probability(self, prob)
        self.per_channel = checks.flag(self, "per_channel", per_channel)

    def parameters(self, draw: Draw, shape: Sequence[int]) -> GammaParameters:
        """Draw the exponents."""
        return GammaParameters(_draw_values(draw, shape, self.gamma_range, self.prob, 1.0, self.per_channel))

    def needs(self, wanted: Window, parameters: GammaParameters, frame_yx: tuple[int, int]) -> Window:
        """Return the whole frame, for its extremes, unless nothing is changed."""
        return Window.whole(frame_yx) if bool((parameters.gamma != 1).any()) else wanted

    def apply_window(
        self, images: Tensor, parameters: GammaParameters, have: Window, wanted: Window
    ) -> Tensor:
        """Return `wanted` of the powers."""
        changed = parameters.gamma != 1
        result = have.cut(images, wanted).clone()
        if not bool(changed.any()):
            return result
        low, high = images.amin((2, 3, 4), keepdim=True), images.amax((2, 3, 4), keepdim=True)
        span = high - low
        unit = result.sub(low) if not bool(changed.all()) else result.sub_(low)
        unit.div_(span.clamp_min(torch.finfo(images.dtype).tiny))
        # u ** gamma as exp(gamma log u): half the time of a power on a CPU; log 0 gives 0 as it should
        power = unit.log_().mul_(_spread(parameters.gamma, images)).exp_()
        power = torch.addcmul(low, power, span, out=power)
        if bool(changed.all()):
            return power
        return torch.where(changed[:, :, None, None, None].to(images.device), power, result)


def _draw_values(
    draw: Draw,
    shape: Sequence[int],
    value_range: tuple[float, float],
    prob: float,
    neutral: float,
    per_channel: bool,
) -> Tensor:
    """Return values (B, C), `neutral` for the samples that are not changed."""
    columns = shape[1] if per_channel else 1
    uniform = torch.from_numpy(draw.uniforms(shape[0], 1 + columns))
    low, high = value_range
    values = (low + uniform[:, 1:] * (high - low)).expand(-1, shape[1])
    return torch.where(uniform[:, :1] < prob, values, neutral)


def _spread(values: Tensor, images: Tensor) -> Tensor:
    """Return (B, C) as (B, C, 1, 1, 1) of the type and device of `images`."""
    return values[:, :, None, None, None].to(images)
