from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from dynaclr.base.errors import ConfigError
from dynaclr.base.random import BatchKey, Purpose
from dynaclr.transforms import (
    CenterCrop,
    Draw,
    RandomAffine,
    RandomCrop,
    RandomFlip,
    RandomZShift,
    required_patch_yx,
)
from dynaclr.transforms.plane import PlaneParameters

DRAW = Draw(BatchKey(0, 0, 0), Purpose.AUGMENT_ANCHOR)


def random_images(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(4, 2, 3, 20, 27), (3, 1, 1, 9, 8)])
def test_affine_equals_scipy(shape):
    images = random_images(*shape)
    transform = RandomAffine(180.0, (0.6, 1.5), 20.0, prob=1.0)
    parameters = transform.parameters(DRAW, shape)
    result = transform.apply(images, parameters)
    center = (np.array(shape[-2:]) - 1) / 2
    for sample, matrix in enumerate(parameters.matrix.numpy()):
        offset = center - matrix @ center
        for channel, z in np.ndindex(shape[1:3]):
            expected = ndimage.affine_transform(
                images[sample, channel, z].double().numpy(), matrix, offset, order=1, mode="nearest"
            )
            np.testing.assert_allclose(result[sample, channel, z].numpy(), expected, atol=2e-4)


def test_affine_draws_the_stated_laws():
    transform = RandomAffine(30.0, (0.8, 1.25), 10.0, prob=0.6)
    matrix = transform.parameters(DRAW, (20000, 1, 1, 8, 8)).matrix.numpy()
    changed = ~(matrix == np.eye(2)).all(axis=(1, 2))
    assert changed.mean() == pytest.approx(0.6, abs=0.02)
    scale = 1 / np.sqrt(np.linalg.det(matrix[changed]))  # rotation and shear keep areas
    assert scale.min() >= 0.8 and scale.max() <= 1.25
    assert scale.mean() == pytest.approx(1.025, abs=0.01)
    # the second column is (-sin, cos) / scale
    angle = np.degrees(np.arctan2(-matrix[changed, 0, 1], matrix[changed, 1, 1]))
    assert np.abs(angle).max() <= 30 and angle.std() == pytest.approx(60 / math.sqrt(12), rel=0.03)
    straight = np.einsum("nij,njk->nik", np.linalg.inv(rotations(angle)), matrix[changed])
    shear = np.degrees(np.arctan2(straight[:, 1, 0], straight[:, 0, 0]))
    assert np.abs(shear).max() <= 10 + 1e-9 and shear.std() == pytest.approx(20 / math.sqrt(12), rel=0.03)


def rotations(degrees):
    angle = np.radians(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)], 1)


def test_magnification_above_one_enlarges():
    images = torch.zeros(1, 1, 1, 21, 21)
    images[..., 8:13, 8:13] = 1
    transform = RandomAffine(0.0, (2.0, 2.0), 0.0, prob=1.0)
    assert transform(images, DRAW).sum() == pytest.approx(100, rel=0.05)


