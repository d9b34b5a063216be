"""From experiments and marks to files for other tools; nothing appears before all is written."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from dynaclr.base import keys
from dynaclr.base.errors import ConfigError, DataError, listing, problem, suggest
from dynaclr.base.files import unfinished
from dynaclr.curation import FovNames, apply_marks, read_marks
from dynaclr.experiment import (
    ExperimentConfig,
    ExperimentRegistry,
    FovEntry,
    FovLayout,
    label_images,
    read_experiments,
    select_fovs,
)
from dynaclr.export.annotations import ANNOTATIONS, annotation_columns
from dynaclr.export.ctc import write_ctc
from dynaclr.export.curated import FovGraph, fov_graph
from dynaclr.export.geff import write_geff
from dynaclr.tracks import TrackPolicy, load_table, locate_tracks, read_all
from dynaclr.tracks.writing import TRACK_FILE

Format = Literal["csv", "geff", "ctc"]
FORMATS: dict[Format, str] = {"csv": TRACK_FILE, "geff": "tracks.geff", "ctc": "01_RES"}
"""{format: name of the file or folder in the folder of a field of view}."""
_ANNOTATION_FILE = "annotations.csv"
_LARGEST_DISC_PX = 1000.0
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How tracks are written.

    Attributes
    ----------
    format
        "csv", "geff" or "ctc".
    keep_excluded
        Whether excluded observations are written too; the column verdict tells them.
    labels
        Name of the label images of the plate for CTC's masks; None for the only ones there are.
    radius_px
        Radius of the discs for cells without a label image.
    """

    format: Format = "csv"
    keep_excluded: bool = False
    labels: str | None = None
    radius_px: float = 5.0

    def __post_init__(self) -> None:
        if not 0 <= self.radius_px <= _LARGEST_DISC_PX:
            expected = f"0 to {_LARGEST_DISC_PX:g} px"
            raise ConfigError(
                problem("radius out of range", field="radius_px", expected=expected, found=self.radius_px)
            )


