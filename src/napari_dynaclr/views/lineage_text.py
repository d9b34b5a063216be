"""What the lineage view says in words; imports no Qt."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from dynaclr.index import Exclusion
from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.presentation.lineage_layout import LineageLayout, NodeKind
from napari_dynaclr.presentation.positives import BARRIER_TEXT, LOSS_TEXT, Barrier

_KIND_TEXT = {
    NodeKind.DAUGHTER: "first observation after its mother",
    NodeKind.START: "first observation of the lineage",
    NodeKind.END: "last observation: the track ends",
    NodeKind.RECORDING_END: "last frame of the recording",
    NodeKind.LINK: "continues under another track ID",
    NodeKind.DIVISION: "divides after this frame",
}
_SHOWN = 5  # tracks of a breadcrumb


def _place(layout: LineageLayout, node: int) -> str:
    track = layout.track_id[layout.node_track[node]]
    return f"track {track}, frame {layout.frame[node]}, {layout.hours[node]:.4g} h"


def breadcrumb(layout: LineageLayout, row: int | None, colours: PlotColours) -> str:
    """Return the tracks from the root to a row as links to rows; the middle of long ways is left out."""
    if row is None:
        return f"lineage of track {layout.track_id[0]}: select a cell"
    node = layout.node_of(row)
    here = f"<b>{layout.track_id[layout.node_track[node]]}</b>, frame {layout.frame[node]}"
    parts = []
    origin = int(layout.origin[layout.node_track[node]])
    while origin >= 0:
        number = layout.track_id[layout.node_track[origin]]
        parts.append(f'<a href="{layout.row[origin]}" style="color: {colours.cycle[0]}">{number}</a>')
        origin = int(layout.origin[layout.node_track[origin]])
    if len(parts) > _SHOWN:
        parts = [*parts[: _SHOWN - 2], "…", parts[-1]]
    return "track " + " \N{RIGHTWARDS ARROW} ".join([*parts[::-1], here])


def selection_text(layout: LineageLayout, row: int | None, chances: Mapping[int, float]) -> str:
    """Return two lines about the selected cell; `chances` are probabilities by node."""
    if row is None:
        counts = np.bincount(layout.loss, minlength=len(Exclusion))
        divisions = np.count_nonzero(layout.kind == NodeKind.DIVISION)
        return (
            f"{layout.track_id.size} tracks, {layout.row.size} observations, {divisions} divisions, "
            f"{counts[Exclusion.NONE]} anchors"
        )
    node = layout.node_of(row)
    text = f"{_place(layout, node)}: {LOSS_TEXT[Exclusion(int(layout.loss[node]))]}"
    if not chances:
        return text
    delays = (layout.frame[list(chances)] - layout.frame[node]) * layout.interval_hours
    number = f"{len(chances)} possible positive{'s' if len(chances) > 1 else ''}"
    span = "" if delays.min() == delays.max() else f"{delays.min():.3g} to "
    return f"{text}; {number}, {span}{delays.max():.3g} h later"


def hover_text(
    layout: LineageLayout,
    node: int,
    chances: Mapping[int, float],
    barrier: npt.NDArray[np.integer] | None,
) -> str:
    """Return what is known of a node, a line a fact."""
    lines = [_place(layout, node)]
    kind = NodeKind(int(layout.kind[node]))
    if kind in _KIND_TEXT:
        lines.append(_KIND_TEXT[kind])
    lines.append(LOSS_TEXT[Exclusion(int(layout.loss[node]))])
    if layout.clamped[node]:
        lines.append("at the border: its patch is shifted to stay inside the image")
    if node in chances:
        lines.append(f"positive with probability {100 * chances[node]:.3g} %")
    elif barrier is not None:
        lines.append(f"no positive: {BARRIER_TEXT[Barrier(int(barrier[node]))]}")
    return "\n".join(lines)
