"""Texts about a pair: titles, relation, special cases."""

from __future__ import annotations

import numpy as np

from dynaclr.dataset import Kin
from dynaclr.index import MultiExperimentIndex, frame_slices, patch_scale
from dynaclr.pipeline import Pair

_KIN = {
    Kin.SELF: "the cell itself, in another augmentation",
    Kin.SAME_TRACK: "same track",
    Kin.DESCENDANT: "descendant across a division",
    Kin.OTHER_RELATIVE: "other relative (sister, cousin or ancestor)",
}


def pair_titles(index: MultiExperimentIndex, pair: Pair) -> tuple[str, str]:
    """Return a title for anchor and positive: FOV, track, frame and hours."""
    first, second = (_title(index, meta) for meta in (pair.anchor_meta, pair.positive_meta))
    return f"anchor\n{first}", f"positive\n{second}"


def _title(index: MultiExperimentIndex, meta: dict[str, object]) -> str:
    track = int(index.table.track_id[int(str(meta["track"]))])
    return f"track {track}, frame {meta['t']}, {float(str(meta['hours_post_infection'])):.4g} h"


def pair_about(index: MultiExperimentIndex, pair: Pair) -> str:
    """Return rich text: where, condition, relation, tau, and what is special about the pair."""
    row, positive = int(pair.anchor_meta["row"]), int(pair.positive_meta["row"])
    fov = int(index.table.fov_of(np.array([row]))[0])
    entry = index.fovs[fov]
    tau, requested = int(pair.positive_meta["tau_frames"]), int(pair.positive_meta["requested_frames"])
    hours = tau * float(index.fov_interval_hours[fov])
    lines = [
        f"<b>{index.registry.names[entry.experiment]}</b> {entry.layout.name}, {entry.condition}",
        f"{_KIN[Kin(int(pair.positive_meta['kin']))]}, tau {tau} frame{'s' * (tau != 1)} = {hours:.3g} h",
    ]
    height, width = index.yx_patch_size
    slices = frame_slices(index, fov, int(pair.anchor_meta["t"]))
    size = f"patch {height} x {width} px{patch_scale(index, fov)}"
    lines.append(f"{size}; {slices}" if slices else size)
    special = []
    if tau != requested:
        special.append(f"tau {requested} was drawn, but has no positive")
    if len(pair.batch) > 1 and list(pair.batch).count(pair.batch[pair.place]) > 1:
        special.append("this anchor occurs more than once in its batch")
    moved = index.near_border(np.array([row, positive]))
    if moved.any():
        who = "both patches are" if moved.all() else f"{('anchor', 'positive')[int(moved[1])]} patch is"
        special.append(f"{who} shifted to stay inside the image")
    if special:
        lines.append("<i>" + "; ".join(special) + "</i>")
    return "<br>".join(lines)
