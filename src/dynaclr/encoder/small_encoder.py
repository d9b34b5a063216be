"""An encoder that trains on a CPU in minutes, and the parts all encoders share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from dynaclr.base.bounds import Bounds
from dynaclr.base.errors import ConfigError, problem

SIZE = Bounds(1)
BOUNDS = dict.fromkeys(("in_channels", "in_stack_depth", "widths", "projection_dim"), SIZE)
"""Bounds of the arguments that are numbers."""


class SmallEncoder(nn.Module):
    """Plain convolutional network of about 0.13 million weights for demos, tests and small data sets.

    A 3-D convolution over the whole depth folds it away, so any depth fits; then every width but the first
    halves the plane. Batch norm follows each convolution: on nuclei it found a cell again twice as often
    as group norm after as many steps. Features are the mean over the plane.

    Parameters
    ----------
    in_channels, in_stack_depth
        C and Z of the images.
    widths
        Channels after the stem and after each halving; the last one is the number of features.
    projection_dim
        Number of projections, which the loss sees.

    Raises
    ------
    ConfigError
        If a number is below 1 or there are no widths.
    """

    def __init__(
        self,
        in_channels: int,
        in_stack_depth: int,
        widths: Sequence[int] = (16, 32, 64, 128),
        projection_dim: int = 64,
    ) -> None:
        super().__init__()
        if not widths:
            raise ConfigError(
                problem("no widths", field="widths", expected="at least one", found=list(widths))
            )
        check_sizes(in_channels=in_channels, in_stack_depth=in_stack_depth, projection_dim=projection_dim)
        check_sizes(**{f"widths[{place}]": width for place, width in enumerate(widths)})
        self.in_channels, self.in_stack_depth = in_channels, in_stack_depth
        self.feature_dim, self.projection_dim = widths[-1], projection_dim
        self.stem = nn.Sequential(
            nn.Conv3d(in_channels, widths[0], (in_stack_depth, 3, 3), padding=(0, 1, 1), bias=False),
            nn.Flatten(1, 2),  # the depth is 1 now
            _norm(widths[0]),
            nn.ReLU(inplace=True),
        )
        self.body = nn.Sequential(*(_halving(before, after) for before, after in pairwise(widths)))
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = projection_head(self.feature_dim, projection_dim)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (B, feature_dim) and projections (B, projection_dim) of (B, C, Z, Y, X).

        Raises
        ------
        ConfigError
            If C or Z is not what the encoder was built for.
        """
        check_images(images, self.in_channels, self.in_stack_depth)
        features = self.pool(self.body(self.stem(images)))
        return features, self.head(features)


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width)


def _halving(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
        _norm(after),
        nn.ReLU(inplace=True),
    )


def projection_head(feature_dim: int, projection_dim: int) -> nn.Sequential:
    """Return the two-layer perceptron with batch norm between features and loss (Chen et al., ICML 2020)."""
    return nn.Sequential(
        nn.Linear(feature_dim, feature_dim, bias=False),
        nn.BatchNorm1d(feature_dim),
        nn.ReLU(inplace=True),
        nn.Linear(feature_dim, projection_dim),
    )


def check_sizes(**sizes: int) -> None:
    """Raise ConfigError for the first size that is not a whole number of 1 or more."""
    for field, size in sizes.items():
        if not isinstance(size, int) or not SIZE.holds(size):
            raise ConfigError(
                problem("size cannot be used", field=field, expected="1, 2, ...", found=repr(size))
            )


def check_images(images: Tensor, in_channels: int, in_stack_depth: int) -> None:
    """Raise ConfigError unless images are (B, in_channels, in_stack_depth, Y, X)."""
    if images.ndim != 5 or tuple(images.shape[1:3]) != (in_channels, in_stack_depth):
        expected = f"(B, {in_channels}, {in_stack_depth}, Y, X)"
        raise ConfigError(
            problem("images do not match the encoder input", expected=expected, found=tuple(images.shape))
        )
