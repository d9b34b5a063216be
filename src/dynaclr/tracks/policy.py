"""What to do with imperfect tracks, and what was counted of them; checks nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from dynaclr.base.errors import ConfigError, listing, problem, suggest

__all__ = ("TrackCounts", "TrackPolicy")


@dataclass(frozen=True, slots=True)
class TrackPolicy:
    """What to do with tracks that are not as they should be.

    The options of a training, which messages name, are missing_tracks, bad_coordinates and duplicate_rows.

    Attributes
    ----------
    missing_file
        FOV without a track file: "skip" leaves it out and says so, "error" stops.
    nonfinite
        NaN or infinite coordinates: "error" stops, "drop" leaves the rows out and counts them.
    duplicates
        Two rows of one track at one frame: "error" stops, "drop" keeps the first and counts the rest.
    """

    missing_file: Literal["skip", "error"] = "skip"
    nonfinite: Literal["error", "drop"] = "error"
    duplicates: Literal["error", "drop"] = "error"

    def __post_init__(self) -> None:
        allowed = {
            "missing_file": ("skip", "error"),
            "nonfinite": ("error", "drop"),
            "duplicates": ("error", "drop"),
        }
        for name, options in allowed.items():
            value = getattr(self, name)
            if value not in options:
                raise ConfigError(
                    problem("unknown choice", field=name, expected=listing(options), found=repr(value))
                    + suggest(str(value), options)
                )


@dataclass(slots=True)
class TrackCounts:
    """What was found in one FOV's track file."""

    rows: int = 0
    outside_image: int = 0
    nonfinite: int = 0
    duplicates: int = 0
    missing_parents: int = 0
    gaps: int = 0
    divisions: int = 0
    large_divisions: int = 0
    overlaps: int = 0
    warnings: list[str] = field(default_factory=list)