def test_a_quarter_turn_is_exact():
    images = random_images(1, 1, 1, 15, 15)
    turn = PlaneParameters(torch.tensor([[[0.0, -1.0], [1.0, 0.0]]], dtype=torch.float64))
    result = RandomAffine().apply(images, turn)
    torch.testing.assert_close(result, torch.rot90(images, 1, (4, 3)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("axes", [("y", "x"), ("y",), ("x",)])
def test_flips_equal_numpy(axes):
    images = random_images(40, 2, 2, 7, 8)
    transform = RandomFlip(axes, prob=0.5)
    parameters = transform.parameters(DRAW, images.shape)
    result, seen = transform.apply(images, parameters), set()
    for sample, matrix in enumerate(parameters.matrix.numpy()):
        expected = images[sample].numpy()
        mirrored = (matrix[0, 0] < 0, matrix[1, 1] < 0)
        for axis, flipped in zip((-2, -1), mirrored, strict=True):
            expected = np.flip(expected, axis) if flipped else expected
        np.testing.assert_array_equal(result[sample].numpy(), expected)
        seen.add(mirrored)
    assert len(seen) == 2 ** len(axes)


@given(
    st.tuples(st.integers(5, 40), st.integers(5, 40)),
    st.sampled_from([0.0, 10.0, 45.0, 90.0, 180.0]),
    st.sampled_from([0.5, 0.8, 1.0]),
    st.sampled_from([0.0, 12.0]),
)
@settings(deadline=None, max_examples=50)
def test_the_required_patch_is_enough_and_no_larger_than_needed(final_yx, degrees, low, shear):
    patch = required_patch_yx(final_yx, degrees, (low, 1.3), shear)
    # densely: the farthest place that any corner of the crop shows
    farthest = np.zeros(2)
    for angle in np.radians(np.linspace(-degrees, degrees, 721)):
        for slope in np.tan(np.radians([-shear, shear])):
            rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            matrix = rotation @ np.array([[1, 0], [slope, 1]]) / low
            for sign in (-1, 1):
                corner = np.array([final_yx[0] - 1, sign * (final_yx[1] - 1)]) / 2
                farthest = np.maximum(farthest, np.abs(matrix @ corner))
    for size, final, place in zip(patch, final_yx, farthest, strict=True):
        assert (size - final) % 2 == 0
        assert (size - 1) / 2 >= place - 1e-6
        assert (size - 3) / 2 < place + 1e-2 + 0.5


@pytest.mark.parametrize("final_yx", [(16, 16), (15, 22)])
def test_the_final_crop_shows_nothing_from_outside(final_yx):
    transform = RandomAffine(180.0, (0.7, 1.2), 15.0, prob=1.0)
    patch = transform.required_patch_yx(final_yx)
    images = torch.ones(200, 1, 1, *patch)
    matrix = transform.parameters(DRAW, images.shape).matrix
    axes = [torch.arange(size).double() - (size - 1) / 2 for size in final_yx]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1) @ matrix[:, None].transpose(-1, -2)
    limit = (torch.tensor(patch).double() - 1) / 2
    assert (places.abs().amax(dim=(0, 1, 2)) <= limit + 1e-9).all()
    small = torch.ones(200, 1, 1, *final_yx)
    torch.testing.assert_close(transform(small, DRAW), small)  # a small patch repeats its edge


def test_no_affine_needs_no_larger_patch():
    assert required_patch_yx((33, 40)) == (33, 40)
    assert required_patch_yx((32, 32), rotation_degrees=180.0) == (46, 46)  # the diagonal
    assert required_patch_yx((32, 32), scale_range=(0.5, 1.0)) == (64, 64)


def test_random_crop_equals_slices_and_reaches_every_place():
    images = random_images(300, 1, 2, 8, 9)
    transform = RandomCrop((6, 7))
    parameters = transform.parameters(DRAW, images.shape)
    result = transform.apply(images, parameters)
    for sample, (top, left) in enumerate(parameters.corner.tolist()):
        assert torch.equal(result[sample], images[sample, ..., top : top + 6, left : left + 7])
    assert {tuple(item) for item in parameters.corner.tolist()} == {
        (y, x) for y in range(3) for x in range(3)
    }


def test_center_crop_keeps_the_middle():
    images = random_images(2, 1, 1, 8, 9)
    assert torch.equal(CenterCrop((4, 4))(images, DRAW), images[..., 2:6, 2:6])
    with pytest.raises(ConfigError, match="larger than the images"):
        CenterCrop((9, 9))(images, DRAW)


@pytest.mark.parametrize("depth", [None, 3, 6])
def test_z_shift_equals_clipped_indices(depth):
    images = random_images(60, 2, 6, 4, 5)
    transform = RandomZShift(2, depth, prob=0.8)
    parameters = transform.parameters(DRAW, images.shape)
    result, kept = transform.apply(images, parameters), depth or 6
    assert set(parameters.planes.tolist()) == {-2, -1, 0, 1, 2}
    for sample, shift in enumerate(parameters.planes.tolist()):
        for z in range(kept):
            source = min(max((6 - kept) // 2 + shift + z, 0), 5)
            assert torch.equal(result[sample, :, z], images[sample, :, source])
    with pytest.raises(ConfigError, match="planes"):
        RandomZShift(1, depth=7)(images, DRAW)
