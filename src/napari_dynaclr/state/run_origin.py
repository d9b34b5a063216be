"""Starting points for the options of a training, and its run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dynaclr.base.paths import absolute_path
from dynaclr.options.presets import Preset, preset_spec
from dynaclr.options.spec import RunSpec
from dynaclr.runs.record.layout import run_paths
from napari_dynaclr.state.project import Project

RUN = "run:"
"""Before the path of a run folder: the key of beginning with its options."""
_OPEN, _PRESET = "open", "preset:"
_MOST_RUNS = 12


def runs_folder(project: Project, root: str) -> Path:
    """Return the folder of run folders of a project: beside its YAML, unless `root` is absolute."""
    base = project.path.parent
    if base == project.run:  # opened from a run: its neighbors are meant
        base = base.parent.parent
    return absolute_path(root, base)


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
    """Return the training of a key.

    Raises
    ------
    ConfigError, DataError
        If it cannot be read.
    """
    run = Path(key.removeprefix(RUN)) if key.startswith(RUN) else project.run
    if run is not None and (key.startswith(RUN) or (key == _OPEN and run == project.path.parent)):
        return RunSpec.read(run).changed({"run.root": str(run.parent)})  # wherever it was made
    if key == _OPEN:
        return RunSpec.read(project.path)
    experiments = project.pipeline.config.data.experiments_yaml
    return preset_spec(Preset(key.removeprefix(_PRESET)), experiments)


def free_path(root: Path, spec: RunSpec) -> Path:
    """Return where the next run of a training goes.

    Raises
    ------
    ConfigError
        If its name cannot be that of a folder.
    """
    return next(path for path in run_paths(root, str(spec.get("run.name"))) if not path.exists())
