"""What set-up found, used and left out, as data and as text; computes nothing from files."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from dynaclr.base.errors import MAX_LISTED


@dataclass(slots=True)
class ExperimentReport:
    """Set-up of one experiment.

    Attributes
    ----------
    fovs_found, fovs_used
        Fields of view on the plate, and those with usable observations.
    skipped
        {FOV: reason} of the rest.
    lost
        {cause: observations that are no anchors}.
    left_out
        {cause: rows of the track files that are not even observations}.
    tau_frames
        Smallest and largest offset of a positive.
    checks
        Lines on patch, Z range and chunks.
    """

    name: str
    conditions: dict[str, int]
    fovs_found: int = 0
    fovs_used: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    observations: int = 0
    tracks: int = 0
    lineages: int = 0
    divisions: int = 0
    gaps: int = 0
    anchors: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    tau_frames: tuple[int, int] = (0, 0)
    interval_minutes: float = 0.0
    checks: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SetupReport:
    """Set-up of all experiments, with what a person should know before training.

    Attributes
    ----------
    experiments
        A report an experiment.
    warnings
        What a person should look at.
    curation
        Lines on what marks removed; none without a file of marks.
    tables
        Lines on tables of tracks that belong to their images; none where that was not looked at.
    """

    experiments: list[ExperimentReport] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    curation: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)

    @property
    def anchors(self) -> int:
        """Number of anchors in all experiments."""
        return sum(item.anchors for item in self.experiments)

    @property
    def observations(self) -> int:
        """Number of observations in all experiments."""
        return sum(item.observations for item in self.experiments)

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, for JSON."""
        return asdict(self)

    def funnel(self) -> str:
        """Return one line a experiment: rows, observations, anchors and the exclusions between."""
        lines = []
        for item in self.experiments:
            out, lost = _counts(item.left_out), _counts(item.lost)
            rows = item.observations + sum(item.left_out.values())
            lines.append(
                f"{item.name}: {rows} rows, {item.observations} observations (left out: {out}), "
                f"{item.anchors} anchors (excluded: {lost})"
            )
        return "\n".join(lines)

    def text(self) -> str:
        """Return the report as a person reads it."""
        lines: list[str] = []
        for item in self.experiments:
            low, high = item.tau_frames
            conditions = _counts(item.conditions)
            lines += [
                f"{item.name}",
                f"  FOVs          {item.fovs_used} used of {item.fovs_found}",
                f"  cells         {item.observations} observations, {item.tracks} tracks, "
                f"{item.lineages} lineages, {item.divisions} divisions, {item.gaps} gaps",
                f"  conditions    {conditions} (observations)",
                f"  tau           {low}-{high} frames at {item.interval_minutes:g} min",
                f"  anchors       {item.anchors} ({_percent(item.anchors, item.observations)})",
                f"excluded      {_counts(item.lost)}",
            ]
            if any(item.left_out.values()):
                lines.append(f"  left out      {_counts(item.left_out)}")
            if any(item.notes.values()):
                lines.append(f"  noted         {_counts(item.notes)}")
            lines += [f"  checked       {check}" for check in item.checks]
            shown = list(item.skipped.items())
            lines += [f"  skipped       {fov}: {why}" for fov, why in shown[:MAX_LISTED]]
            if len(shown) > MAX_LISTED:
                lines.append(f"  skipped       and {len(shown) - MAX_LISTED} more FOVs")
        lines.append(f"total           {self.observations} observations, {self.anchors} anchors")
        lines += [f"curation        {text}" for text in self.curation]
        lines += [f"tracks, images  {text}" for text in self.tables]
        lines += [f"warning: {text}" for text in self.warnings]
        return "\n".join(lines)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "none"
