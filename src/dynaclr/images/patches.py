"""Reads the patches of a batch of observations in one planned read.

Requests are ordered by FOV, frame and place, so that a chunk that several of them touch is decoded
once while it is in a small cache; each goes straight into its place of one array, unless its slices are
projected or its pixels resampled: then stored pixels are projected first, and resampled after.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorstore as ts

from dynaclr.base.errors import ConfigError, PixelReadError, problem
from dynaclr.experiment import FovEntry
from dynaclr.images.resampling import Taps, resample, taps_of
from dynaclr.images.slices import Projection, Slices
from dynaclr.images.statistics import NormTable
from dynaclr.images.stores import HandleCache, make_context, open_array

_TRANSIENT = ("EIO", "ESTALE", "ETIMEDOUT", "UNAVAILABLE", "DEADLINE_EXCEEDED", "Stale file handle")
_TRIES = 3
_SCRATCH_BYTES = 2**27
"""Stored pixels that wait to be projected or resampled, at most: what is pending beyond is finished first."""


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
        First row and first column in pixels of the patches' grid (`dynaclr.experiment.scale`): where nothing
        is resampled, in pixels of level 0.
    """

    fov: npt.NDArray[np.integer]
    t: npt.NDArray[np.integer]
    y: npt.NDArray[np.integer]
    x: npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class _Box:
    """The stored pixels that a patch is made of."""

    z: tuple[int, int]
    y: Taps
    x: Taps

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.z[1] - self.z[0], self.y.size, self.x.size


