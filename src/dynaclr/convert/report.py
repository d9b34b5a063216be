"""What a conversion found and wrote, as data and text."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dynaclr.base.errors import MAX_LISTED, listing


@dataclass(slots=True)
class FovConversion:
    """Counts of one sequence.

    Attributes
    ----------
    reappearances
        Tracks that continue another after a gap: they keep its id.
    beside_parent
        Daughters that begin while their parent goes on.
    cut_off
        Labels whose tracks end, by the table, after the last frame.
    missing_labels, extra_labels
        (frame, label) that the table has and the masks lack, and the reverse.
    """

    source: Path
    fov: str
    frames: int = 0
    observations: int = 0
    tracks: int = 0
    divisions: int = 0
    reappearances: int = 0
    beside_parent: int = 0
    cut_off: list[int] = field(default_factory=list)
    missing_labels: list[tuple[int, int]] = field(default_factory=list)
    extra_labels: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class ConversionReport:
    """What `convert_ctc` found and wrote."""

    plate: Path
    tracks: Path
    experiments_yaml: Path
    fovs: list[FovConversion] = field(default_factory=list)

    def text(self) -> str:
        """Return the report as a person reads it."""
        lines = []
        for fov in self.fovs:
            lines.append(
                f"{fov.source} -> {fov.fov}: {fov.frames} frames, {fov.observations} observations, "
                f"{fov.tracks} tracks, {fov.divisions} divisions, {fov.reappearances} re-appearances"
            )
            if fov.beside_parent:
                lines.append(f"  {fov.beside_parent} daughters begin while their parent goes on")
            if fov.cut_off:
                what = f"{len(fov.cut_off)} tracks end after the last frame by the table"
                lines.append(f"  {what}: labels {listing(fov.cut_off)}")
            for title, items in (
                ("in the table but not in the masks", fov.missing_labels),
                ("in the masks but not in the table (left out)", fov.extra_labels),
            ):
                if items:
                    shown = ", ".join(f"frame {t}: {label}" for t, label in items[:MAX_LISTED])
                    lines.append(
                        f"  {len(items)} labels {title}: {shown}{' ...' if len(items) > MAX_LISTED else ''}"
                    )
        lines += [
            f"plate        {self.plate}",
            f"tracks       {self.tracks}",
            f"experiments  {self.experiments_yaml}",
        ]
        return "\n".join(lines)
