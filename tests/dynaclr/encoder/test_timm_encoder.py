from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from dynaclr.base.errors import ConfigError
from dynaclr.encoder import ContrastiveEncoder, FoldingStem, SmallEncoder


def images(channels: int, depth: int, size: int = 32, batch: int = 2) -> torch.Tensor:
    values = np.random.default_rng(0).normal(size=(batch, channels, depth, size, size))
    return torch.tensor(values, dtype=torch.float32)


def patch_stem_by_loops(stem: FoldingStem, volume: np.ndarray) -> np.ndarray:
    """Kernel times patch, patch by patch; channel c of slab k becomes channel c * slabs + k."""
    weight, bias = stem.conv.weight.detach().numpy(), stem.conv.bias.detach().numpy()  # type: ignore[union-attr]
    outputs, _, z, y, x = weight.shape
    batch, _, depth, height, width = volume.shape
    result = np.zeros((batch, outputs * (depth // z), height // y, width // x))
    for b, c, k, i, j in np.ndindex(batch, outputs, depth // z, height // y, width // x):
        patch = volume[b, :, k * z : (k + 1) * z, i * y : (i + 1) * y, j * x : (j + 1) * x]
        result[b, c * (depth // z) + k, i, j] = (patch * weight[c]).sum() + bias[c]
    return result


@pytest.mark.parametrize("depth, kernel", [(6, (3, 4, 4)), (4, (1, 2, 3)), (1, (5, 4, 4))])
def test_stem_agrees_with_loops(depth: int, kernel: tuple[int, int, int]) -> None:
    stem = FoldingStem(2, depth, 8, kernel, patches=True)
    volume = images(2, depth, 13)
    np.testing.assert_allclose(
        stem(volume).detach().numpy(), patch_stem_by_loops(stem, volume.numpy()), atol=1e-5
    )


@pytest.mark.parametrize("kernel", [(2, 4, 4), (2, 3, 5), (4, 1, 1)])
def test_stem_with_steps_of_one_pixel_keeps_the_plane(kernel: tuple[int, int, int]) -> None:
    stem = FoldingStem(2, 4, 8, kernel, patches=False)
    nn.init.zeros_(stem.conv.bias)  # type: ignore[arg-type]
    nn.init.zeros_(stem.conv.weight)
    middle = ((kernel[1] - 1) // 2, (kernel[2] - 1) // 2)
    stem.conv.weight.data[0, 1, 0, middle[0], middle[1]] = 1.0  # channel 1, first slice of each slab
    volume = images(2, 4, 9)
    result = stem(volume)
    assert result.shape == (2, 8, 9, 9)
    for slab in range(4 // kernel[0]):
        assert torch.equal(result[:, slab], volume[:, 1, slab * kernel[0]])


@pytest.mark.parametrize(
    "backbone, depth, kernel_z, features",
    [
        ("convnext_atto", 4, 2, 320),
        ("convnext_atto", 1, 5, 320),
        ("convnext_atto_ols", 4, 2, 320),
        ("convnextv2_atto", 4, 4, 320),
        ("resnet10t", 4, 2, 512),
        ("resnet10t", 1, 5, 512),
        ("mobilenetv3_small_050", 15, 5, 1024),
        ("mobilenetv3_small_050", 1, 5, 1024),
        ("vit_tiny_patch16_224", 4, 2, 192),
    ],
)
def test_backbones(backbone: str, depth: int, kernel_z: int, features: int) -> None:
    encoder = ContrastiveEncoder(backbone, 2, depth, (kernel_z, 4, 4), projection_dim=24)
    assert (encoder.feature_dim, encoder.projection_dim) == (features, 24)
    assert (encoder.in_channels, encoder.in_stack_depth) == (2, depth)
    found, projections = encoder(images(2, depth, 64))
    assert found.shape == (2, features) and projections.shape == (2, 24)
    (found.square().sum() + projections.square().sum()).backward()
    without = [name for name, weight in encoder.named_parameters() if weight.grad is None]
    assert without == []


@pytest.mark.parametrize("backbone, reduction", [("convnext_atto", 32), ("resnet10t", 32)])
def test_a_replaced_stem_keeps_the_backbones_scale(backbone: str, reduction: int) -> None:
    encoder = ContrastiveEncoder(backbone, 2, 4, (2, 4, 4)).eval()
    with torch.no_grad():
        maps = encoder.body.forward_features(encoder.stem(images(2, 4, 64)))
    assert maps.shape[-2:] == (64 // reduction, 64 // reduction)


def test_every_slice_and_channel_reaches_the_features() -> None:
    for encoder in (
        ContrastiveEncoder("convnext_atto", 2, 4, (2, 4, 4)),
        ContrastiveEncoder("mobilenetv3_small_050", 2, 4, (2, 4, 4)),
        SmallEncoder(2, 4),
    ):
        volume = images(2, 4).requires_grad_()
        encoder.eval()(volume)[0].square().sum().backward()
        assert volume.grad is not None
        assert (volume.grad.abs().sum(dim=(0, 3, 4)) > 0).all()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"backbone": "convnext_tinny"}, "convnext_tiny"),
        ({"in_stack_depth": 16}, r"a divisor of in_stack_depth 16; found 5"),
        ({"backbone": "convnext_atto"}, r"3 slabs of 5 slices cannot share the 40 channels.*\[3, 15\]"),
        ({"stem_kernel_size": (5, 4)}, "three sizes"),
        ({"stem_kernel_size": (5, 0, 4)}, r"stem_kernel_size\[1\]"),
        ({"in_channels": 0}, "in_channels"),
        ({"in_stack_depth": 0}, "in_stack_depth"),
        ({"projection_dim": -1}, "projection_dim"),
        ({"drop_path_rate": 1.0}, "drop_path_rate"),
        ({"backbone": "mixer_s16_224"}, "does not take dynamic_img_size"),
        ({"backbone": "vgg11", "drop_path_rate": 0.1}, "does not take drop_path_rate"),
    ],
)
def test_what_cannot_be_built(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ContrastiveEncoder(**options)


def test_absent_weights_are_an_error() -> None:
    with pytest.raises(ConfigError, match="pretrained to false"):
        ContrastiveEncoder("convnextv2_small", 2, 4, (2, 4, 4), pretrained=True)


def test_drop_path_acts_in_training_only() -> None:
    encoder = ContrastiveEncoder("convnext_atto", 1, 1, projection_dim=4, drop_path_rate=0.9)
    volume = images(1, 1, 32, batch=8)
    kinds = {type(part).__name__ for part in encoder.body.modules()}
    assert "DropPath" in kinds
    encoder.eval()
    assert torch.equal(encoder(volume)[0], encoder(volume)[0])


@pytest.mark.parametrize("shape", [(2, 2, 4, 32), (2, 3, 4, 32, 32), (2, 2, 5, 32, 32)])
def test_images_that_do_not_fit(shape: tuple[int, ...]) -> None:
    for encoder in (ContrastiveEncoder("convnext_atto", 2, 4, (2, 4, 4)), SmallEncoder(2, 4)):
        with pytest.raises(ConfigError, match=r"expected \(B, 2, 4, Y, X\)"):
            encoder(torch.zeros(shape))


@pytest.mark.parametrize("depth", [1, 3, 8])
@pytest.mark.parametrize("size", [32, 45])
def test_small_encoder(depth: int, size: int) -> None:
    encoder = SmallEncoder(2, depth)
    features, projections = encoder(images(2, depth, size))
    assert features.shape == (2, 128) == (2, encoder.feature_dim)
    assert projections.shape == (2, 64) == (2, encoder.projection_dim)
    assert sum(weight.numel() for weight in encoder.parameters()) < 300_000


def test_features_of_a_sample_do_not_depend_on_its_batch_when_embedding() -> None:
    encoder, volume = SmallEncoder(2, 4).eval(), images(2, 4, batch=3)
    together, alone = encoder(volume)[0], encoder(volume[:1])[0]
    np.testing.assert_allclose(together[:1].detach(), alone.detach(), atol=1e-6)


@pytest.mark.parametrize("options", [{"widths": ()}, {"widths": (8, 0)}, {"projection_dim": 0}])
def test_small_encoder_refuses_bad_sizes(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        SmallEncoder(2, 4, **options)


def test_small_encoder_learns_to_tell_samples_apart() -> None:
    from dynaclr.loss import NTXentLoss

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = SmallEncoder(1, 1, widths=(8, 16))
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-2)
    loss, labels = NTXentLoss(0.2), torch.arange(16).repeat(2)
    noise = torch.Generator().manual_seed(1)
    cells = torch.nn.functional.avg_pool2d(torch.randn(16, 1, 24, 24, generator=noise), 3)[:, :, None]
    values = []
    for _ in range(30):
        views = cells.repeat(2, 1, 1, 1, 1)
        views = views + 0.05 * torch.randn(views.shape, generator=noise)
        value = loss(encoder(views)[1], labels)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.5 * values[0]
