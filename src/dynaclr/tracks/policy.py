"""What to do with imperfect tracks, and what was counted of them; checks nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from dynaclr.base.option import check, option


@dataclass(frozen=True, slots=True)
class TrackPolicy:
    """What to do with tracks that are not as they should be."""

    missing_file: Literal["skip", "error"] = option(
        "FOVs without a track file: leave them out and say so, or stop", "skip", name="missing_tracks"
    )
    nonfinite: Literal["error", "drop"] = option(
        "Rows with NaN or infinite coordinates: stop, or leave out and count", "error", name="bad_coordinates"
    )
    duplicates: Literal["error", "drop"] = option(
        "Two rows of a track at a frame: stop, or keep the first and count", "error", name="duplicate_rows"
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(slots=True)
class TrackCounts:
    """What was found in one FOV's track file."""

    rows: int = 0
    outside_image: int = 0
    nonfinite: int = 0
    duplicates: int = 0
    unlinked: int = 0
    missing_parents: int = 0
    gaps: int = 0
    divisions: int = 0
    large_divisions: int = 0
    overlaps: int = 0
    warnings: list[str] = field(default_factory=list)
