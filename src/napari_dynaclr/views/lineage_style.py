"""Glyphs and lines of a lineage tree, and their legend; shape first, color second."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dynaclr.index import UNUSABLE, Exclusion
from napari_dynaclr.presentation.lineage_layout import LineageLayout, NodeKind
from napari_dynaclr.widgets.glyphs import Glyph, Stroke

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_SHAPES = {
    "frame": Glyph("o", 5, room_px=7, step_px=4.5),
    "start": Glyph("s", 10, room_px=9),
    "division": Glyph("d", 13, room_px=9),
    "link": Glyph("h", 10, room_px=9),
    "end": Glyph("_", 13, room_px=9),
    "recording_end": Glyph("t", 9, room_px=9),
}
_SHAPE_OF = {
    NodeKind.FRAME: "frame",
    NodeKind.DAUGHTER: "frame",
    NodeKind.START: "start",
    NodeKind.END: "end",
    NodeKind.RECORDING_END: "recording_end",
    NodeKind.LINK: "link",
    NodeKind.DIVISION: "division",
}


def _name(shape: str, anchor: bool, faded: bool) -> str:
    return f"{shape}{'' if anchor else ' hollow'}{' faded' if faded else ''}"


GLYPHS = {
    _name(shape, anchor, faded): replace(
        glyph, filled=anchor, opacity=0.35 if faded else 1.0, level=4 if faded else 7
    )
    for shape, glyph in _SHAPES.items()
    for anchor in (True, False)
    for faded in (True, False)
} | {
    "border": Glyph("s", 11, "3", filled=False, opacity=0.8, width_px=1.0, level=3, room_px=8, step_px=4.5),
    "left_out": Glyph("x", 11, "4", level=9),
    "positive": Glyph("o", 16, "0", opacity=0.85, level=5),
    "selected": Glyph("o", 21, "1", filled=False, width_px=3.0, level=10),
}

STROKES = {
    "descent": Stroke("1", 6.0, opacity=0.45, level=3),
    "track": Stroke("muted", 1.5),
    "division": Stroke("muted", 1.0),
    "gap": Stroke("muted", 1.5, dotted=True),
}

LEGEND = (
    ("start", "first seen", "First observation of the root"),
    ("division", "division", "Last observation before two or more daughters"),
    ("link", "new id", "The cell continues as one track with another ID"),
    ("end hollow", "ends", "Last observation of a track without daughters"),
    ("recording_end hollow", "movie ends", "The cell is observed in the last frame"),
    ("gap", "not seen", "Dotted line: frames without an observation"),
    ("frame", "anchor", "Filled: the observation can be an anchor"),
    ("frame hollow", "no anchor", "Hollow: it has no positive; hover to see why"),
    ("border", "at border", "The patch is shifted to stay inside the image"),
    ("left_out", "excluded", "Excluded in curation, or its pixels are missing: never used"),
    ("positive", "positive", "Can be the positive of the selected cell; a larger disc is more probable"),
    (
        "frame hollow faded",
        "cannot be",
        "Pale: cannot be the positive of the selected cell; hover to see why",
    ),
    ("selected", "selected", "The selected cell; the broad line is its path from the root"),
)
"""Glyph or stroke, its word, and its tooltip."""


def nodes_by_glyph(layout: LineageLayout, pale: npt.NDArray[np.bool_]) -> dict[str, IntArray]:
    """Return the nodes of each glyph that a family alone decides; `pale` (N,) are drawn weaker."""
    anchor = layout.loss == Exclusion.NONE
    groups: dict[str, list[IntArray]] = {}
    for kind, shape in _SHAPE_OF.items():
        here = layout.kind == kind
        for filled in (True, False):
            for faded in (True, False):
                nodes = np.flatnonzero(here & (anchor == filled) & (pale == faded))
                groups.setdefault(_name(shape, filled, faded), []).append(nodes)
    result = {name: np.concatenate(parts) for name, parts in groups.items()}
    result["border"] = np.flatnonzero(layout.clamped)
    result["left_out"] = np.flatnonzero(np.isin(layout.loss, UNUSABLE))
    return result


def lines_of(layout: LineageLayout) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return (position, frame) of each kind of line, NaN between its parts."""
    children = np.flatnonzero(layout.origin >= 0)
    origin, first = layout.origin[children], layout.first_node[children]
    half = (layout.frame[origin] + layout.frame[first]) / 2
    x, frame = layout.x, layout.frame.astype(np.float64)
    return {
        "track": _broken(x[layout.runs], frame[layout.runs]),
        "gap": _broken(x[layout.gaps], frame[layout.gaps]),
        "division": _broken(
            np.column_stack([x[origin], x[origin], x[first], x[first]]),
            np.column_stack([frame[origin], half, half, frame[first]]),
        ),
    }


def _broken(x: FloatArray, frame: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return polylines (L, points) one after another with NaN between."""
    nan = np.full((len(x), 1), np.nan)
    return np.hstack([x, nan]).ravel(), np.hstack([frame, nan]).ravel()


def descent_line(layout: LineageLayout, nodes: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return (position, frame) of the way along `nodes`, with elbows where the track changes."""
    x, frame = layout.x[nodes], layout.frame[nodes].astype(np.float64)
    turns = np.flatnonzero(np.diff(layout.node_track[nodes]) != 0) + 1
    half = (frame[turns - 1] + frame[turns]) / 2
    x = np.insert(x, np.repeat(turns, 2), np.column_stack([x[turns - 1], x[turns]]).ravel())
    return x, np.insert(frame, np.repeat(turns, 2), np.repeat(half, 2))


def positive_sizes(probabilities: FloatArray) -> FloatArray:
    """Return diameters in pixels, (M,): area grows with the probability."""
    share = probabilities / probabilities.max(initial=1e-300)
    return np.asarray(np.sqrt(64 + 420 * share))
