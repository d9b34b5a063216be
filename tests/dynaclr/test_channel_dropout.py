from __future__ import annotations

import numpy as np
import pytest
import torch

from dynaclr.base.errors import ConfigError
from dynaclr.base.random import BatchKey, Purpose, uniforms
from dynaclr.channel_dropout import ChannelDropout

KEY = BatchKey(seed=3, epoch=1, batch=5)


def reference(images: torch.Tensor, channels: list[int], p: float, draws: np.ndarray) -> np.ndarray:
    result = images.numpy().copy()
    for sample in range(result.shape[0]):
        for column, channel in enumerate(channels):
            if draws[sample, column] < p:
                result[sample, channel] = 0
    return result


@pytest.mark.parametrize("channels", [[1], [2, 0], [0, 1, 2], []])
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_agrees_with_loops(channels: list[int], p: float) -> None:
    images = torch.arange(1, 1 + 40 * 3 * 2 * 3 * 3, dtype=torch.float32).reshape(40, 3, 2, 3, 3)
    before = images.clone()
    draws = uniforms(KEY, Purpose.DROPOUT_ANCHOR, 40, max(len(channels), 1))[:, : len(channels)]
    result = ChannelDropout(channels, p)(images, draws)
    np.testing.assert_array_equal(result.numpy(), reference(images, channels, p, draws))
    assert torch.equal(images, before)


def test_channels_and_samples_are_independent() -> None:
    draws = uniforms(KEY, Purpose.DROPOUT_ANCHOR, 4000, 2)
    gone = ChannelDropout([0, 1], 0.3)(torch.ones(4000, 3, 1, 1, 1), draws)[:, :, 0, 0, 0] == 0
    assert not gone[:, 2].any()
    np.testing.assert_allclose(gone[:, :2].double().mean(0), 0.3, atol=0.03)
    assert abs((gone[:, 0] & gone[:, 1]).double().mean().item() - 0.09) < 0.02


def test_array_and_tensor_give_the_same() -> None:
    draws = uniforms(KEY, Purpose.DROPOUT_POSITIVE, 8, 1)
    dropout = ChannelDropout([1], 0.5)
    images = torch.ones(8, 2, 1, 2, 2)
    assert torch.equal(dropout(images, draws), dropout(images, torch.from_numpy(draws)))


def test_a_dropped_channel_is_zero_even_where_it_was_not_finite() -> None:
    images = torch.full((1, 2, 1, 1, 1), float("nan"))
    assert ChannelDropout([0], 1.0)(images, np.zeros((1, 1)))[0, 0] == 0


def test_gradient_is_zero_in_dropped_channels_only() -> None:
    images = torch.ones(1, 2, 1, 1, 1, requires_grad=True)
    ChannelDropout([1], 0.5)(images, np.array([[0.2]])).sum().backward()
    assert images.grad is not None and images.grad.flatten().tolist() == [1.0, 0.0]


def test_eval_mode_changes_nothing_and_needs_nothing() -> None:
    images = torch.ones(2, 2, 1, 1, 1)
    assert ChannelDropout([1], 1.0).eval()(images) is images


def test_it_draws_nothing_from_the_global_generators() -> None:
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    ChannelDropout([1], 0.5)(torch.ones(2, 2, 1, 1, 1), np.array([[0.1], [0.9]]))
    assert torch.equal(torch_state, torch.get_rng_state())
    np.testing.assert_array_equal(numpy_state, np.random.get_state()[1])


@pytest.mark.parametrize("channels, p", [([-1], 0.5), ([1, 1], 0.5), ([1], -0.1), ([1], 1.1), ([1], np.nan)])
def test_bad_settings(channels: list[int], p: float) -> None:
    with pytest.raises(ConfigError):
        ChannelDropout(channels, p)


def test_alone_it_draws_from_torch_s_generator() -> None:
    images, dropout = torch.ones(64, 3, 1, 2, 2), ChannelDropout([0, 2], 0.5)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        first, second = dropout(images), dropout(images)
        torch.manual_seed(1)
        draws = torch.rand(64, 2)
    assert torch.equal(first, dropout(images, draws))
    assert not torch.equal(first, second)
    assert 0 < int((first[:, 0, 0, 0, 0] == 0).sum()) < 64
    assert (first[:, 1] == 1).all()
    assert (ChannelDropout([1], 1.0)(images)[:, 1] == 0).all()


def test_wrong_shape_of_uniforms() -> None:
    with pytest.raises(ConfigError, match=r"expected \(2, 1\); found \(1, 2\)"):
        ChannelDropout([1], 0.5)(torch.ones(2, 2, 1, 1, 1), np.zeros((1, 2)))


def test_channel_that_the_images_lack() -> None:
    with pytest.raises(ConfigError, match=r"expected 0\.\.1; found \[2\]"):
        ChannelDropout([2], 0.5)(torch.ones(2, 2, 1, 1, 1), np.zeros((2, 1)))
