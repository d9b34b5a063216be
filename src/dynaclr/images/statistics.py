"""Statistics of every store, FOV and frame as arrays, looked up for a batch; computes none of them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from platformdirs import user_cache_path

from dynaclr.base import keys
from dynaclr.base.errors import DataError, listing, problem, suggest, together
from dynaclr.experiment import FovEntry, FovLayout, Location, UrlPath
from dynaclr.images.moments import MOMENTS_VERSION
from dynaclr.images.stores import stored_pixels

NormMeta = dict[str, dict[str, torch.Tensor]]
"""{level: {statistic: (B, C)}}: the statistics of each sample's own store, FOV and frame."""


def sidecar_path(plate: Location) -> Path:
    """Return the folder that holds statistics which a plate itself does not.

    It lies beside the plate; of a plate by URL in the user's cache of this machine.
    """
    if isinstance(plate, UrlPath):
        digest = hashlib.sha256(plate.url.encode()).hexdigest()[:12]
        return user_cache_path("dynaclr", ensure_exists=True) / f"{plate.name or 'plate'}-{digest}.statistics"
    return plate.with_name(f"{plate.name}.statistics")


def fov_statistics(plate: Location, fov_name: str) -> Path:
    """Return the sidecar file of one FOV."""
    return sidecar_path(plate) / f"{fov_name}.json"


@dataclass(frozen=True, slots=True)
class Sidecar:
    """Statistics of one FOV in a file beside its plate.

    Attributes
    ----------
    statistics
        {channel: {level: statistics}}.
    origins
        {channel: what the values were computed from and by}, see `origin`.
    replacing
        Channels whose values were asked for instead of those that the plate itself holds.
    """

    statistics: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, Any] = field(default_factory=dict)
    replacing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredStatistics:
    """What is kept for one FOV.

    Attributes
    ----------
    statistics
        {channel: {level: statistics}}; None if there are none at all.
    source
        Where they come from, for messages.
    outdated
        {channel: why its values are not used}: they are of other pixels, or an earlier version made them.
    """

    statistics: dict[str, Any] | None
    source: str
    outdated: dict[str, str]


def origin(layout: FovLayout, channel: int) -> dict[str, Any]:
    """Return what statistics of a channel are computed from (files of pixels) and by (version of code)."""
    return {
        "channel": layout.stored_channel(channel),
        "pixels": stored_pixels(layout, [channel], (0, layout.shape[2])),
        "version": MOMENTS_VERSION,
    }


def _outdated(layout: FovLayout, origins: Mapping[str, Any]) -> dict[str, str]:
    reasons = {}
    for name, kept in origins.items():
        if kept.get("version") != MOMENTS_VERSION:
            reasons[name] = "an earlier version computed them"
        elif name in layout.channels and kept != origin(layout, layout.channels.index(name)):
            reasons[name] = "the pixels have changed since they were computed"
    return reasons


def stored_statistics(plate: Location, entry: FovEntry) -> StoredStatistics:
    """Return the statistics of an FOV.

    What stands in the position's own attributes is used as it is; what they lack, down to the single
    statistic, is taken from the sidecar.

    Raises
    ------
    DataError
        If a sidecar cannot be read.
    """
    layout = entry.layout
    own, place = layout.attributes.get(keys.NORMALIZATION), f"{layout.path} attributes"
    path = fov_statistics(plate, layout.name)
    beside = read_sidecar(path, layout.name) if path.is_file() else None
    outdated = _outdated(layout, beside.origins if beside else {})
    own_origins = layout.attributes.get(keys.NORMALIZATION_ORIGIN)
    if isinstance(own, Mapping) and isinstance(own_origins, Mapping):
        wrong = _outdated(layout, own_origins)
        own = {name: levels for name, levels in own.items() if name not in wrong}
        outdated |= wrong
    if beside is None:
        return StoredStatistics(own or None, place if own else str(path), outdated)
    usable = {name: levels for name, levels in beside.statistics.items() if name not in outdated}
    if not isinstance(own, Mapping):
        return StoredStatistics(own, place, {}) if own else StoredStatistics(usable, str(path), outdated)
    kept = {name: levels for name, levels in own.items() if name not in beside.replacing}
    filled = {name: _filled(levels, usable.get(name, {})) for name, levels in kept.items()}
    return StoredStatistics({**usable, **filled}, f"{place} and {path}", outdated)


def _filled(own: Any, beside: Any) -> Any:
    """Return nested values of the plate, and those of the sidecar where the plate has none."""
    if not isinstance(own, Mapping) or not isinstance(beside, Mapping):
        return own
    both = {name: _filled(own[name], beside[name]) for name in own if name in beside}
    return {**beside, **own, **both}


