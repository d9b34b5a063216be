"""Normalisations and random transforms of whole batches (B, C, Z, Y, X), by keyed draws.

The operators are the project's own: those of the usual libraries draw from generators that they keep, or
work on one sample at a time. MONAI's are taken too, at that price.
"""

from __future__ import annotations

from .base import Draw, Transform
from .compose import Places, apply_transforms
from .crop import CenterCrop, RandomCrop, RandomZShift
from .fields import RandomGaussianBlur, RandomGaussianNoise
from .intensity import RandomGamma, RandomScaleIntensity, RandomShiftIntensity
from .map_transforms import MapAugmentation, MapNormalization, MapTransform, light_monai
from .plane import RandomAffine, RandomFlip, required_patch_yx
from .statistics import Normalization, NormalizeByStatistics, ScaleByPercentiles

__all__ = (
    "CenterCrop",
    "Draw",
    "MapAugmentation",
    "MapNormalization",
    "MapTransform",
    "Normalization",
    "NormalizeByStatistics",
    "Places",
    "RandomAffine",
    "RandomCrop",
    "RandomFlip",
    "RandomGamma",
    "RandomGaussianBlur",
    "RandomGaussianNoise",
    "RandomScaleIntensity",
    "RandomShiftIntensity",
    "RandomZShift",
    "ScaleByPercentiles",
    "Transform",
    "apply_transforms",
    "light_monai",
    "required_patch_yx",
)
