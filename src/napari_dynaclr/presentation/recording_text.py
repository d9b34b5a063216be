"""Texts about the recording that would be written from layers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from napari_dynaclr.presentation.layer_axes import layer_axes

_LONGEST = 100


def as_name(text: str) -> str:
    """Return a text as the name of an experiment."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")[:_LONGEST]


def recording_note(images: Sequence[Any], cells: Any) -> str:
    """Return what would be written of layers that have no fault, and what a person should know of it."""
    pixels = images[0].data[0] if images[0].multiscale else images[0].data
    shape = [int(size) for size in pixels.shape]
    size = math.prod(shape) * sum(layer.dtype.itemsize for layer in images)
    depth = f"{shape[1]} slices of " if len(shape) == 4 else ""
    amount = f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
    frames = f"{shape[0]} frames of {depth}{shape[-2]} x {shape[-1]} px"
    texts = [f"Channels: {len(images)}. {frames}, {amount} before compression."]
    if not hasattr(cells, "graph"):
        texts.append("Divisions are unknown: labels have no parents.")
    unit, other = (layer_axes(layer).units[-1] for layer in (images[0], cells))
    if unit.dimensionality != other.dimensionality:
        texts.append(f"Images are in {unit}, cells in {other}: coordinates are compared without conversion.")
    return " ".join(texts)