@dataclass(slots=True)
class ExportReport:
    """What was written.

    Attributes
    ----------
    output
        Folder of <experiment>/<row>/<column>/<fov>.
    observations, tracks, excluded
        That were written, and observations that were left out.
    notes
        What a person should know.
    """

    output: Path
    observations: int = 0
    tracks: int = 0
    excluded: int = 0
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the report as a person reads it."""
        head = (
            f"{len(self.files)} fields of view: {self.observations} observations, {self.tracks} tracks, "
            f"{self.excluded} excluded observations left out"
        )
        return "\n".join([head, *(f"  {note}" for note in self.notes), f"written to {self.output}"])


def export_tracks(
    experiments_yaml: Path,
    output: Path,
    options: ExportOptions | None = None,
    *,
    curation: Path | None = None,
    only: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ExportReport:
    """Write <output>/<experiment>/<row>/<column>/<fov>/ tracks.csv, tracks.geff or 01_RES.

    Tracks are those that training uses: observations that marks exclude are left out, links that they
    exclude are cut, and all marks are columns (`ANNOTATIONS`).

    Parameters
    ----------
    experiments_yaml
        The experiments.
    output
        Folder; made if need be.
    options
        Format and what goes with it.
    curation
        File of marks; None for none.
    only
        Names of experiments; None for all.
    overwrite
        Whether files that are there may be replaced.
    progress
        Called with (fields of view done, all); what it raises ends the work, and nothing is written.

    Raises
    ------
    ConfigError
        If an experiment or a label image is not there, or the format is none.
    DataError
        If tracks or marks cannot be read, or a target is there already.
    """
    options = options or ExportOptions()
    if options.format not in FORMATS:
        expected, found = listing(FORMATS), options.format
        raise ConfigError(problem("unknown format", field="format", expected=expected, found=found))
    registry = _registry(experiments_yaml, only)
    entries, _ = select_fovs(registry, None, None)
    paths = [_target(output, registry, entry, options.format) for entry in entries]
    _check(paths, output, experiments_yaml, registry, overwrite)
    report = ExportReport(output)
    graphs = _graphs(registry, entries, curation, options, report)
    staging = unfinished(output / "export")
    try:
        for place, (entry, path, graph) in enumerate(zip(entries, paths, graphs, strict=True)):
            if progress is not None:
                progress(place, len(entries))
            if graph is None:
                continue
            config = registry.experiments[entry.experiment]
            notes = _write(graph, staging / path.relative_to(output), entry, config, options)
            report.notes += [f"{config.name} {entry.layout.name}: {note}" for note in (*graph.notes, *notes)]
            report.observations += graph.columns[keys.T].size
            report.tracks += graph.starts.size
            report.files.append(path)
        for path in report.files:
            _move(staging / path.relative_to(output), path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        with contextlib.suppress(OSError):
            output.rmdir()  # where nothing was written
    return report


def _registry(experiments_yaml: Path, only: Sequence[str] | None) -> ExperimentRegistry:
    registry = ExperimentRegistry.from_yaml(experiments_yaml)
    try:
        return registry if only is None else registry.subset(only)
    except KeyError as error:
        raise ConfigError(str(error.args[0])) from error


def _target(output: Path, registry: ExperimentRegistry, entry: FovEntry, kind: Format) -> Path:
    return output / registry.names[entry.experiment] / entry.layout.name / FORMATS[kind]


def _check(
    paths: Sequence[Path], output: Path, experiments_yaml: Path, registry: ExperimentRegistry, overwrite: bool
) -> None:
    """Refuse to replace what tracks are read from, of any experiment, and what may not be overwritten."""
    read = {config.tracks_root.resolve(): config.tracks_root for config in read_experiments(experiments_yaml)}
    written = {(output / config.name).resolve() for config in registry.experiments}
    own = [place for root, place in read.items() if root in written]
    if own:
        what = "the tracks are read from there"
        raise DataError(problem(what, file=own[0], field="--to", fix="Choose another folder."))
    there = [path for path in paths if path.exists()]
    if there and not overwrite:
        found = listing((path.relative_to(output) for path in there), 5)
        fix = "Choose another folder, or allow them to be overwritten (--overwrite)."
        raise DataError(problem(f"{len(there)} targets exist", file=output, found=found, fix=fix))


def _graphs(
    registry: ExperimentRegistry,
    entries: Sequence[FovEntry],
    curation: Path | None,
    options: ExportOptions,
    report: ExportReport,
) -> list[FovGraph | None]:
    """Read tracks and marks; return the graph of each FOV, None where it has no track file."""
    policy = TrackPolicy()
    files, texts = locate_tracks(registry, entries, policy)
    report.notes += texts
    table = load_table(read_all(registry, entries, files, policy), registry, entries, files)
    marks = [] if curation is None else read_marks(curation)
    names = FovNames.of(registry, entries)
    told, lost = annotation_columns(marks, table, names)
    curated = apply_marks(marks, table, names)
    told = {name: values[curated.rows] for name, values in told.items()} if marks else {}
    kept = np.ones_like(curated.excluded) if options.keep_excluded else ~curated.excluded
    report.excluded = int(np.count_nonzero(~kept))
    cut = curated.report.cut_links
    report.notes += [*lost, *([f"{cut} links cut"] if cut else [])]
    return [
        None if files[code] is None else fov_graph(curated.table, code, kept, told)
        for code in range(len(entries))
    ]


def _write(
    graph: FovGraph, path: Path, entry: FovEntry, config: ExperimentConfig, options: ExportOptions
) -> list[str]:
    """Write one FOV; return what the format cannot say."""
    import pandas as pd

    path.parent.mkdir(parents=True, exist_ok=True)
    if options.format == "csv":
        pd.DataFrame(graph.columns).to_csv(path, index=False, lineterminator="\n")
        return []
    if options.format == "geff":
        write_geff(graph, path, entry.layout, config.interval_minutes)
        return []
    notes = write_ctc(graph, path, entry.layout, _labels(entry, options.labels), options.radius_px)
    marked = graph.columns.get(ANNOTATIONS[0])
    if marked is not None and (marked != "").any():
        names = (keys.TRACK_ID, keys.T, keys.Y, keys.X, *ANNOTATIONS)
        table = pd.DataFrame({name: graph.columns[name] for name in names})[marked != ""]
        table.to_csv(path / _ANNOTATION_FILE, index=False, lineterminator="\n")
        notes.append(f"the format has no annotations: they are in {_ANNOTATION_FILE} beside the masks")
    return notes


def _labels(entry: FovEntry, name: str | None) -> FovLayout | None:
    """Return the label images of an FOV: those of the name, or the only ones."""
    found = label_images(entry.layout)
    if name is None and len(found) <= 1:
        return next(iter(found.values()), None)
    if name is None or name not in found:
        hint = "" if name is None else suggest(name, found).strip()
        what = "no such label images" if name is not None else "several label images"
        expected = listing(found) or "none"
        fix = hint or "Give --labels NAME."
        raise ConfigError(problem(what, file=entry.layout.path, expected=expected, found=name, fix=fix))
    return found[name]


def _move(source: Path, target: Path) -> None:
    """Put a finished file or folder into its place; what was there goes when the new one is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_file():
        os.replace(source, target)
        return
    old = unfinished(target)
    if target.exists():
        os.replace(target, old)
    os.replace(source, target)
    shutil.rmtree(old, ignore_errors=True)
