"""Frames of arrays that are read when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import DataError, PixelReadError, listing, problem

_KINDS = "biuf"
"""Kinds of numbers that pixels can be: flags, whole numbers with or without sign, fractions."""


def common_shape(channels: Mapping[str, Any]) -> tuple[tuple[int, int, int, int], np.dtype[Any]]:
    """Return (T, Z, Y, X) and the type of numbers that all channels have, or fit into.

    Raises
    ------
    DataError
        If there is no channel, shapes differ, or pixel type is not numeric.
    """
    if not channels:
        raise DataError(problem("no channel", expected="at least one"))
    shapes = {name: tuple(int(size) for size in channel.shape) for name, channel in channels.items()}
    first = next(iter(shapes.values()))
    if any(shape != first for shape in shapes.values()):
        found = listing(f"{name} {shape}" for name, shape in shapes.items())
        raise DataError(problem("channels have different shapes", found=found))
    if len(first) not in (3, 4) or 0 in first:
        expected = "(T, Y, X) or (T, Z, Y, X), none of them 0"
        raise DataError(problem("channels have the wrong axes", expected=expected, found=first))
    dtypes = {name: _dtype(channel) for name, channel in channels.items()}
    strange = [f"{name} {dtype}" for name, dtype in dtypes.items() if dtype.kind not in _KINDS]
    if strange:
        raise DataError(problem("pixel type is not numeric", found=listing(strange)))
    common = np.dtype(np.result_type(*dtypes.values()))
    depth = first[1] if len(first) == 4 else 1
    return (first[0], depth, first[-2], first[-1]), np.dtype(np.uint8) if common.kind == "b" else common


def _dtype(channel: Any) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(getattr(channel.dtype, "numpy_dtype", channel.dtype))
    return dtype  # tensorstore has types of its own, and each knows that of numpy


def read_frame(channel: Any, name: str, t: int, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return frame t of a channel; a single slice (1, Y, X) may be without its axis.

    Raises
    ------
    PixelReadError
        If it cannot be read.
    DataError
        If it has another size.
    """
    try:
        frame = np.asarray(channel[t])
    except (OSError, ValueError, KeyError, IndexError, RuntimeError) as error:
        raise PixelReadError(problem(f"cannot be read: {error}", field=name, row=f"frame {t}")) from error
    if frame.shape != shape and (1, *frame.shape) != shape:
        raise DataError(
            problem("frame has another size", field=name, row=f"frame {t}", expected=shape, found=frame.shape)
        )
    return frame
