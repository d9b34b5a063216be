"""What all transforms have in common, checked on each of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dynaclr.base.errors import ConfigError
from dynaclr.base.random import BatchKey, Purpose, torch_seed, uniforms
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
)
from dynaclr.transforms.base import Window, select

KEY = BatchKey(seed=3, epoch=1, batch=5)
DRAW = Draw(KEY, Purpose.AUGMENT_ANCHOR, slot=2)

RANDOM = {
    "affine": RandomAffine(40.0, (0.7, 1.3), 15.0, prob=0.7),
    "flip": RandomFlip(prob=0.5),
    "crop": RandomCrop((9, 12)),
    "z_shift": RandomZShift(2, prob=0.8),
    "z_crop": RandomZShift(1, depth=3, prob=0.8),
    "gamma": RandomGamma((0.5, 2.0), prob=0.7),
    "scale": RandomScaleIntensity((0.5, 1.5), prob=0.7),
    "shift": RandomShiftIntensity((-1.0, 1.0), prob=0.7, per_channel=False),
    "blur": RandomGaussianBlur((0.3, 2.0), prob=0.7),
    "noise": RandomGaussianNoise((0.1, 1.0), prob=0.7),
}
IDENTITY = {
    "affine": RandomAffine(0.0, (1.0, 1.0), 0.0, prob=1.0),
    "affine, none chosen": RandomAffine(prob=0.0),
    "flip": RandomFlip(prob=0.0),
    "crop": RandomCrop((16, 19)),
    "center": CenterCrop((16, 19)),
    "z_shift": RandomZShift(2, prob=0.0),
    "gamma": RandomGamma((1.0, 1.0), prob=1.0),
    "gamma, none chosen": RandomGamma(prob=0.0),
    "scale": RandomScaleIntensity((1.0, 1.0), prob=1.0),
    "shift": RandomShiftIntensity((0.0, 0.0), prob=1.0),
    "blur": RandomGaussianBlur((0.0, 0.0), prob=1.0),
    "blur, none chosen": RandomGaussianBlur(prob=0.0),
    "noise": RandomGaussianNoise((0.0, 0.0), prob=1.0),
    "noise, none chosen": RandomGaussianNoise(prob=0.0),
}


@pytest.fixture
def images():
    return torch.randn(12, 2, 5, 16, 19, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", IDENTITY)
def test_neutral_parameters_change_nothing(name, images):
    assert torch.equal(IDENTITY[name](images, DRAW), images)


@pytest.mark.parametrize("name", RANDOM)
def test_one_key_gives_one_result_and_other_keys_others(name, images):
    transform = RANDOM[name]
    first = transform(images, DRAW)
    assert torch.equal(transform(images, DRAW), first)
    others = (
        Draw(KEY._replace(batch=6), DRAW.purpose, DRAW.slot),
        Draw(KEY._replace(epoch=2), DRAW.purpose, DRAW.slot),
        Draw(KEY._replace(seed=4), DRAW.purpose, DRAW.slot),
        Draw(KEY, Purpose.AUGMENT_POSITIVE, DRAW.slot),
        Draw(KEY, DRAW.purpose, 3),
    )
    for draw in others:
        assert not torch.equal(transform(images, draw), first)


@pytest.mark.parametrize("name", RANDOM)
def test_a_sample_alone_is_the_sample_in_its_batch(name, images):
    transform = RANDOM[name]
    parameters = transform.parameters(DRAW, images.shape)
    batch = transform.apply(images, parameters)
    for sample in range(len(images)):
        rows = slice(sample, sample + 1)
        alone = transform.apply(images[rows], select(parameters, rows))
        torch.testing.assert_close(alone, batch[rows], rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", RANDOM)
def test_samples_are_treated_differently(name):
    image = torch.randn(1, 2, 5, 16, 19, generator=torch.Generator().manual_seed(1))
    results = RANDOM[name](image.repeat(24, 1, 1, 1, 1), DRAW)
    different = {result.numpy().tobytes() for result in results}
    assert len(different) > (3 if name in ("flip", "z_crop") else 4) - 1


@pytest.mark.parametrize("name", RANDOM)
def test_the_input_and_the_global_generators_are_left_alone(name, images):
    before, state, numpy_state = images.clone(), torch.get_rng_state(), np.random.get_state()[1].copy()
    RANDOM[name](images, DRAW)
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", [name for name in RANDOM if name != "noise"])
def test_other_types_are_computed_in_at_least_float32(name, dtype, images):
    cast = images.to(dtype)
    result = RANDOM[name](cast, DRAW)
    assert result.dtype == dtype
    expected = RANDOM[name](cast.float(), DRAW).to(dtype)
    torch.testing.assert_close(result, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_noise_of_half_precision_is_rounded_once(dtype, images):
    cast = images.to(dtype)
    assert torch.equal(RANDOM["noise"](cast, DRAW), RANDOM["noise"](cast.float(), DRAW).to(dtype))


@pytest.mark.parametrize("name", RANDOM)
def test_strides_do_not_matter(name, images):
    strided = images.permute(0, 1, 2, 4, 3).contiguous().permute(0, 1, 2, 4, 3)
    torch.testing.assert_close(RANDOM[name](strided, DRAW), RANDOM[name](images, DRAW), rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", RANDOM)
def test_parameters_are_small_cpu_tensors_of_one_row_a_sample(name, images):
    parameters = RANDOM[name].parameters(DRAW, images.shape)
    for field in parameters.__dataclass_fields__:
        value = getattr(parameters, field)
        assert value.device.type == "cpu" and len(value) == len(images) and value.numel() <= 4 * len(images)


def test_only_batches_are_taken():
    with pytest.raises(ConfigError, match=r"\(B, C, Z, Y, X\)"):
        RandomFlip()(torch.zeros(2, 3, 4, 4), DRAW)
    with pytest.raises(ConfigError, match="floating point"):
        RandomFlip()(torch.zeros(2, 1, 1, 4, 4, dtype=torch.int32), DRAW)


def test_a_draw_is_an_address_of_numbers():
    assert np.array_equal(DRAW.uniforms(4, 3), uniforms(KEY, Purpose.AUGMENT_ANCHOR, 4, 3, slot=2))
    expected = torch.Generator().manual_seed(torch_seed(KEY, Purpose.AUGMENT_ANCHOR, 2))
    assert torch.equal(
        torch.rand(5, generator=DRAW.torch_generator("cpu")), torch.rand(5, generator=expected)
    )


def test_a_window_grows_up_to_its_frame():
    window = Window(20, 30, 3, 15, 28, 30)
    assert window.grown(5) == Window(20, 30, 0, 20, 23, 30)
    assert Window.center((7, 8), (4, 4)) == Window(7, 8, 1, 5, 2, 6)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: RandomAffine(rotation_degrees=-1), "RandomAffine.rotation_degrees"),
        (lambda: RandomAffine(rotation_degrees=181), "RandomAffine.rotation_degrees"),
        (lambda: RandomAffine(scale_range=(0.0, 1.0)), "RandomAffine.scale_range"),
        (lambda: RandomAffine(scale_range=(1.2, 0.8)), "RandomAffine.scale_range"),
        (lambda: RandomAffine(scale_range=0.8), "RandomAffine.scale_range"),
        (lambda: RandomAffine(shear_degrees=90), "RandomAffine.shear_degrees"),
        (lambda: RandomAffine(prob=1.1), "RandomAffine.prob"),
        (lambda: RandomFlip(axes=("z",)), "RandomFlip.axes"),
        (lambda: RandomFlip(axes=("y", "y")), "RandomFlip.axes"),
        (lambda: RandomFlip(axes=()), "RandomFlip.axes"),
        (lambda: RandomFlip(axes=0.5), "RandomFlip.axes"),
        (lambda: RandomFlip(axes="yx"), "RandomFlip.axes"),
        (lambda: RandomFlip(axes=[["y"]]), "RandomFlip.axes"),
        (lambda: RandomCrop((0, 4)), "RandomCrop.yx"),
        (lambda: RandomCrop((True, 4)), "RandomCrop.yx"),
        (lambda: CenterCrop((4.0, 4)), "CenterCrop.yx"),
        (lambda: CenterCrop((4, 4, 4)), "CenterCrop.yx"),
        (lambda: RandomZShift(0), "RandomZShift.max_shift"),
        (lambda: RandomZShift(1, depth=0), "RandomZShift.depth"),
        (lambda: RandomZShift(1.5), "RandomZShift.max_shift"),
        (lambda: RandomGamma((0.0, 1.0)), "RandomGamma.gamma_range"),
        (lambda: RandomGamma((0.5, float("nan"))), "RandomGamma.gamma_range"),
        (lambda: RandomGamma(per_channel="no"), "RandomGamma.per_channel"),
        (lambda: RandomScaleIntensity((-0.1, 1.0)), "RandomScaleIntensity.factor_range"),
        (lambda: RandomScaleIntensity(per_channel=1), "RandomScaleIntensity.per_channel"),
        (lambda: RandomShiftIntensity((0.1,)), "RandomShiftIntensity.offset_range"),
        (lambda: RandomShiftIntensity(prob=True), "RandomShiftIntensity.prob"),
        (lambda: RandomShiftIntensity(per_channel=None), "RandomShiftIntensity.per_channel"),
        (lambda: RandomGaussianBlur((-1.0, 1.0)), "RandomGaussianBlur.sigma_range"),
        (lambda: RandomGaussianNoise("ab"), "RandomGaussianNoise.std_range"),
    ],
)
def test_wrong_settings_are_refused_by_name(make, field):
    with pytest.raises(ConfigError, match=f"field {field}:"):
        make()
