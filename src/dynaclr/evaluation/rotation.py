"""Turns and flips every patch by its own keyed angle; takes and returns arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import affine_transform

from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.random import BatchKey, Purpose, uniforms


def rotated_patches(
    images: npt.NDArray[np.float32], key: BatchKey, final_yx: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Return patches (B, C, Z, *final_yx), each turned by a random angle and flipped or not.

    Interpolation is linear. A centered crop that could be turned out of the patch is refused.

    Parameters
    ----------
    images
        (B, C, Z, Y, X).
    key
        Key of the angles.
    final_yx
        Size of the crop, pixels.
    """
    size = np.array(images.shape[3:])
    needed = int(np.ceil(np.hypot(*final_yx)))
    if needed > size.min():
        raise ConfigError(
            problem("patch is too small to be turned", expected=f">= {needed} px", found=tuple(size.tolist()))
        )
    draw = uniforms(key, Purpose.AUDIT, images.shape[0], 2)
    result = np.empty((*images.shape[:3], *final_yx), dtype=np.float32)
    middle = (size - 1) / 2
    for sample, (turn, flip) in enumerate(draw):
        angle = 2 * np.pi * turn
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        if flip < 0.5:
            matrix[:, 1] *= -1
        offset = middle - matrix @ ((np.array(final_yx) - 1) / 2)
        for channel in range(images.shape[1]):
            for z in range(images.shape[2]):
                result[sample, channel, z] = affine_transform(
                    images[sample, channel, z], matrix, offset, output_shape=final_yx, order=1, mode="nearest"
                )
    return result
