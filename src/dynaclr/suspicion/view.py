"""What is judged of a field of view: centroids, maps of its images, and steps in them; computes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Images = Mapping[int, npt.NDArray[np.float32]]
"""{frame: (channels, Y, X)}."""


@dataclass(frozen=True, slots=True)
class Points:
    """Centroids of a FOV in pixels of level 0, all (n,), by track and frame.

    Attributes
    ----------
    track, t, y, x
        Number of the track, frame and place.
    """

    track: npt.NDArray[np.int64]
    t: npt.NDArray[np.int64]
    y: Floats
    x: Floats


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps seen in the images.

    Attributes
    ----------
    track, t
        (n,) number of the track, and the earlier frame.
    moved
        (channels, 2, n) step (y, x) in pixels, NaN where it is not clear.
    """

    track: npt.NDArray[np.int64]
    t: npt.NDArray[np.int64]
    moved: Floats


@dataclass(frozen=True, slots=True)
class FovView:
    """What is judged of one FOV.

    Attributes
    ----------
    points
        Centroids at all frames.
    maps
        {frame: (features, Y, X)} of `feature_maps`.
    reduction
        Pixels of level 0 in one pixel of the maps.
    pixel_um
        Size of a pixel in micrometers, 1 if unknown.
    image_yx
        Height and width in pixels of level 0.
    steps
        How the image moves at the centroids.
    """

    points: Points
    maps: Images
    reduction: int
    pixel_um: float
    image_yx: tuple[int, int]
    steps: Steps