def read_sidecar(path: Path, fov_name: str) -> Sidecar:
    """Return what a sidecar file holds.

    Raises
    ------
    DataError
        If the file cannot be read or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        statistics = dict(content[keys.NORMALIZATION])
        first = {name: {"version": 1} for name in statistics}
        return Sidecar(statistics, content.get("origin", first), tuple(content.get("replacing", ())))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            problem(
                f"statistics cannot be read: {error!r}",
                file=path,
                row=fov_name,
                fix="Compute them again with `python -m dynaclr preprocess --overwrite`.",
            )
        ) from error


class NormTable:
    """Statistics of all FOVs.

    Parameters
    ----------
    entries
        Fields of view by code.
    experiment_names, plates, channel_names
        By experiment code: name, plate, and the channels that are read in source order.

    Attributes
    ----------
    missing, outdated, not_finite
        FOVs without statistics; by FOV code, channels whose values are not used and why; which frames hold
        NaN or Inf, in words.
    frames_not_finite
        (sum of T, C) whether a frame holds NaN or Inf in a channel; frames of all FOVs one after the other.
    boxes
        (sum of T, 4) first and last row, first and last column (half open) of what is no padding in any
        channel.

    Raises
    ------
    DataError
        If a plate's own statistics lack a channel, or a value is NaN or Inf; all FOVs are reported
        together. An FOV without any statistics, or a channel that was not computed yet, is no error
        here: see `missing`, `outdated`, `not_finite` and `available`.
    """

    def __init__(
        self,
        entries: Sequence[FovEntry],
        experiment_names: Sequence[str],
        plates: Sequence[Location],
        channel_names: Sequence[Sequence[str]],
    ) -> None:
        frames = np.array([entry.layout.shape[0] for entry in entries], dtype=np.int64)
        self._first_frame = np.r_[0, np.cumsum(frames)]
        n_channels = len(channel_names[0])
        shape = (n_channels, len(keys.STATISTICS))
        self._values = {
            keys.DATASET_STATISTICS: np.full((len(entries), *shape), np.nan, dtype=np.float32),
            keys.FOV_STATISTICS: np.full((len(entries), *shape), np.nan, dtype=np.float32),
            keys.TIMEPOINT_STATISTICS: np.full((int(frames.sum()), *shape), np.nan, dtype=np.float32),
        }
        self.missing: list[str] = []
        self.outdated: dict[int, dict[str, str]] = {}
        self.not_finite: list[str] = []
        self.frames_not_finite = np.zeros((int(frames.sum()), n_channels), dtype=bool)
        self._images = np.array([(0, y, 0, x) for *_, y, x in (entry.layout.shape for entry in entries)])
        self.boxes = np.repeat(self._images, frames, axis=0)
        problems: list[str] = []
        for code, entry in enumerate(entries):
            name = experiment_names[entry.experiment]
            kept = stored_statistics(plates[entry.experiment], entry)
            self.outdated[code] = kept.outdated
            if kept.statistics is None:
                self.missing.append(f"{name}/{entry.layout.name}")
                continue
            for place, channel in enumerate(channel_names[entry.experiment]):
                plain = not entry.layout.attributes.get(keys.NORMALIZATION)
                if channel not in kept.statistics and (plain or channel in kept.outdated):
                    continue
                problems += self._take(kept.statistics, code, place, channel, name, entry, kept.source)
        if problems:
            raise DataError(together("normalization statistics", problems))

    def _take(
        self, stored: Any, code: int, place: int, channel: str, experiment: str, entry: FovEntry, source: str
    ) -> list[str]:
        """Copy the statistics of one channel of one FOV; return what is wrong with them."""

        def wrong(what: str, field: str, found: object = None, fix: str | None = None) -> str:
            return problem(
                what,
                experiment=experiment,
                file=source,
                row=entry.layout.name,
                field=field,
                found=found,
                fix=fix,
            )

        if not isinstance(stored, Mapping) or channel not in stored:
            there = list(stored) if isinstance(stored, Mapping) else repr(stored)
            options = list(stored) if isinstance(stored, Mapping) else []
            return [
                wrong("channel has no statistics", channel, there, suggest(channel, options).strip() or None)
            ]
        problems = []
        first, last = (int(number) for number in self._first_frame[code : code + 2])
        for level in keys.STATISTICS_LEVELS:
            content = stored[channel].get(level)
            if content is None:
                continue
            if level != keys.TIMEPOINT_STATISTICS:
                values, why = _row(content)
                self._values[level][code, place] = values
                problems += [
                    wrong("statistic cannot be used", f"{channel}.{level}.{name}", found)
                    for name, found in why
                ]
                continue
            self.not_finite += frames_not_finite(content, f"{experiment}/{entry.layout.name} {channel}")
            for frame in range(last - first):
                of_frame = content.get(str(frame), {})
                values, why = _row(of_frame)
                strange = isinstance(of_frame, Mapping) and keys.NOT_FINITE in of_frame
                self.frames_not_finite[first + frame, place] = strange
                box = _box(of_frame, entry.layout.shape[-2:])
                if box is not None:
                    low, high = self.boxes[first + frame, ::2], self.boxes[first + frame, 1::2]
                    low[:], high[:] = np.maximum(low, box[::2]), np.minimum(high, box[1::2])
                self._values[level][first + frame, place] = values
                problems += [
                    wrong("statistic cannot be used", f"{channel}.{level}.{frame}.{name}", found)
                    for name, found in why
                ]
        return problems

    @cached_property
    def padded(self) -> npt.NDArray[np.bool_]:
        """Whether frames are padded at their borders (sum of T,)."""
        images = np.repeat(self._images, np.diff(self._first_frame), axis=0)
        return np.asarray((self.boxes != images).any(axis=1))

    @property
    def blank(self) -> npt.NDArray[np.bool_]:
        """Which frames of all FOVs, one after the other, are blank in a channel: (sum of T, C).

        All their pixels are one value, or NaN and Inf. False where it is not known.
        """
        values = self._values[keys.TIMEPOINT_STATISTICS]
        low, high = (values[..., keys.STATISTICS.index(name)] for name in ("min", "max"))
        return np.asarray(low >= high)

    def frames(self, fov: npt.NDArray[np.integer], t: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Return the places of frames (n,) in what is kept of all frames."""
        return np.asarray(self._first_frame[fov] + t)

    def medians(self) -> npt.NDArray[np.float32]:
        """Return the median of every FOV and channel (n_fovs, C), NaN where it is not known."""
        return self._values[keys.FOV_STATISTICS][..., keys.STATISTICS.index("median")]

    def available(self, level: str, statistic: str) -> npt.NDArray[np.bool_]:
        """Return for each FOV whether a statistic is there for every channel (and every frame)."""
        values = self._values[level][..., keys.STATISTICS.index(statistic)]
        finite = np.isfinite(values).all(axis=1)
        if level != keys.TIMEPOINT_STATISTICS:
            return np.asarray(finite)
        return np.asarray(np.logical_and.reduceat(finite, self._first_frame[:-1]))

    def lookup(self, fov: npt.NDArray[np.integer], t: npt.NDArray[np.integer]) -> NormMeta | None:
        """Return the statistics of samples, (B, C) each; None if no FOV has any.

        A statistic that a store lacks is NaN; a transform that asks for it says so.
        """
        if len(self.missing) == self._first_frame.size - 1:
            return None
        rows = {
            keys.DATASET_STATISTICS: fov,
            keys.FOV_STATISTICS: fov,
            keys.TIMEPOINT_STATISTICS: self.frames(fov, t),
        }
        meta: NormMeta = {}
        for level, values in self._values.items():
            chosen = torch.from_numpy(values[rows[level]])  # (B, C, S)
            meta[level] = {name: chosen[..., place] for place, name in enumerate(keys.STATISTICS)}
        return meta


