"""Texts about the pairs of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dynaclr.dataset import Kin, PairDraw
from dynaclr.index import MultiExperimentIndex
from dynaclr.pipeline import BatchInspector
from napari_dynaclr.presentation.display import channel_display
from napari_dynaclr.presentation.thumbnails import rgb_of

_KIN = {
    Kin.SELF: "the anchor itself",
    Kin.SAME_TRACK: "same track",
    Kin.DESCENDANT: "a descendant, across a division",
    Kin.OTHER_RELATIVE: "another relative",
}
_SIGN = {Kin.DESCENDANT: " \N{DIVISION SIGN}", Kin.OTHER_RELATIVE: " \N{ALMOST EQUAL TO}"}


@dataclass(frozen=True, slots=True)
class PairText:
    """A few letters, everything, whether the pair is not of one track, and the code of its condition."""

    caption: str
    about: str
    marked: bool
    condition: int


@dataclass(frozen=True, slots=True)
class ChannelColour:
    """Name of a channel, and its brightest color as red, green and blue in 0..1."""

    name: str
    rgb: tuple[float, float, float]

    @property
    def html(self) -> str:
        """Return the color as "#rrggbb"."""
        return "#" + "".join(f"{round(255 * part):02x}" for part in self.rgb)


def pair_texts(index: MultiExperimentIndex, draw: PairDraw) -> list[PairText]:
    """Return the texts of each pair."""
    table = index.table
    fov = table.fov_of(draw.anchor)
    hours, step = index.hours(draw.anchor), index.fov_interval_hours[fov]
    moved = index.near_border(draw.anchor) | index.near_border(draw.positive)
    result = []
    for place in range(draw.anchor.size):
        here, kin = int(fov[place]), Kin(int(draw.kin[place]))
        tracks = [int(table.track_id[table.track[rows[place]]]) for rows in (draw.anchor, draw.positive)]
        frames = [int(table.t[rows[place]]) for rows in (draw.anchor, draw.positive)]
        tau = draw.tau_frames[place] * step[place]
        lines = [
            f"pair {place}: {index.positions[here]}, {index.fovs[here].condition}",
            f"anchor: track {tracks[0]}, frame {frames[0]}, {hours[place]:.3g} h",
            f"positive: track {tracks[1]}, frame {frames[1]}, {tau:.3g} h later: {_KIN[kin]}",
        ]
        if draw.tau_frames[place] != draw.requested_frames[place]:
            lines.append(
                f"tau {draw.requested_frames[place] * step[place]:.3g} h was drawn, but has no positive"
            )
        if moved[place]:
            lines.append("at the border: a patch is shifted to stay inside the image")
        condition = int(index.fov_condition[here])
        text = f"{tau:.3g} h{_SIGN.get(kin, '')}"
        result.append(PairText(text, "\n".join(lines), kin in _SIGN, condition))
    return result


def channel_colours(inspector: BatchInspector) -> list[ChannelColour]:
    """Return name and color of the channels that are trained on, as the first experiment has them."""
    index = inspector.dataset.index
    entry = index.fovs[int(np.argmin(index.fov_experiment))]
    config = index.registry.experiments[entry.experiment]
    result = []
    for place, channel in index.registry.channel_maps[config.name].items():
        name = config.source_channel[place]
        shown = channel_display(entry.layout, channel, name, place)
        result.append(ChannelColour(name, rgb_of(shown.colormap)))
    return result
