"""What a conversion found and wrote, as data and text."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dynaclr.experiment import Location
from dynaclr.tracks.graph import LinkCounts
from dynaclr.tracks.sources.ctc import LabelCounts


@dataclass(slots=True)
class FovConversion:
    """Counts of one field of view.

    Attributes
    ----------
    labels
        How the table and the masks of a Cell Tracking Challenge sequence fit; None of others.
    """

    source: Path
    fov: str
    frames: int = 0
    observations: int = 0
    tracks: int = 0
    divisions: int = 0
    labels: LabelCounts | None = None

    def take(self, counts: LinkCounts) -> None:
        """Take the counts of a source of tracks."""
        self.observations, self.tracks = counts.observations, counts.tracks
        self.divisions = counts.divisions

    def lines(self) -> list[str]:
        """Return what a person should know."""
        tracks = f"{self.observations} observations, {self.tracks} tracks, {self.divisions} divisions"
        parts = [f"{self.frames} frames", tracks if self.tracks else "no tracks"]
        parts += [f"{self.labels.reappearances} re-appearances"] if self.labels else []
        more = [f"  {line}" for line in self.labels.lines()] if self.labels else []
        return [f"{self.source} -> {self.fov}: {', '.join(parts)}", *more]


@dataclass(slots=True)
class ConversionReport:
    """What a conversion found and wrote.

    Attributes
    ----------
    notes
        What a person should know of files and folder.
    """

    plate: Location
    tracks: Path
    experiments_yaml: Path
    fovs: list[FovConversion] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the report as a person reads it."""
        lines = [line for fov in self.fovs for line in fov.lines()]
        lines += self.notes
        lines += [
            f"plate        {self.plate}",
            f"tracks       {self.tracks}",
            f"experiments  {self.experiments_yaml}",
        ]
        return "\n".join(lines)
