"""Fills the set-up report from what an index is made of; reads no files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dynaclr.base.errors import MAX_LISTED, listing
from dynaclr.curation import CurationReport
from dynaclr.experiment import Location
from dynaclr.index.anchors import ADVICE, Exclusion, main_cause
from dynaclr.index.arrays import IndexArrays
from dynaclr.index.cache import Loaded
from dynaclr.index.report import ExperimentReport, SetupReport
from dynaclr.index.statements import patch_um, slice_text
from dynaclr.tracks import TrackCounts


def setup_report(
    arrays: IndexArrays,
    content: Loaded,
    skipped: dict[str, dict[str, str]],
    found_before: Sequence[str],
) -> SetupReport:
    """Return what set-up found, a report an experiment.

    Parameters
    ----------
    arrays
        The fields of view.
    content
        Observations, exclusions, counts of the track files, and what marks did.
    skipped
        {experiment: {FOV: reason}} of those that were not asked for or cannot be used.
    found_before
        What track files, and statements that differ, were warned about.
    """
    table, _, counts, curation = content
    report = SetupReport()
    row_experiment = arrays.fov_experiment[table.fov_of()]
    track_experiment = arrays.fov_experiment[table.track_fov]
    for code, name in enumerate(arrays.registry.names):
        rows = np.flatnonzero(row_experiment == code)
        tracks = track_experiment == code
        mine = [number for number, entry in enumerate(arrays.fovs) if entry.experiment == code]
        own_counts = [found for number in mine if (found := counts[number]) is not None]
        item = _experiment(arrays, content, code, rows, own_counts)
        item.tracks = int(np.count_nonzero(tracks))
        item.lineages = int(np.count_nonzero(tracks & (table.forest.parent < 0)))
        item.skipped = dict(skipped[name])
        used = set(np.unique(table.fov_of(rows)).tolist())
        for number in mine:
            if number not in used:
                reason = "no track file" if counts[number] is None else "no usable observation"
                item.skipped[arrays.fovs[number].layout.name] = reason
        plate = arrays.registry.plates[name]
        item.fovs_found = len(plate.fovs) + len(plate.left_out)
        item.fovs_used = len(used)
        item.tau_frames = tuple(arrays.tau_frames[mine[0]].tolist()) if mine else (0, 0)
        report.experiments.append(item)
    report.warnings = [*found_before, *_warnings(arrays, curation, report)]
    if curation is not None:
        report.curation = curation.lines()
    return report


def _experiment(
    arrays: IndexArrays, content: Loaded, code: int, rows: np.ndarray, counts: Sequence[TrackCounts]
) -> ExperimentReport:
    table, exclusion = content[:2]
    causes = np.bincount(exclusion[rows], minlength=len(Exclusion))
    labels, numbers = np.unique(arrays.fov_condition[table.fov_of(rows)], return_counts=True)
    depth = {entry.layout.shape[2] for entry in arrays.fovs if entry.experiment == code}
    height, width = arrays.yx_patch_size
    frames = arrays.norms.frames(table.fov_of(rows), table.t[rows])
    shifted = int(np.count_nonzero(arrays.patch_moved(table, rows)))
    return ExperimentReport(
        name=arrays.registry.names[code],
        conditions={arrays.condition_names[label]: int(n) for label, n in zip(labels, numbers, strict=True)},
        observations=int(rows.size),
        divisions=sum(item.divisions for item in counts),
        gaps=sum(item.gaps for item in counts),
        anchors=int(causes[Exclusion.NONE]),
        lost={cause.name.lower().replace("_", " "): int(causes[cause]) for cause in Exclusion if cause},
        left_out={
            "outside the image": sum(item.outside_image for item in counts),
            "no numbers": sum(item.nonfinite for item in counts),
            "duplicates": sum(item.duplicates for item in counts),
            "without a track": sum(item.unlinked for item in counts),
        },
        notes={
            "parents missing": sum(item.missing_parents for item in counts),
            "parents overlapping a child": sum(item.overlaps for item in counts),
            "divisions into more than two": sum(item.large_divisions for item in counts),
            "patches moved at the border": shifted,
            "frames padded at the border": int(np.count_nonzero(arrays.norms.padded[np.unique(frames)])),
        },
        interval_minutes=arrays.registry.experiments[code].interval_minutes,
        checks=[
            f"{slice_text(arrays, code)} lies within depth {sorted(depth)}",
            f"patch {height} x {width} px{patch_um(arrays, code)} lies within every image",
        ],
    )


def shared_fovs(parts: Sequence[tuple[str, IndexArrays]]) -> list[str]:
    """Return a line for every two experiments that use the same fields of view of one plate.

    Parameters
    ----------
    parts
        (experiment, index that uses it), once for each experiment of each arrays.
    """
    used: list[tuple[str, dict[Location, str]]] = []
    for name, arrays in parts:
        code = arrays.registry.names.index(name)
        layouts = [entry.layout for entry in arrays.fovs if entry.experiment == code]
        used.append((name, {_true(layout.array_path): layout.name for layout in layouts}))
    texts = []
    for number, (name, fovs) in enumerate(used):
        for other, others in used[:number]:
            if both := [fovs[path] for path in fovs if path in others]:
                texts.append(
                    f"experiments '{other}' and '{name}' share pixels: {len(both)} FOVs ({listing(both, 5)})"
                )
    return texts


def _true(place: Location) -> Location:
    """Return a path without links in it, a URL as it is."""
    return place.resolve() if isinstance(place, Path) else place


def _warnings(arrays: IndexArrays, curation: CurationReport | None, report: SetupReport) -> list[str]:
    """Return marks that were not found, confounds and experiments without anchors."""
    texts = []
    if curation is not None:
        shown = curation.unmatched
        texts += [f"mark not found: {text}" for text in shown[:MAX_LISTED]]
        texts += [f"{len(shown) - MAX_LISTED} more marks not found"] if len(shown) > MAX_LISTED else []
    used = [item for item in report.experiments if item.observations]
    for condition in arrays.condition_names:
        homes = [item.name for item in used if item.conditions.get(condition)]
        if len(used) > 1 and len(homes) == 1:
            texts.append(
                f"condition '{condition}' occurs in experiment '{homes[0]}' only: "
                "it is confounded with that experiment"
            )
    texts += shared_fovs([(name, arrays) for name in arrays.registry.names])
    texts += [
        f"experiment '{item.name}' has no anchors{_why(item)}"
        for item in report.experiments
        if not item.anchors
    ]
    return texts


def _why(item: ExperimentReport) -> str:
    """Return why an experiment has no anchors, and what to do."""
    lost = np.array([0, *item.lost.values()])  # in the order of `Exclusion`
    if not lost.any():
        return ""
    cause = main_cause(lost)
    name = cause.name.lower().replace("_", " ")
    return f": {lost[cause]} of {item.observations} observations are excluded ({name}). {ADVICE[cause]}"
