"""The functions named in the manifest."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from napari_dynaclr.layers import LayerData, embedding_layer, fov_layers

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_dynaclr.views.project import ProjectWidget

__all__ = ("project_widget", "run_reader", "synthetic_cells")


def project_widget() -> "ProjectWidget":
    """Return the panel that opens a list of experiments."""
    from napari_dynaclr.views.project import ProjectWidget

    return ProjectWidget()


def run_reader(path: "str | list[str]") -> "Callable[[str | list[str]], list[LayerData]] | None":
    """Return the function that reads a run folder; None if the path is none."""
    if isinstance(path, str) and (Path(path) / "run.json").is_file():
        return _read_run
    return None


def _read_run(path: "str | list[str]") -> list[LayerData]:
    """Return the first field of view of a run with its tracks, and its embedding if there is one."""
    from dynaclr.experiment import ExperimentRegistry
    from dynaclr.index import MultiExperimentIndex
    from dynaclr.runs.layout import open_run_folder

    folder = open_run_folder(Path(str(path)))
    index = MultiExperimentIndex(ExperimentRegistry.from_yaml(folder.experiments), (0, 1), (16, 16))
    embedding = folder.path / "embedding.parquet"
    layers = fov_layers(index, 0)
    if embedding.is_file():
        layers.append(embedding_layer(index, 0, embedding))
    return layers


def synthetic_cells() -> list[LayerData]:
    """Return one field of view of synthetic cells with its tracks."""
    from dynaclr.experiment import ExperimentRegistry
    from dynaclr.index import MultiExperimentIndex
    from dynaclr.testing import synthetic_experiments

    folder = Path(tempfile.mkdtemp(prefix="napari-dynaclr-"))
    registry = ExperimentRegistry.from_yaml(synthetic_experiments(folder, size="tiny"))
    return fov_layers(MultiExperimentIndex(registry, (0, 1), (16, 16)), 0)
