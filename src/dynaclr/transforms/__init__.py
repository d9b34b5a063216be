"""Normalisations and random transforms of whole batches (B, C, Z, Y, X), by keyed draws.

The operators are the project's own: those of the usual libraries draw from generators that they keep, or
work on one sample at a time. MONAI's are taken too, at that price. One line here offers a transform.
"""

from __future__ import annotations

from dynaclr.transforms.base import Draw as Draw
from dynaclr.transforms.base import Transform as Transform
from dynaclr.transforms.compose import Places as Places
from dynaclr.transforms.compose import apply_transforms as apply_transforms
from dynaclr.transforms.crop import CenterCrop as CenterCrop
from dynaclr.transforms.crop import RandomCrop as RandomCrop
from dynaclr.transforms.crop import RandomZShift as RandomZShift
from dynaclr.transforms.fields import RandomGaussianBlur as RandomGaussianBlur
from dynaclr.transforms.fields import RandomGaussianNoise as RandomGaussianNoise
from dynaclr.transforms.intensity import RandomGamma as RandomGamma
from dynaclr.transforms.intensity import RandomScaleIntensity as RandomScaleIntensity
from dynaclr.transforms.intensity import RandomShiftIntensity as RandomShiftIntensity
from dynaclr.transforms.map_transforms import MapAugmentation as MapAugmentation
from dynaclr.transforms.map_transforms import MapNormalization as MapNormalization
from dynaclr.transforms.map_transforms import MapTransform as MapTransform
from dynaclr.transforms.map_transforms import light_monai as light_monai
from dynaclr.transforms.plane import RandomAffine as RandomAffine
from dynaclr.transforms.plane import RandomFlip as RandomFlip
from dynaclr.transforms.plane import required_patch_yx as required_patch_yx
from dynaclr.transforms.statistics import Normalization as Normalization
from dynaclr.transforms.statistics import NormalizeByStatistics as NormalizeByStatistics
from dynaclr.transforms.statistics import ScaleByPercentiles as ScaleByPercentiles