@dataclass(frozen=True, slots=True)
class _Reading:
    """Stored pixels on their way: place in the request, where they lie and go, copies by store channel."""

    place: int
    box: _Box
    target: npt.NDArray[np.float32]
    copies: list[tuple[int, Any]]


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
    slices
        Slices to read: the same of every frame, half open, or those of each.
    yx_patch_size
        Patch (height, width) in pixels.
    zeros_for_missing
        Whether chunks that are not stored read as zeros.
    cache_bytes
        Bytes of decoded chunks kept between batches and inside a batch.
    filling
        What NaN and Inf are filled from: the median of their FOV; None to leave them.
    steps
        Stored pixels (n_fovs, 2) that one pixel of a patch covers; None for 1.
    """

    def __init__(
        self,
        entries: Sequence[FovEntry],
        experiment_names: Sequence[str],
        channels: Sequence[Sequence[int]],
        slices: tuple[int, int] | Slices,
        yx_patch_size: tuple[int, int],
        zeros_for_missing: bool = False,
        cache_bytes: int = 2**28,
        filling: NormTable | None = None,
        steps: npt.NDArray[np.float64] | None = None,
    ) -> None:
        if cache_bytes < 0:
            raise ConfigError(
                problem("value out of range", field="cache_pool_bytes", expected=">= 0", found=cache_bytes)
            )
        self._entries, self._names = tuple(entries), tuple(experiment_names)
        self._channels = [tuple(int(channel) for channel in item) for item in channels]
        self._slices = slices if isinstance(slices, Slices) else Slices.fixed(self._entries, slices)
        self._size = yx_patch_size
        self._steps = np.ones((len(self._entries), 2)) if steps is None else steps
        self._zeros, self._cache_bytes = zeros_for_missing, cache_bytes
        self._filling = filling
        self._context: Any = None
        self.handles = HandleCache(self._open)

    @property
    def sample_shape(self) -> tuple[int, int, int, int]:
        """(C, Z, Y, X) of a patch."""
        return len(self._channels[0]), self._slices.depth, *self._size

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
        pending: deque[_Reading] = deque()
        waiting = 0
        for place in np.lexsort((request.x, request.y, request.t, request.fov)).tolist():
            box = self._box(request, place)
            target = out[place] if self._is_patch(box) else np.empty(self._shape(box), dtype=np.float32)
            copies = [
                (channel, ts.array(part).write(source))
                for part, source, channel in self._copies(request, place, box, target)
            ]
            pending.append(_Reading(place, box, target, copies))
            waiting += 0 if self._is_patch(box) else target.nbytes
            while waiting > _SCRATCH_BYTES:
                waiting -= self._finish(request, pending.popleft(), out)
        for reading in pending:
            self._finish(request, reading, out)
        return out

    def _box(self, request: PatchRequest, place: int) -> _Box:
        """Return which stored pixels the patch at a place of a request is made of."""
        fov = int(request.fov[place])
        image = self._entries[fov].layout.shape[3:]
        y, x = (
            taps_of(int(first[place]), count, float(step), length)
            for first, count, step, length in zip(
                (request.y, request.x), self._size, self._steps[fov], image, strict=True
            )
        )
        return _Box(self._slices.window(fov, int(request.t[place])), y, x)

    def _is_patch(self, box: _Box) -> bool:
        """Whether the stored pixels are the patch as they are."""
        kept = self._slices.projection is Projection.NONE
        return kept and box.y.weights is None and box.x.weights is None

    def _shape(self, box: _Box) -> tuple[int, int, int, int]:
        return len(self._channels[0]), *box.shape

    def _finish(self, request: PatchRequest, reading: _Reading, out: npt.NDArray[np.float32]) -> int:
        """Wait for stored pixels and make the patch of them; return how many bytes no longer wait."""
        for channel, copy in reading.copies:
            try:
                copy.result()
            except (ValueError, OSError, RuntimeError) as error:
                self._again(request, reading, channel, error)
        if self._filling is not None:
            self._fill(request, reading, self._filling)
        if self._is_patch(reading.box):
            return 0
        projected = self._slices.projection(reading.target)
        resample(projected, reading.box.y, reading.box.x, out[reading.place])
        return reading.target.nbytes

    @staticmethod
    def _fill(request: PatchRequest, reading: _Reading, norms: NormTable) -> None:
        """Put the median of the FOV where stored pixels are NaN or Inf; frames without are not looked at."""
        fov, t = (part[reading.place : reading.place + 1] for part in (request.fov, request.t))
        for channel in np.flatnonzero(norms.frames_not_finite[norms.frames(fov, t)][0]).tolist():
            pixels = reading.target[channel]
            pixels[~np.isfinite(pixels)] = norms.medians()[fov[0], channel]

    def _copies(
        self, request: PatchRequest, place: int, box: _Box, target: npt.NDArray[np.float32]
    ) -> list[tuple[Any, Any, int]]:
        """Return (part of the target, source, store channel or -1 for all) of the pixels of a patch."""
        fov, t = int(request.fov[place]), int(request.t[place])
        channels = self._channels[self._entries[fov].experiment]
        z, y, x = slice(*box.z), slice(box.y.start, box.y.stop), slice(box.x.start, box.x.stop)
        try:
            frame = self.handles.get(fov)[t, :, z, y, x]
        except (IndexError, ValueError) as error:
            raise PixelReadError(self._message(request, place, box, -1, error)) from error
        consecutive = list(channels) == list(range(channels[0], channels[0] + len(channels)))
        if consecutive:
            source = frame[channels[0] : channels[0] + len(channels)]
            return [(target, ts.cast(source, np.float32).translate_to[0, 0, 0, 0], -1)]
        return [
            (target[number], ts.cast(frame[channel], np.float32).translate_to[0, 0, 0], channel)
            for number, channel in enumerate(channels)
        ]

    def _again(self, request: PatchRequest, reading: _Reading, channel: int, error: Exception) -> None:
        """Try a failed patch again if the failure may pass; else say where it is."""
        place, box = reading.place, reading.box
        for attempt in range(1, _TRIES):
            if not any(mark in str(error) for mark in _TRANSIENT):
                break
            time.sleep(0.2 * 2**attempt)
            try:
                for part, source, _ in self._copies(request, place, box, reading.target):
                    ts.array(part).write(source).result()
            except (ValueError, OSError, RuntimeError) as again:
                error = again
            else:
                return
        raise PixelReadError(self._message(request, place, box, channel, error)) from error

    def _message(self, request: PatchRequest, place: int, box: _Box, channel: int, error: Exception) -> str:
        entry = self._entries[int(request.fov[place])]
        channels = self._channels[entry.experiment] if channel < 0 else (channel,)
        return problem(
            f"pixels cannot be read: {error}",
            experiment=self._names[entry.experiment],
            file=entry.layout.array_path,
            row=f"{entry.layout.name} frame {int(request.t[place])}, channels {list(channels)}, "
            f"z {box.z[0]}..{box.z[1]}, y {box.y.start}..{box.y.stop}, x {box.x.start}..{box.x.stop}",
            fix="Repair or restore the store, or leave this FOV out with exclude_fovs.",
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_context": None}
