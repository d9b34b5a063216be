"""What a reader of a foreign format hands on, and what a person may say about the file; reads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dynaclr.tracks.graph import Columns, LinkCounts


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What a source does not say, or says wrongly.

    Attributes
    ----------
    pixel_size_um, z_step_um
        Size that coordinates are divided by where they are lengths; None for what the file says.
    first_frame
        Number of the first frame in the file.
    time_step
        Time between frames in the file's unit, where it has times instead of frames.
    columns
        {name here: column of the file} for tables.
    edges
        Table of links, where it is a file of its own that cannot be found beside the spots.
    masks
        Folder or stack of masks whose labels the links name, where they do not lie beside them.
    """

    pixel_size_um: float | None = None
    z_step_um: float | None = None
    first_frame: int = 0
    time_step: float | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    edges: Path | None = None
    masks: Path | None = None


@dataclass(slots=True)
class Found:
    """Tracks as a file has them.

    Attributes
    ----------
    columns
        t, y, x, further columns; id where there are edges, else track_id. t may be times.
    counts
        What the reader left out.
    edges
        (m, 2) ids of linked observations; None where the columns tell tracks and parents.
    unit
        Of y, x and z: "pixel", or a length.
    pixel
        (z, y, x) size of a pixel in that unit by the file; None where it does not say.
    image
        {axis: size} of the image by the file, as far as it says.
    format
        Name of the format.
    """

    columns: Columns
    counts: LinkCounts = field(default_factory=LinkCounts)
    edges: npt.NDArray[np.integer] | None = None
    unit: str = "pixel"
    pixel: tuple[float, float, float] | None = None
    image: dict[str, int] = field(default_factory=dict)
    format: str = ""