def frames_not_finite(frames: Any, where: str) -> list[str]:
    """Return in words which frames hold NaN or Inf, and how many of their pixels."""
    shares = {
        frame: float(values[keys.NOT_FINITE])
        for frame, values in frames.items()
        if isinstance(values, Mapping) and keys.NOT_FINITE in values
    }
    of_frames = listing((f"{frame} ({100 * share:.2g} %)" for frame, share in shares.items()), 5)
    return [f"{where}: frames {of_frames}"] if shares else []


def frames_padded(frames: Any, where: str) -> list[str]:
    """Return in words which frames are padded at their borders."""
    padded = [
        name for name, values in frames.items() if isinstance(values, Mapping) and keys.DATA_BOX in values
    ]
    return [f"{where}: frames {listing(padded, 5)}"] if padded else []


def _box(content: Any, image: Sequence[int]) -> list[int] | None:
    """Return the box of a frame that is no padding, None where the frame is not padded."""
    box = content.get(keys.DATA_BOX) if isinstance(content, Mapping) else None
    if not isinstance(box, list) or len(box) != 4 or not all(type(edge) is int for edge in box):
        return None
    inside = 0 <= box[0] < box[1] <= image[0] and 0 <= box[2] < box[3] <= image[1]
    return box if inside else None


def _row(content: Any) -> tuple[npt.NDArray[np.float32], list[tuple[str, object]]]:
    """Return one value a statistic (NaN where absent), and (name, value) of those that are non-finite."""
    values = np.full(len(keys.STATISTICS), np.nan, dtype=np.float32)
    problems: list[tuple[str, object]] = []
    if not isinstance(content, Mapping):
        return values, [("", content)]
    for place, name in enumerate(keys.STATISTICS):
        value = content.get(name)
        if value is None:
            continue
        good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not good or (name in ("std", "iqr") and value < 0):
            problems.append((name, value))
        else:
            values[place] = value
    return values, problems
