"""Reads the patches of a batch of observations in one planned read.

Requests are ordered by FOV, frame and place, so that a chunk that several of them touch is decoded
once while it is in a small cache; each goes straight into its place of one array.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorstore as ts

from dynaclr.base.errors import ConfigError, PixelReadError, problem
from dynaclr.experiment import FovEntry
from dynaclr.images.statistics import NormTable
from dynaclr.images.stores import HandleCache, make_context, open_array

_TRANSIENT = ("EIO", "ESTALE", "ETIMEDOUT", "UNAVAILABLE", "DEADLINE_EXCEEDED", "Stale file handle")
_TRIES = 3


@dataclass(frozen=True, slots=True)
class PatchRequest:
    """Where the patches of a batch lie, all (B,).

    Attributes
    ----------
    fov
        FOV codes.
    t
        Frames.
    y, x
        First row and first column in pixels of level 0.
    """

    fov: npt.NDArray[np.integer]
    t: npt.NDArray[np.integer]
    y: npt.NDArray[np.integer]
    x: npt.NDArray[np.integer]


class PatchReader:
    """Reads patches (B, C, Z, Y, X) as float32.

    Parameters
    ----------
    entries
        Fields of view by code.
    experiment_names
        Names by experiment code, for messages.
    channels
        For each experiment code, the store's channel indices in source order.
    z_range
        Slices to read, half open.
    yx_patch_size
        Patch (height, width) in pixels.
    zeros_for_missing
        Whether chunks that are not stored read as zeros.
    cache_bytes
        Bytes of decoded chunks kept between batches and inside a batch.
    filling
        What NaN and Inf are filled from: the median of their FOV; None to leave them.
    """

    def __init__(
        self,
        entries: Sequence[FovEntry],
        experiment_names: Sequence[str],
        channels: Sequence[Sequence[int]],
        z_range: tuple[int, int],
        yx_patch_size: tuple[int, int],
        zeros_for_missing: bool = False,
        cache_bytes: int = 2**28,
        filling: NormTable | None = None,
    ) -> None:
        if cache_bytes < 0:
            raise ConfigError(
                problem("value out of range", field="cache_pool_bytes", expected=">= 0", found=cache_bytes)
            )
        self._entries, self._names = tuple(entries), tuple(experiment_names)
        self._channels = [tuple(int(channel) for channel in item) for item in channels]
        self._z, self._size = z_range, yx_patch_size
        self._zeros, self._cache_bytes = zeros_for_missing, cache_bytes
        self._filling = filling
        self._context: Any = None
        self.handles = HandleCache(self._open)

    @property
    def sample_shape(self) -> tuple[int, int, int, int]:
        """(C, Z, Y, X) of a patch."""
        return len(self._channels[0]), self._z[1] - self._z[0], *self._size

    def _open(self, fov: int) -> Any:
        if self._context is None:
            self._context = make_context(self._cache_bytes)
        return open_array(self._entries[fov].layout, self._context, zeros_for_missing=self._zeros)

    def read(self, request: PatchRequest) -> npt.NDArray[np.float32]:
        """Return patches (B, C, Z, Y, X).

        Raises
        ------
        PixelReadError
            If pixels cannot be read; experiment, FOV, frame, channel and place are named.
        """
        out = np.empty((request.fov.size, *self.sample_shape), dtype=np.float32)
        pending: list[tuple[int, int, Any]] = []
        for place in np.lexsort((request.x, request.y, request.t, request.fov)).tolist():
            for target, source, channel in self._copies(request, place, out):
                pending.append((place, channel, ts.array(target).write(source)))
        for place, channel, copy in pending:
            try:
                copy.result()
            except (ValueError, OSError, RuntimeError) as error:
                self._again(request, place, channel, out, error)
        if self._filling is not None:
            self._fill(request, out, self._filling)
        return out

    def _fill(self, request: PatchRequest, out: npt.NDArray[np.float32], norms: NormTable) -> None:
        """Put the median of the FOV where pixels are NaN or Inf; frames without are not looked at."""
        medians = norms.medians()
        strange = norms.frames_not_finite[norms.frames(request.fov, request.t)]
        for place, channel in np.argwhere(strange).tolist():
            pixels = out[place, channel]
            pixels[~np.isfinite(pixels)] = medians[request.fov[place], channel]

    def _copies(
        self, request: PatchRequest, place: int, out: npt.NDArray[np.float32]
    ) -> list[tuple[Any, Any, int]]:
        """Return (target, source, store channel or -1 for all) of one patch."""
        fov = int(request.fov[place])
        t, y, x = int(request.t[place]), int(request.y[place]), int(request.x[place])
        (z0, z1), (height, width) = self._z, self._size
        channels = self._channels[self._entries[fov].experiment]
        try:
            frame = self.handles.get(fov)[t, :, z0:z1, y : y + height, x : x + width]
        except (IndexError, ValueError) as error:
            raise PixelReadError(self._message(request, place, -1, error)) from error
        consecutive = list(channels) == list(range(channels[0], channels[0] + len(channels)))
        if consecutive:
            source = frame[channels[0] : channels[0] + len(channels)]
            return [(out[place], ts.cast(source, np.float32).translate_to[0, 0, 0, 0], -1)]
        return [
            (out[place, number], ts.cast(frame[channel], np.float32).translate_to[0, 0, 0], channel)
            for number, channel in enumerate(channels)
        ]

    def _again(
        self, request: PatchRequest, place: int, channel: int, out: npt.NDArray[np.float32], error: Exception
    ) -> None:
        """Try a failed patch again if the failure may pass; else say where it is."""
        for attempt in range(1, _TRIES):
            if not any(mark in str(error) for mark in _TRANSIENT):
                break
            time.sleep(0.2 * 2**attempt)
            try:
                for target, source, _ in self._copies(request, place, out):
                    ts.array(target).write(source).result()
            except (ValueError, OSError, RuntimeError) as again:
                error = again
            else:
                return
        raise PixelReadError(self._message(request, place, channel, error)) from error

    def _message(self, request: PatchRequest, place: int, channel: int, error: Exception) -> str:
        entry = self._entries[int(request.fov[place])]
        channels = self._channels[entry.experiment] if channel < 0 else (channel,)
        y, x = int(request.y[place]), int(request.x[place])
        return problem(
            f"pixels cannot be read: {error}",
            experiment=self._names[entry.experiment],
            file=entry.layout.array_path,
            row=f"{entry.layout.name} frame {int(request.t[place])}, channels {list(channels)}, "
            f"z {self._z[0]}..{self._z[1]}, y {y}..{y + self._size[0]}, x {x}..{x + self._size[1]}",
            fix="Repair or restore the store, or leave this FOV out with exclude_fovs.",
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_context": None}
