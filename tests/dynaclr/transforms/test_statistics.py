from __future__ import annotations

import numpy as np
import pytest
import torch

from dynaclr.base import keys
from dynaclr.base.errors import ConfigError, DataError
from dynaclr.transforms import NormalizeByStatistics, ScaleByPercentiles


@pytest.fixture
def images():
    return torch.randn(4, 3, 2, 5, 6, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def meta():
    generator = torch.Generator().manual_seed(1)
    return {
        level: {
            name: torch.rand(4, 3, generator=generator) + place for place, name in enumerate(keys.STATISTICS)
        }
        for level in keys.STATISTICS_LEVELS
    }


@pytest.mark.parametrize("level", keys.STATISTICS_LEVELS)
@pytest.mark.parametrize("channels", [None, [2, 0]])
def test_normalization_equals_loops(images, meta, level, channels):
    before = images.clone()
    result = NormalizeByStatistics(level, "median", "iqr", channels)(images, meta)
    for sample, channel in np.ndindex(4, 3):
        expected = images[sample, channel]
        if channels is None or channel in channels:
            middle, width = (meta[level][name][sample, channel] for name in ("median", "iqr"))
            expected = (expected - middle) / width
        torch.testing.assert_close(result[sample, channel], expected)
    assert torch.equal(images, before)


@pytest.mark.parametrize("clip", [False, True])
def test_percentiles_go_to_zero_and_one(images, meta, clip):
    level = meta[keys.FOV_STATISTICS]
    low, high = level["p5"][:, :, None, None, None], level["p95"][:, :, None, None, None]
    result = ScaleByPercentiles(low="p5", high="p95", clip=clip)(images, meta)
    expected = (images - low) / (high - low)
    torch.testing.assert_close(result, expected.clamp(0, 1) if clip else expected)


def test_no_contrast_gives_zeros_not_infinity(meta):
    level = meta[keys.FOV_STATISTICS]
    level["std"][:] = 0
    level["p99"] = level["p1"]
    images = level["mean"][:, :, None, None, None].expand(4, 3, 1, 2, 2)
    assert (NormalizeByStatistics()(images, meta) == 0).all()
    images = level["p1"][:, :, None, None, None].expand(4, 3, 1, 2, 2)
    assert (ScaleByPercentiles()(images, meta) == 0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(images, meta, dtype):
    meta[keys.FOV_STATISTICS]["mean"] += 1000
    cast = (images + 1000).to(dtype)
    result = NormalizeByStatistics()(cast, meta)
    assert result.dtype == dtype
    assert torch.equal(result, NormalizeByStatistics()(cast.float(), meta).to(dtype))


@pytest.mark.parametrize("transform", [NormalizeByStatistics(), ScaleByPercentiles(high="std")])
def test_what_is_missing_is_named(images, meta, transform):
    for broken in (
        None,
        {},
        {keys.FOV_STATISTICS: {}},
        {keys.DATASET_STATISTICS: meta[keys.DATASET_STATISTICS]},
    ):
        with pytest.raises(
            DataError, match=r"fov_statistics\.(mean|p1): statistic is missing.*dynaclr preprocess"
        ):
            transform(images, broken)
    meta[keys.FOV_STATISTICS]["std"][2, 1] = float("nan")
    with pytest.raises(
        DataError,
        match=r"sample 2, channel 1, field fov_statistics\.std: .* found nan in 1 of 12.*dynaclr preprocess",
    ):
        transform(images, meta)


def test_a_hole_in_a_channel_that_is_not_used_does_no_harm(images, meta):
    meta[keys.FOV_STATISTICS]["std"][:, 1] = float("nan")
    NormalizeByStatistics(channels=[0, 2])(images, meta)
    with pytest.raises(DataError, match="channel 1"):
        NormalizeByStatistics(channels=[1])(images, meta)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NormalizeByStatistics("fov"), "NormalizeByStatistics.level"),
        (lambda: NormalizeByStatistics(divisor="sdt"), "Did you mean 'std'"),
        (lambda: NormalizeByStatistics(channels=[]), "NormalizeByStatistics.channels"),
        (lambda: NormalizeByStatistics(channels=[-1]), "NormalizeByStatistics.channels"),
        (lambda: NormalizeByStatistics(channels=[1, 1]), "NormalizeByStatistics.channels"),
        (lambda: NormalizeByStatistics(channels=1), "NormalizeByStatistics.channels"),
        (lambda: NormalizeByStatistics(channels=[True]), "NormalizeByStatistics.channels"),
        (lambda: ScaleByPercentiles(clip="no"), "ScaleByPercentiles.clip"),
        (lambda: ScaleByPercentiles(low="p1", high="p1"), "same statistic"),
        (lambda: ScaleByPercentiles(low="p2"), "ScaleByPercentiles.low"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_channels_beyond_the_images_are_refused(images, meta):
    with pytest.raises(ConfigError, match="unknown channel"):
        NormalizeByStatistics(channels=[3])(images, meta)
