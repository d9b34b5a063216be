from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from dynaclr.base.random import BatchKey, Purpose
from dynaclr.transforms import (
    Draw,
    RandomGamma,
    RandomGaussianBlur,
    RandomGaussianNoise,
    RandomScaleIntensity,
    RandomShiftIntensity,
)

DRAW = Draw(BatchKey(0, 0, 0), Purpose.AUGMENT_ANCHOR)


@pytest.fixture
def images():
    return 3 * torch.randn(10, 3, 2, 12, 11, generator=torch.Generator().manual_seed(0)) - 1


def test_gamma_equals_a_power_within_the_range(images):
    transform = RandomGamma((0.4, 2.5), prob=0.7)
    gamma = transform.parameters(DRAW, images.shape).gamma.numpy()
    result = transform(images, DRAW).numpy()
    for sample, channel in np.ndindex(10, 3):
        image = images[sample, channel].double().numpy()
        low, span = image.min(), np.ptp(image)
        expected = ((image - low) / span) ** gamma[sample, channel] * span + low
        np.testing.assert_allclose(result[sample, channel], expected, atol=1e-5)
    assert (gamma == 1).all(axis=1).any() and not (gamma == 1).all()


def test_gamma_keeps_constants_and_ranges(images):
    images[0, 1] = 5.0
    result = RandomGamma((0.5, 0.9), prob=1.0)(images, DRAW)
    assert (result[0, 1] == 5.0).all()
    torch.testing.assert_close(result.amin((2, 3, 4)), images.amin((2, 3, 4)))
    torch.testing.assert_close(result.amax((2, 3, 4)), images.amax((2, 3, 4)), atol=1e-5, rtol=0)
    assert (result >= images - 1e-5).all()


@pytest.mark.parametrize("per_channel", [True, False])
def test_scale_and_shift_equal_loops(images, per_channel):
    scale = RandomScaleIntensity((0.5, 1.5), 0.6, per_channel)
    shift = RandomShiftIntensity((-2.0, 1.0), 0.6, per_channel)
    factor = scale.parameters(DRAW, images.shape).factor
    offset = shift.parameters(DRAW, images.shape).offset
    for sample, channel in np.ndindex(10, 3):
        image = images[sample, channel]
        torch.testing.assert_close(
            scale(images, DRAW)[sample, channel], image * float(factor[sample, channel])
        )
        torch.testing.assert_close(
            shift(images, DRAW)[sample, channel], image + float(offset[sample, channel])
        )
    alike = (factor == factor[:, :1]).all(dim=1)
    assert bool(alike.all()) != per_channel
    assert (factor == 1).all(dim=1).any() and (offset == 0).all(dim=1).any()


def test_values_follow_their_law():
    factor = RandomScaleIntensity((0.5, 1.5), 0.6).parameters(DRAW, (5000, 2, 1, 1, 1)).factor.numpy()
    chosen = (factor != 1).any(axis=1)
    assert chosen.mean() == pytest.approx(0.6, abs=0.03)
    for channel in range(2):
        assert stats.kstest(factor[chosen, channel], "uniform", (0.5, 1.0)).pvalue > 1e-3
    assert abs(np.corrcoef(factor[chosen].T)[0, 1]) < 0.06


def test_blur_equals_scipy(images):
    transform = RandomGaussianBlur((0.2, 2.5), prob=0.8)
    sigma = transform.parameters(DRAW, images.shape).sigma.numpy()
    result = transform(images, DRAW).numpy()
    assert (sigma == 0).any() and sigma.max() > 1.5
    for sample, width in enumerate(sigma):
        expected = images[sample].double().numpy()
        if width:
            expected = ndimage.gaussian_filter(expected, (0, 0, width, width), mode="nearest", truncate=3.0)
        np.testing.assert_allclose(result[sample], expected, atol=1e-5)


def test_noise_is_white_gaussian_of_the_stated_width():
    images = torch.zeros(12, 2, 4, 40, 40)
    transform = RandomGaussianNoise((0.5, 2.0), prob=0.6)
    std = transform.parameters(DRAW, images.shape).std.numpy()
    result = transform(images, DRAW).double().numpy()
    assert (std == 0).any() and (std > 0).sum() > 1
    for sample, width in enumerate(std):
        field = result[sample].ravel()
        if not width:
            assert not field.any()
            continue
        assert stats.kstest(field / width, "norm").pvalue > 1e-3
        assert abs(np.corrcoef(field[1:], field[:-1])[0, 1]) < 0.05
    noisy = result[std > 0].reshape((std > 0).sum(), -1)
    correlation = np.corrcoef(noisy)
    assert np.abs(correlation[~np.eye(len(noisy), dtype=bool)]).max() < 0.05


def test_noise_depends_on_its_own_seed_alone():
    images = torch.randn(5, 1, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    transform = RandomGaussianNoise((0.5, 1.0), prob=1.0)
    parameters = transform.parameters(DRAW, images.shape)
    assert parameters.seed.unique().numel() == 5
    result = transform.apply(images, parameters)
    for sample in range(5):
        generator = torch.Generator().manual_seed(int(parameters.seed[sample]))
        field = torch.empty(1, 1, 6, 6).normal_(generator=generator)
        expected = images[sample] + float(parameters.std[sample]) * field
        torch.testing.assert_close(result[sample], expected)
