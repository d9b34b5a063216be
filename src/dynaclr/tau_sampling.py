"""The law of tau, the offset in frames between an anchor and its positive."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.random import choose


def tau_weights(
    offsets_frames: npt.NDArray[np.integer], tau_min: int, tau_max: int, decay_rate: float = 2.0
) -> npt.NDArray[np.float64]:
    """Return exp(-decay_rate (tau - tau_min) / (tau_max - tau_min)) for each offset, not normalized.

    Parameters
    ----------
    offsets_frames
        Offsets in frames.
    tau_min, tau_max
        Ends of the range in frames, both included.
    decay_rate
        0 is uniform; larger values favor short offsets.
    """
    span = max(tau_max - tau_min, 1)
    result: npt.NDArray[np.float64] = np.exp(-decay_rate * (np.asarray(offsets_frames) - tau_min) / span)
    return result


def sample_tau(tau_min: int, tau_max: int, rng: np.random.Generator, decay_rate: float = 2.0) -> int:
    """Draw one offset in frames from the law of `tau_weights` over tau_min..tau_max inclusive.

    Raises
    ------
    ConfigError
        If the range is reversed or the decay rate is negative or not finite.
    """
    if tau_min > tau_max:
        raise ConfigError(problem("tau range is reversed", found=f"({tau_min}, {tau_max})"))
    if not np.isfinite(decay_rate) or decay_rate < 0:
        raise ConfigError(problem("tau_decay_rate cannot be used", expected=">= 0", found=decay_rate))
    offsets = np.arange(tau_min, tau_max + 1)
    cumulative = np.cumsum(tau_weights(offsets, tau_min, tau_max, decay_rate))
    return int(offsets[choose(cumulative, rng.random(1))[0]])


def frames_from_hours(hours: float, interval_minutes: float) -> int:
    """Return hours as a whole number of frames, rounded half away from zero.

    A product within 1e-9 of a half counts as the half: 0.35 h at 6 min is 3.5 frames, hence 4.
    """
    frames = hours * 60.0 / interval_minutes
    return int(np.sign(frames) * np.floor(abs(frames) + 0.5 + 1e-9))
