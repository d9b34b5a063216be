"""Whole channels of whole samples set to zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from dynaclr.base.errors import ConfigError, problem


class ChannelDropout(nn.Module):
    """Zeroes listed channels of whole samples, each independently, with probability `p`.

    In training the uniforms come with the call, so that the same batch always loses the same channels;
    called with images alone it draws them from torch's generator. In eval mode, and for p = 0, it returns
    its input.

    Parameters
    ----------
    channels
        Positions on the channel axis that may be dropped; no two equal.
    p
        Probability of dropping, 0 to 1, the same for each listed channel.

    Raises
    ------
    ConfigError
        If a channel is negative or listed twice, or p is not within [0, 1].
    """

    def __init__(self, channels: Sequence[int], p: float) -> None:
        super().__init__()
        self.channels = tuple(int(channel) for channel in channels)
        if min(self.channels, default=0) < 0 or len(set(self.channels)) < len(self.channels):
            expected = "different positions, 0 or more"
            raise ConfigError(
                problem("channels cannot be used", field="channels", expected=expected, found=list(channels))
            )
        if not 0.0 <= p <= 1.0:
            raise ConfigError(
                problem("probability must be between 0 and 1", field="p", expected="0 to 1", found=p)
            )
        self.p = float(p)

    def forward(
        self, images: Tensor, uniforms: npt.NDArray[np.floating[Any]] | Tensor | None = None
    ) -> Tensor:
        """Return images with dropped channels; the input is never changed.

        Parameters
        ----------
        images
            (B, C, Z, Y, X).
        uniforms
            (B, number of listed channels) in [0, 1); a channel is dropped where its uniform is below p.
            None to draw them from torch's generator.

        Raises
        ------
        ConfigError
            If a listed channel is not there, or the uniforms are of another shape.
        """
        if not self.training or self.p == 0.0 or not self.channels:
            return images
        if max(self.channels) >= images.shape[1]:
            raise ConfigError(
                problem(
                    "unknown channel",
                    field="channels",
                    expected=f"0..{images.shape[1] - 1}",
                    found=list(self.channels),
                )
            )
        mask = torch.zeros(images.shape[:2], dtype=torch.bool)  # (B, C)
        mask[:, list(self.channels)] = self._dropped(uniforms, images.shape[0])
        return images.masked_fill(mask.to(images.device)[:, :, None, None, None], 0.0)

    def _dropped(self, uniforms: npt.NDArray[np.floating[Any]] | Tensor | None, samples: int) -> Tensor:
        """Return which listed channels go, (B, listed), on the CPU."""
        expected = (samples, len(self.channels))
        if uniforms is None:
            return torch.rand(expected) < self.p
        if tuple(uniforms.shape) != expected:
            found = tuple(uniforms.shape)
            raise ConfigError(problem("wrong shape", field="uniforms", expected=expected, found=found))
        return torch.as_tensor(uniforms).cpu() < self.p

    def extra_repr(self) -> str:
        """Return the settings, for printing."""
        return f"channels={self.channels}, p={self.p}"
