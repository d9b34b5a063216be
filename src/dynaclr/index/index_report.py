"""Fills the set-up report from a built index; reads no files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dynaclr.base.errors import MAX_LISTED, listing
from dynaclr.index.anchors import Loss
from dynaclr.index.report import ExperimentReport, SetupReport
from dynaclr.tracks import TrackCounts

if TYPE_CHECKING:
    from dynaclr.index.index import MultiExperimentIndex

__all__ = ("setup_report", "shared_fovs")


def setup_report(
    index: MultiExperimentIndex,
    counts: Sequence[TrackCounts | None],
    skipped: dict[str, dict[str, str]],
) -> SetupReport:
    """Return what set-up found, a report an experiment."""
    report = SetupReport()
    row_experiment = index.fov_experiment[index.table.fov_of()]
    track_experiment = index.fov_experiment[index.table.track_fov]
    for code, name in enumerate(index.registry.names):
        rows = np.flatnonzero(row_experiment == code)
        tracks = track_experiment == code
        mine = [number for number, entry in enumerate(index.fovs) if entry.experiment == code]
        own_counts = [found for number in mine if (found := counts[number]) is not None]
        item = _experiment(index, code, name, rows, own_counts)
        item.tracks = int(np.count_nonzero(tracks))
        item.lineages = int(np.count_nonzero(tracks & (index.table.forest.parent < 0)))
        item.skipped = dict(skipped[name])
        used = set(np.unique(index.table.fov_of(rows)).tolist())
        for number in mine:
            if number not in used:
                reason = "no track file" if counts[number] is None else "no usable observation"
                item.skipped[index.fovs[number].layout.name] = reason
        item.fovs_found = len(index.registry.plates[name].fovs)
        item.fovs_used = len(used)
        item.tau_frames = tuple(index.tau_frames[mine[0]].tolist()) if mine else (0, 0)
        report.experiments.append(item)
    report.warnings = _warnings(index, report)
    if index.curation is not None:
        report.curation = index.curation.lines()
    return report


def _experiment(
    index: MultiExperimentIndex, code: int, name: str, rows: np.ndarray, counts: Sequence[TrackCounts]
) -> ExperimentReport:
    causes = np.bincount(index.loss[rows], minlength=len(Loss))
    labels, numbers = np.unique(index.fov_condition[index.table.fov_of(rows)], return_counts=True)
    depth = {entry.layout.shape[2] for entry in index.fovs if entry.experiment == code}
    height, width = index.yx_patch_size
    shifted = int(np.count_nonzero(index.near_border(rows)))
    return ExperimentReport(
        name=name,
        conditions={index.condition_names[label]: int(n) for label, n in zip(labels, numbers, strict=True)},
        observations=int(rows.size),
        divisions=sum(item.divisions for item in counts),
        gaps=sum(item.gaps for item in counts),
        anchors=int(causes[Loss.NONE]),
        lost={cause.name.lower().replace("_", " "): int(causes[cause]) for cause in Loss if cause},
        left_out={
            "outside the image": sum(item.outside_image for item in counts),
            "no numbers": sum(item.nonfinite for item in counts),
            "duplicates": sum(item.duplicates for item in counts),
        },
        notes={
            "parents missing": sum(item.missing_parents for item in counts),
            "parents overlapping a child": sum(item.overlaps for item in counts),
            "divisions into more than two": sum(item.large_divisions for item in counts),
            "patches moved at the border": shifted,
        },
        interval_minutes=index.registry.experiments[code].interval_minutes,
        checks=[
            f"Z {index.z_range[0]}..{index.z_range[1]} lies within depth {sorted(depth)}",
            f"patch {height} x {width} px lies within every image",
        ],
    )


def shared_fovs(parts: Sequence[tuple[str, MultiExperimentIndex]]) -> list[str]:
    """Return a line for every two experiments that use the same fields of view of one plate.

    Parameters
    ----------
    parts
        (experiment, index that uses it), once for each experiment of each index.
    """
    used: list[tuple[str, dict[Path, str]]] = []
    for name, index in parts:
        code = index.registry.names.index(name)
        layouts = [entry.layout for entry in index.fovs if entry.experiment == code]
        used.append((name, {layout.array_path.resolve(): layout.name for layout in layouts}))
    texts = []
    for number, (name, fovs) in enumerate(used):
        for other, others in used[:number]:
            if both := [fovs[path] for path in fovs if path in others]:
                texts.append(
                    f"experiments '{other}' and '{name}' use the same pixels: "
                    f"{len(both)} FOVs ({listing(both, 5)})"
                )
    return texts


def _warnings(index: MultiExperimentIndex, report: SetupReport) -> list[str]:
    """Return track warnings, confounds and experiments without anchors."""
    texts = list(index.track_warnings)
    if index.curation is not None:
        shown = index.curation.unmatched
        texts += [f"mark not found: {text}" for text in shown[:MAX_LISTED]]
        texts += [f"{len(shown) - MAX_LISTED} more marks not found"] if len(shown) > MAX_LISTED else []
    used = [item for item in report.experiments if item.observations]
    for condition in index.condition_names:
        homes = [item.name for item in used if item.conditions.get(condition)]
        if len(used) > 1 and len(homes) == 1:
            texts.append(
                f"condition '{condition}' occurs in experiment '{homes[0]}' only: "
                "it cannot be told apart from that experiment"
            )
    texts += shared_fovs([(name, index) for name in index.registry.names])
    texts += [f"experiment '{item.name}' has no anchor" for item in report.experiments if not item.anchors]
    return texts
