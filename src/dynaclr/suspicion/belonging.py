"""Whether the track tables of experiments belong to their images, told in lines of a report."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dynaclr.suspicion.judging import judge_fovs
from dynaclr.suspicion.pixels import read_views, sampled_fovs
from dynaclr.suspicion.placement import contrast
from dynaclr.suspicion.placement_text import placement_lines
from dynaclr.suspicion.view import FovView

if TYPE_CHECKING:
    from dynaclr.index import MultiExperimentIndex

_FEWEST_TRACKS = 20
_DIFFERENT, _SAME = 0.25, 0.1  # contrast of a channel in two experiments


@dataclass(frozen=True, slots=True)
class TableCheck:
    """What was found.

    Attributes
    ----------
    wrong
        A line for each error of an experiment, with what to do.
    fits
        A line for each experiment without one.
    """

    wrong: list[str] = field(default_factory=list)
    fits: list[str] = field(default_factory=list)


def tables_against_images(
    index: MultiExperimentIndex, progress: Callable[[int, int], None] | None = None
) -> TableCheck:
    """Return what is wrong with the tables of every experiment and what to do, or how well they fit.

    A few frames of at most 12 FOVs of an experiment are read, drawn at random and always the same: that takes
    seconds.

    Parameters
    ----------
    index
        The observations.
    progress
        Called with (experiments done, all).
    """
    check, seen = TableCheck(), {}
    for code, name in enumerate(index.registry.names):
        fovs = sampled_fovs(index, code)
        names = [index.fovs[fov].layout.name for fov in fovs]
        if fovs:
            views = read_views(index, fovs)
            wrong, fits = placement_lines(name, judge_fovs(views, names), names)
            check.wrong.extend(wrong)
            check.fits.extend(fits)
            if not wrong:
                seen[name] = channel_contrasts(views)
        if progress is not None:
            progress(code + 1, len(index.registry.names))
    check.wrong.extend(exchanged_channels(seen))
    return check


def channel_contrasts(views: Sequence[FovView]) -> npt.NDArray[np.float64] | None:
    """Return the brightness of cells in every channel (channels,), None with few tracks."""
    channels = views[0].steps.moved.shape[0]
    values = np.concatenate([contrast(view.maps, view.points, view.reduction) for view in views], axis=1)
    return values[: 2 * channels : 2].mean(axis=1) if values.shape[1] >= _FEWEST_TRACKS else None


def exchanged_channels(seen: Mapping[str, npt.NDArray[np.float64] | None]) -> list[str]:
    """Return a line for every two experiments whose cells look alike only with two channels exchanged.

    It cannot be told of one experiment alone, nor where cells look alike in both channels. The experiment
    that differs from most is named where there are three or more.

    Parameters
    ----------
    seen
        {experiment: brightness of cells in every channel}.
    """
    known = {name: values for name, values in seen.items() if values is not None}
    found: list[tuple[str, str, int, int]] = []
    for (name, one), (other, two) in itertools.combinations(known.items(), 2):
        for first, second in itertools.combinations(range(min(one.size, two.size)), 2):
            pair = [first, second]
            apart = np.abs(one[pair] - two[pair])
            if (apart > _DIFFERENT).all() and (np.abs(one[pair] - two[pair[::-1]]) < _SAME).all():
                found.append((name, other, first, second))
    lines = []
    for name, other, first, second in found:
        counts = {item: sum(item in pair[:2] for pair in found) for item in (name, other)}
        odd = max(counts, key=lambda item: counts[item])
        which = f"'{odd}'" if len(known) > 2 and len(set(counts.values())) > 1 else "one of them"
        numbers = "; ".join(
            f"{item}: {known[item][first]:.2f} and {known[item][second]:.2f}" for item in (name, other)
        )
        lines.append(
            f"channels {first} and {second} of source_channel look exchanged between '{name}' and '{other}': "
            f"look at the channel names of {which} (image contrast at the centroids in {numbers})"
        )
    return lines
