"""What a conversion found and wrote, as data and text."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dynaclr.experiment import Location
from dynaclr.tracks.sources.ctc import LabelCounts


@dataclass(slots=True)
class FovConversion:
    """Counts of one sequence.

    Attributes
    ----------
    labels
        How the table and the masks of a Cell Tracking Challenge sequence fit.
    """

    source: Path
    fov: str
    frames: int = 0
    observations: int = 0
    tracks: int = 0
    divisions: int = 0
    labels: LabelCounts = field(default_factory=LabelCounts)


@dataclass(slots=True)
class ConversionReport:
    """What `convert_ctc` found and wrote."""

    plate: Location
    tracks: Path
    experiments_yaml: Path
    fovs: list[FovConversion] = field(default_factory=list)

    def text(self) -> str:
        """Return the report as a person reads it."""
        lines = []
        for fov in self.fovs:
            lines.append(
                f"{fov.source} -> {fov.fov}: {fov.frames} frames, {fov.observations} observations, "
                f"{fov.tracks} tracks, {fov.divisions} divisions, {fov.labels.reappearances} re-appearances"
            )
            lines += [f"  {line}" for line in fov.labels.lines()]
        lines += [
            f"plate        {self.plate}",
            f"tracks       {self.tracks}",
            f"experiments  {self.experiments_yaml}",
        ]
        return "\n".join(lines)
