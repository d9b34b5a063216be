"""Normalizations and random transforms of whole batches (B, C, Z, Y, X), by keyed draws.

The operators are the project's own: those of the usual libraries draw from generators that they keep, or
work on one sample at a time. MONAI's are taken too, at that price. One line here offers a transform.
"""

from __future__ import annotations

from .base import Draw as Draw
from .base import Transform as Transform
from .compose import Places as Places
from .compose import apply_transforms as apply_transforms
from .crop import CenterCrop as CenterCrop
from .crop import RandomCrop as RandomCrop
from .crop import RandomZShift as RandomZShift
from .fields import RandomGaussianBlur as RandomGaussianBlur
from .fields import RandomGaussianNoise as RandomGaussianNoise
from .intensity import RandomGamma as RandomGamma
from .intensity import RandomScaleIntensity as RandomScaleIntensity
from .intensity import RandomShiftIntensity as RandomShiftIntensity
from .map_transforms import MapAugmentation as MapAugmentation
from .map_transforms import MapNormalization as MapNormalization
from .map_transforms import MapTransform as MapTransform
from .map_transforms import light_monai as light_monai
from .plane import RandomAffine as RandomAffine
from .plane import RandomFlip as RandomFlip
from .plane import required_patch_yx as required_patch_yx
from .statistics import Normalization as Normalization
from .statistics import NormalizeByStatistics as NormalizeByStatistics
from .statistics import ScaleByPercentiles as ScaleByPercentiles
