from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.base.errors import ConfigError
from dynaclr.base.random import BatchKey, Purpose, generator
from dynaclr.tau_sampling import frames_from_hours, sample_tau


def test_law_is_that_of_the_formula() -> None:
    rng = generator(BatchKey(0, 0, 0), Purpose.TAU)
    draws = np.array([sample_tau(1, 4, rng, 2.0) for _ in range(20_000)])
    shares = np.bincount(draws, minlength=5)[1:] / draws.size
    assert shares == pytest.approx([0.523, 0.268, 0.138, 0.071], abs=0.01)


def test_zero_decay_is_uniform() -> None:
    rng = generator(BatchKey(0, 0, 1), Purpose.TAU)
    draws = np.array([sample_tau(2, 5, rng, 0.0) for _ in range(20_000)])
    assert np.bincount(draws)[2:] / draws.size == pytest.approx([0.25] * 4, abs=0.012)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 50), st.integers(0, 20), st.floats(0, 10))
def test_stays_inside(low: int, span: int, decay: float) -> None:
    tau = sample_tau(low, low + span, generator(BatchKey(1, 0, 0), Purpose.TAU), decay)
    assert low <= tau <= low + span


def test_reversed_range_and_bad_decay_are_refused() -> None:
    rng = generator(BatchKey(0, 0, 0), Purpose.TAU)
    with pytest.raises(ConfigError, match="reversed"):
        sample_tau(3, 2, rng)
    with pytest.raises(ConfigError, match="tau_decay_rate"):
        sample_tau(1, 2, rng, -1.0)


@pytest.mark.parametrize(
    ("hours", "minutes", "frames"),
    [
        (0.25, 30, 1),
        (0.75, 30, 2),
        (1.25, 30, 3),
        (0.5, 30, 1),
        (2.0, 30, 4),
        (0.1, 30, 0),
        (0.35, 6, 4),
        (2.0, 7, 17),
    ],
)
def test_half_frames_round_away_from_zero(hours: float, minutes: float, frames: int) -> None:
    assert frames_from_hours(hours, minutes) == frames
