"""A configuration that has been opened: pipeline, report and inspector."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dynaclr.curation import CURATION_FILE
from dynaclr.options.reader import config_path, read_config
from dynaclr.pipeline import BatchInspector, Pipeline

if TYPE_CHECKING:
    from dynaclr.index import MultiExperimentIndex, SetupReport
    from dynaclr.pipeline import PipelineConfig, SamplingConfig

__all__ = ("TRAINING", "VALIDATION", "Cell", "Project", "open_project", "reopened", "resampled")

TRAINING, VALIDATION = "training", "validation"
"""Parts of a project: what trains, and what is held out."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One observation: a row of the table of a part's index."""

    part: str
    row: int


@dataclass(frozen=True, slots=True)
class Project:
    """What was opened.

    Attributes
    ----------
    path
        The YAML that describes it.
    run
        Folder of the run it was opened from, or that was attached; None for none.
    pipeline
        Set up.
    inspector
        Draws its training batches.
    report
        What set-up found.
    curation
        File of marks: the configuration's, or curation.csv beside experiments.yaml, which may not exist.
    warnings
        What was warned about during set-up.
    """

    path: Path
    run: Path | None
    pipeline: Pipeline
    inspector: BatchInspector
    report: SetupReport
    curation: Path
    warnings: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, MultiExperimentIndex]:
        """Indices by part; validation only if something is held out."""
        parts = {TRAINING: self.pipeline.train_index}
        if self.pipeline.val_index is not None:
            parts[VALIDATION] = self.pipeline.val_index
        return parts

    def index(self, part: str) -> MultiExperimentIndex:
        """Return the index of a part."""
        return self.parts[part]

    def shares_data(self, other: Project | None) -> bool:
        """Whether rows and numbers of anchors mean the same in both: they have the very same indices."""
        if other is None or self.parts.keys() != other.parts.keys():
            return False
        return all(index is other.index(part) for part, index in self.parts.items())


def open_project(path: Path, progress: Callable[[str, int, int], None] | None = None) -> Project:
    """Read a training's YAML, an experiments.yaml or a run folder, and set its pipeline up.

    Parameters
    ----------
    path
        What the user chose.
    progress
        As `Pipeline.setup` says.

    Raises
    ------
    ConfigError, DataError
        If anything in it is wrong; file, row and field are named.
    """
    file = config_path(path)
    config = read_config(file)
    curation = config.data.options.curation or config.data.experiments_yaml.parent / CURATION_FILE
    run = file.parent if (file.parent / "run.json").is_file() else None
    return _set_up(file, run, config, curation, progress)


def reopened(
    project: Project,
    config: PipelineConfig | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Project:
    """Return a project set up again: with the marks as they are now, or with another configuration."""
    config = config or project.pipeline.config
    curation = project.curation if project.curation.is_file() else None
    options = replace(config.data.options, curation=curation)
    config = replace(config, data=replace(config.data, options=options))
    return _set_up(project.path, project.run, config, project.curation, progress)


def resampled(project: Project, sampling: SamplingConfig) -> Project:
    """Return a project with other sampling options; only the sampler is made anew.

    Raises
    ------
    ConfigError
        If the options do not fit the anchors.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pipeline = project.pipeline.resampled(sampling)
        inspector = BatchInspector(pipeline)
    texts = tuple(dict.fromkeys(str(item.message) for item in caught))
    kept = tuple(text for text in project.warnings if not text.startswith("sampler:"))
    return replace(project, pipeline=pipeline, inspector=inspector, warnings=(*kept, *texts))


def _set_up(
    file: Path,
    run: Path | None,
    config: PipelineConfig,
    curation: Path,
    progress: Callable[[str, int, int], None] | None,
) -> Project:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pipeline = Pipeline(config)
        report = pipeline.setup(progress)
        inspector = BatchInspector(pipeline)
    texts = tuple(dict.fromkeys(str(item.message) for item in caught))
    return Project(file, run, pipeline, inspector, report, curation, texts)
