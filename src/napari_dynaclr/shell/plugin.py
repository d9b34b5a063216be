"""The functions named in the manifest; heavy libraries are imported when one is called."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

_NO_LAYERS: list[Any] = [(None,)]
"""What a reader returns that has shown what it read by itself."""
_SAMPLE = "dynaclr://sample/synthetic-cells"
"""What napari opens for the sample data: a function that shows them by itself would be told an error."""


def open_reader(path: "str | list[str]") -> Callable[["str | list[str]"], list[Any]] | None:
    """Return the function that opens a run folder or a configuration; None if the path is neither."""
    if not isinstance(path, str):
        return None
    if path == _SAMPLE:
        return lambda path: synthetic_cells()
    place = Path(path)
    if place.is_dir():
        return _open if (place / "run.json").is_file() else None
    return _open if _is_ours(place) else None


def _is_ours(file: Path) -> bool:
    """Whether a YAML is a training or a list of experiments, by the keys at its left margin."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    keys = {line.partition(":")[0] for line in lines if line[:1].isalpha()}
    return bool(keys & {"data", "experiments"})


def _open(path: "str | list[str]") -> list[Any]:
    """Open a project in the current viewer; without one, return the layers of its first field of view."""
    place = Path(str(path))
    viewer = _viewer_with_window()
    if viewer is None:
        return _first_layers(place)
    _project(viewer).then(lambda panel: panel.open_requested.emit(str(place)))
    return _NO_LAYERS


def _viewer_with_window() -> Any | None:
    """Return the current viewer; None if there is none, or it has no window to show docks in."""
    import napari

    viewer = napari.current_viewer()
    return viewer if hasattr(viewer, "window") else None


def _project(viewer: Any) -> Any:
    """Return the dock of the project, in front."""
    from napari_dynaclr.shell.docks import open_dock

    return open_dock(viewer, "Project")


def _first_layers(path: Path) -> list[Any]:
    from napari_dynaclr.presentation.layers import embedding_layer, image_layers, track_layer
    from napari_dynaclr.state.project import TRAINING, open_project

    project = open_project(path)
    index = project.index(TRAINING)
    layers = image_layers(index, 0)
    tracks = track_layer(index, 0)
    embedding = None if project.run is None else project.run / "embedding.parquet"
    if tracks is not None:
        layers.append(tracks)
    if embedding is not None and embedding.is_file():
        layers.append(embedding_layer(index, 0, embedding))
    return layers


def synthetic_cells() -> list[Any]:
    """Open the synthetic experiments; without a viewer, return the layers of the first field of view."""
    from napari_dynaclr.state.sample_data import make_sample

    viewer = _viewer_with_window()
    if viewer is None:
        return _first_layers(make_sample())
    _project(viewer).then(lambda panel: panel.sample_requested.emit())
    return _NO_LAYERS
