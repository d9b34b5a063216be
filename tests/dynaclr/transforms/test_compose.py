from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.base.errors import ConfigError
from dynaclr.base.random import BatchKey, Purpose
from dynaclr.transforms import (
    CenterCrop,
    Draw,
    RandomAffine,
    RandomCrop,
    RandomFlip,
    RandomGamma,
    RandomGaussianBlur,
    RandomGaussianNoise,
    RandomScaleIntensity,
    RandomShiftIntensity,
    RandomZShift,
    apply_transforms,
    compose,
)
from dynaclr.transforms.base import Transform
from dynaclr.transforms.intensity import LinearParameters
from dynaclr.transforms.plane import PlaneParameters

KEY = BatchKey(1, 2, 3)
POOL = (
    RandomAffine(180.0, (0.8, 1.2), 10.0, prob=0.7),
    RandomFlip(prob=0.5),
    RandomFlip(axes=("x",), prob=0.5),
    RandomCrop((20, 21)),
    CenterCrop((21, 22)),
    RandomZShift(1, prob=0.7),
    RandomGamma((0.6, 1.6), prob=0.6),
    RandomScaleIntensity((0.7, 1.3), prob=0.7),
    RandomShiftIntensity((-0.5, 0.5), prob=0.7),
    RandomGaussianBlur((0.3, 1.5), prob=0.7),
    RandomGaussianNoise((0.1, 0.5), prob=0.7),
)


def random_images(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def one_after_the_other(transforms, images, final_yx):
    """Every transform on the whole of its input, then the crop."""
    for slot, transform in enumerate(transforms):
        images = transform(images, Draw(KEY, Purpose.AUGMENT_ANCHOR, slot))
    return CenterCrop(final_yx)(images, Draw(KEY, Purpose.AUDIT))


def fused(transforms, images, final_yx):
    return apply_transforms(transforms, images, KEY, Purpose.AUGMENT_ANCHOR, final_yx)


@given(
    st.lists(st.sampled_from(POOL), max_size=7).filter(
        lambda chosen: sum(isinstance(item, (RandomCrop, CenterCrop)) for item in chosen) < 2
    ),
    st.sampled_from([(20, 20), (13, 16), (8, 9)]),
)
@settings(deadline=None, max_examples=50)
def test_fusing_changes_nothing(transforms, final_yx):
    images = random_images(5, 2, 3, 24, 27)
    found = fused(transforms, images, final_yx)
    torch.testing.assert_close(found, one_after_the_other(transforms, images, final_yx), rtol=0, atol=1e-5)


@pytest.mark.parametrize("final_yx", [(24, 27), (15, 14)])
def test_the_usual_list_is_fused_without_effect(final_yx):
    transforms = [POOL[i] for i in (0, 1, 6, 7, 8, 9, 10)]
    images = random_images(6, 2, 4, 24, 27)
    found = fused(transforms, images, final_yx)
    torch.testing.assert_close(found, one_after_the_other(transforms, images, final_yx), rtol=0, atol=1e-5)
    assert found.is_contiguous() and found.shape == (6, 2, 4, *final_yx)


def test_neighbors_become_one_step_and_only_what_is_needed_is_computed(monkeypatch):
    seen = []
    for kind in {type(item) for item in POOL}:
        monkeypatch.setattr(kind, "apply_window", spy(kind, kind.apply_window, seen))
    transforms = [POOL[i] for i in (0, 1, 2, 7, 8, 9)]
    fused(transforms, random_images(4, 1, 1, 40, 40), (10, 10))
    radius = int(POOL[9].parameters(Draw(KEY, Purpose.AUGMENT_ANCHOR, 5), (4, 1, 1, 40, 40)).radius.max())
    margin = (10 + 2 * radius, 10 + 2 * radius)
    assert radius > 1
    assert seen == [("plane", margin), ("linear", margin), ("RandomGaussianBlur", (10, 10))]


def spy(kind, original, seen):
    def wrapped(self, images, parameters, have, wanted):
        if type(self) is kind:
            names = {PlaneParameters: "plane", LinearParameters: "linear"}
            seen.append((names.get(type(parameters), kind.__name__), wanted.yx))
        return original(self, images, parameters, have, wanted)

    return wrapped


def test_two_affine_maps_stay_two():
    transforms = [RandomAffine(30.0, prob=1.0), RandomAffine(30.0, prob=1.0)]
    images = random_images(2, 1, 1, 20, 20)
    found = fused(transforms, images, (20, 20))
    torch.testing.assert_close(found, one_after_the_other(transforms, images, (20, 20)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("elements", [1, 2000, 10**9])
def test_runs_of_samples_do_not_matter(monkeypatch, elements):
    transforms = [POOL[i] for i in (0, 1, 6, 7, 8, 9, 10)]
    images = random_images(7, 2, 2, 24, 24)
    expected = fused(transforms, images, (16, 16))
    monkeypatch.setattr(compose, "_CHUNK_ELEMENTS", elements)
    assert torch.equal(fused(transforms, images, (16, 16)), expected)


def test_the_same_transform_twice_draws_twice():
    images = torch.zeros(50, 1, 1, 2, 2)
    shift = RandomShiftIntensity((0.0, 1.0), prob=1.0)
    once, twice = fused([shift], images, (2, 2)), fused([shift, shift], images, (2, 2))
    assert not torch.allclose(twice, 2 * once)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_rounded_once(dtype):
    images = random_images(3, 1, 2, 20, 20).to(dtype)
    transforms = [POOL[i] for i in (0, 6, 7, 10)]
    found = fused(transforms, images, (12, 12))
    assert torch.equal(found, fused(transforms, images.float(), (12, 12)).to(dtype))


def test_an_empty_list_is_the_center_crop_and_a_copy():
    images = random_images(3, 1, 2, 9, 8)
    found = fused([], images, (4, 4))
    assert torch.equal(found, images[..., 2:6, 2:6])
    found.zero_()
    assert images.any() and images[..., 2:6, 2:6].any()


def test_the_input_is_left_alone_and_needs_no_gradient():
    images = random_images(3, 2, 2, 20, 20)
    before = images.clone()
    for transform in POOL[:3] + POOL[5:]:
        found = fused([transform], images, (20, 20))
        found.add_(1.0)
        assert torch.equal(images, before), transform
    images.requires_grad_(True)
    assert not fused([POOL[0]], images, (8, 8)).requires_grad


def test_a_transform_of_ones_own_is_run_as_it_is():
    class Negative(Transform[type(RandomFlip().parameters(Draw(KEY, Purpose.AUDIT), (1, 1, 1, 1, 1)))]):
        def parameters(self, draw, shape):
            return RandomFlip(prob=0.0).parameters(draw, shape)

        def apply_window(self, images, parameters, have, wanted):
            return -have.cut(images, wanted)

    images = random_images(2, 1, 1, 6, 6)
    assert torch.equal(fused([Negative()], images, (4, 4)), -images[..., 1:5, 1:5])


def test_a_final_crop_larger_than_the_images_is_refused():
    with pytest.raises(ConfigError, match="final_yx"):
        fused([CenterCrop((8, 8))], torch.zeros(1, 1, 1, 10, 10), (9, 9))
    with pytest.raises(ConfigError, match="images"):
        fused([], torch.zeros(1, 10, 10), (9, 9))
