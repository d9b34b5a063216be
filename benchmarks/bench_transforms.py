"""Augmentation of 16 pairs 2 x 8 x 192 x 192 on the CPU against a per-sample loop of MONAI array transforms.

Affine, flip, gamma, scale, blur and noise, every one applied to every sample on both sides. Both keep the
full 192 x 192; a second line gives the final crop to 160 x 160.
"""

from __future__ import annotations

import warnings

import torch
from runner import compare, finish

from dynaclr.base.random import BatchKey, Purpose
from dynaclr.transforms import (
    RandomAffine,
    RandomFlip,
    RandomGamma,
    RandomGaussianBlur,
    RandomGaussianNoise,
    RandomScaleIntensity,
    apply_transforms,
)

SHAPE = (16, 2, 8, 192, 192)


def monai_loop():
    """The same six steps on one sample at a time, as the usual array transforms do them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai import transforms as monai
    steps = monai.Compose(
        [
            monai.RandAffine(
                prob=1.0, rotate_range=(3.14, 0, 0), scale_range=(0, 0.2, 0.2), padding_mode="border"
            ),
            monai.RandFlip(prob=0.5, spatial_axis=1),
            monai.RandFlip(prob=0.5, spatial_axis=2),
            monai.RandAdjustContrast(prob=1.0, gamma=(0.7, 1.4)),
            monai.RandScaleIntensity(factors=0.2, prob=1.0, channel_wise=True),
            monai.RandGaussianSmooth(prob=1.0, sigma_x=(0.01, 0.02), sigma_y=(0.3, 1.0), sigma_z=(0.3, 1.0)),
            monai.RandGaussianNoise(prob=1.0, std=0.2),
        ]
    )
    steps.set_random_state(seed=0)
    return lambda images: torch.stack([torch.as_tensor(steps(image)) for image in images])


def main() -> None:
    torch.set_num_threads(2)
    generator = torch.Generator().manual_seed(0)
    anchors, positives = (torch.randn(SHAPE, generator=generator) for _ in range(2))
    ours = [
        RandomAffine(rotation_degrees=180.0, scale_range=(0.8, 1.2), prob=1.0),
        RandomFlip(prob=0.5),
        RandomGamma(gamma_range=(0.7, 1.4), prob=1.0),
        RandomScaleIntensity(factor_range=(0.8, 1.2), prob=1.0),
        RandomGaussianBlur(sigma_range=(0.3, 1.0), prob=1.0),
        RandomGaussianNoise(std_range=(0.0, 0.2), prob=1.0),
    ]
    key, loop = BatchKey(0, 0, 0), monai_loop()

    def fused(final_yx: tuple[int, int]) -> None:
        apply_transforms(ours, anchors, key, Purpose.AUGMENT_ANCHOR, final_yx)
        apply_transforms(ours, positives, key, Purpose.AUGMENT_POSITIVE, final_yx)

    def reference() -> None:
        loop(anchors)
        loop(positives)

    finish(
        [
            compare("16 pairs, six steps, all of 192", lambda: fused((192, 192)), reference, limit=1 / 3),
            compare("16 pairs, six steps, final 160", lambda: fused((160, 160)), reference, limit=1 / 3),
        ]
    )


if __name__ == "__main__":
    main()
