"""Which slices of a stack are read, and what becomes of them; reads no pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from dynaclr.experiment import FovEntry


class Projection(StrEnum):
    """What becomes of the slices of a patch: all are kept, or one is made of them."""

    NONE = "none"
    MAX = "max"
    MEAN = "mean"

    def __call__(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return patches (C, Z, Y, X) with the slices that the network gets."""
        if self is Projection.NONE:
            return pixels
        reduced = pixels.max if self is Projection.MAX else pixels.mean
        return np.asarray(reduced(axis=1, keepdims=True))

    def depth(self, count: int) -> int:
        """Return how many slices `count` slices become."""
        return count if self is Projection.NONE else 1


@dataclass(frozen=True, slots=True)
class Slices:
    """Which slices are read of each frame of each field of view.

    Attributes
    ----------
    first
        By FOV code: first slice of each frame (T,).
    count
        By FOV code: how many.
    projection
        What becomes of them.
    """

    first: tuple[npt.NDArray[np.int64], ...]
    count: tuple[int, ...]
    projection: Projection = Projection.NONE

    @classmethod
    def fixed(cls, entries: Sequence[FovEntry], z_range: tuple[int, int]) -> Slices:
        """Return the same slices, half open, for every frame of every FOV."""
        first = tuple(np.full(entry.layout.shape[0], z_range[0], dtype=np.int64) for entry in entries)
        return cls(first, (z_range[1] - z_range[0],) * len(entries))

    @property
    def depth(self) -> int:
        """Slices of a patch."""
        return self.projection.depth(self.count[0])

    def window(self, fov: int, t: int) -> tuple[int, int]:
        """Return the slices of a frame, half open."""
        first = int(self.first[fov][t])
        return first, first + self.count[fov]

    def windows(
        self, fov: npt.NDArray[np.integer], t: npt.NDArray[np.integer]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return first slice and the one after the last of many frames (n,)."""
        begin = np.cumsum([0, *(part.size for part in self.first)])
        first = np.concatenate(self.first)[begin[fov] + t]
        return first, first + np.asarray(self.count)[fov]

    def span(self, fov: int) -> tuple[int, int]:
        """Return all slices that are read of an FOV in any frame, half open."""
        first = self.first[fov]
        return int(first.min()), int(first.max()) + self.count[fov]

    def middle(self) -> Slices:
        """Return the one slice in the middle of each window."""
        pairs = zip(self.first, self.count, strict=True)
        return Slices(tuple(first + count // 2 for first, count in pairs), (1,) * len(self.count))


def window_around(focus: npt.NDArray[np.floating], count: int, depth: int) -> npt.NDArray[np.int64]:
    """Return the first of `count` slices around the slices in focus, moved to lie in a stack of `depth`."""
    first = np.floor(focus - (count - 1) / 2 + 0.5).astype(np.int64)
    return np.asarray(np.clip(first, 0, depth - count))
