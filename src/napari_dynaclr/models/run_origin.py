"""What a training can begin with, and where it will be written; knows no Qt and starts nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dynaclr.runs.layout import run_paths
from dynaclr.runs.presets import Preset, preset_spec
from dynaclr.runs.spec import RunSpec
from napari_dynaclr.models.project import Project

__all__ = ("RUN", "free_path", "origins_of", "runs_folder", "spec_of", "with_marks")

RUN = "run:"
"""Before the path of a run folder: the key of beginning with its options."""
_OPEN, _PRESET = "open", "preset:"
_MOST_RUNS = 12


def runs_folder(project: Project, root: str) -> Path:
    """Return the folder of run folders of a project: beside its YAML, unless `root` is absolute."""
    base = project.path.parent
    if base == project.run:  # opened from a run: its neighbours are meant
        base = base.parent.parent
    return (base / Path(root).expanduser()).absolute()


def origins_of(project: Project, runs: Sequence[Path]) -> list[tuple[str, str, str]]:
    """Return (key, title, tooltip) of what a training of a project can begin with; the natural one first."""
    presets = [
        (f"{_PRESET}{item}", f"preset: {item}", "Options fitted to plates and experiments")
        for item in (Preset.DEFAULT, Preset.QUICK, Preset.THOROUGH)
    ]
    is_training = project.path != project.pipeline.config.data.experiments_yaml
    opened = [(_OPEN, "the open training", str(project.path))] if is_training else []
    return [
        *opened,
        *presets,
        *((f"{RUN}{path}", f"run {path.name}", str(path)) for path in runs[:_MOST_RUNS]),
    ]


def spec_of(project: Project, key: str) -> RunSpec:
    """Return the training of a key; the marks of the project leave out what was rejected.

    Raises
    ------
    ConfigError, DataError
        If it cannot be read.
    """
    if key.startswith(RUN):
        return RunSpec.read(Path(key.removeprefix(RUN)))
    if key == _OPEN:
        return with_marks(RunSpec.read(project.path), project)
    experiments = project.pipeline.config.data.experiments_yaml
    return with_marks(preset_spec(Preset(key.removeprefix(_PRESET)), experiments), project)


def with_marks(spec: RunSpec, project: Project) -> RunSpec:
    """Return a training that leaves out what was marked, unless it names a file of marks itself."""
    if spec.get("data.curation") is None and project.curation.is_file():
        return spec.changed({"data.curation": str(project.curation)})
    return spec


def free_path(root: Path, spec: RunSpec) -> Path:
    """Return where the next run of a training goes.

    Raises
    ------
    ConfigError
        If its name cannot be that of a folder.
    """
    return next(path for path in run_paths(root, str(spec.get("run.name"))) if not path.exists())
