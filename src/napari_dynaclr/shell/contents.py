"""Contents of the docks: views with their controllers and the hub of a viewer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QWidget

from dynaclr.embedding import Space
from napari_dynaclr.controllers.batch import batch_dock
from napari_dynaclr.controllers.curation import curation_dock
from napari_dynaclr.controllers.embedding import EmbeddingController
from napari_dynaclr.controllers.export_tracks import ExportTracks
from napari_dynaclr.controllers.from_layers import FromLayers
from napari_dynaclr.controllers.import_tracks import ImportTracks
from napari_dynaclr.controllers.lineage import LineageController
from napari_dynaclr.controllers.pairs import PairController
from napari_dynaclr.controllers.project import ProjectController
from napari_dynaclr.controllers.running_pairs import RunningPairs
from napari_dynaclr.controllers.training import TrainingController
from napari_dynaclr.shell.docks import open_dock
from napari_dynaclr.shell.hub import hub_of
from napari_dynaclr.state.embedding import COLOUR_BY, LAYOUTS
from napari_dynaclr.state.project import TRAINING
from napari_dynaclr.views.batch import BatchView
from napari_dynaclr.views.curation import CurationView
from napari_dynaclr.views.embedding import EmbeddingView
from napari_dynaclr.views.import_tracks import ImportTracksView
from napari_dynaclr.views.lineage import LineageView
from napari_dynaclr.views.pair import PairView
from napari_dynaclr.views.project import ProjectView
from napari_dynaclr.views.training import TrainingView


class _Project(ProjectView):
    """The panel of the project."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        hub = hub_of(viewer)
        self.controller = ProjectController(hub.session, hub.jobs, hub.context, self)
        self.maker = FromLayers(hub.context.layers.viewer, hub.jobs, self.from_layers, self._open_written)
        self.exporter = ExportTracks(hub.session, hub.jobs, self)
        self.export_requested.connect(self.exporter.open)
        self.import_requested.connect(lambda: open_dock(hub.context.layers.viewer, "Import"))
        self.destroyed.connect(self.controller.close)
        self.destroyed.connect(self.maker.close)
        self.destroyed.connect(self.exporter.close)

    def _open_written(self, path: str) -> None:
        """Open what was made of layers; there is room for it again."""
        self.layers_fold.head.setChecked(False)
        self.controller.open(path)


class _Import(ImportTracksView):
    """Tracks of another tool over an image; what is shown goes with it."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        hub = hub_of(viewer)
        layers = hub.context.layers

        def open_written(path: str) -> None:
            open_dock(layers.viewer, "Project").then(lambda panel: panel.controller.open(path))

        self.controller = ImportTracks(layers, hub.jobs, self, open_written)
        self.destroyed.connect(self.controller.close)


class _Pair(PairView):
    """The view of pairs; the image shows their boxes."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        hub = hub_of(viewer)
        self.controller = PairController(hub.session, hub.jobs, self)
        self.destroyed.connect(hub.hashes.follow(self.set_name))
        self.controller.pair_shown.connect(lambda first, other: hub.context.show_pair(TRAINING, first, other))
        hub.context.picker.picked.connect(self.controller.draw_for)
        self.destroyed.connect(lambda: hub.context.picker.picked.disconnect(self.controller.draw_for))
        self.destroyed.connect(self.controller.close)
        self.destroyed.connect(hub.follow_theme(self.set_theme))


class _Lineage(LineageView):
    """The view of lineages; its time line follows the image."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        hub = hub_of(viewer)
        self.controller = controller = LineageController(hub.session, hub.jobs, self)
        hub.context.frame_changed.connect(controller.set_frame)
        if hub.context.frame is not None:
            controller.set_frame(hub.context.frame)
        self.destroyed.connect(controller.close)
        self.destroyed.connect(lambda: hub.context.frame_changed.disconnect(controller.set_frame))
        self.destroyed.connect(hub.follow_theme(self.set_theme))


def _batches(viewer: Any) -> BatchView:
    """Return the view of batches and of the options that make them."""
    hub = hub_of(viewer)
    view = batch_dock(hub.session, hub.jobs)
    view.destroyed.connect(hub.hashes.follow(view.address.set_name))
    view.destroyed.connect(hub.follow_theme(view.set_theme))
    return view


def _curation(viewer: Any) -> CurationView:
    """Return the view of marks and of what looks suspicious."""
    hub = hub_of(viewer)
    view = curation_dock(hub.session, hub.jobs)
    exporter = ExportTracks(hub.session, hub.jobs, view)
    view.export_requested.connect(lambda: exporter.open())  # Qt keeps what a function holds
    view.destroyed.connect(lambda: exporter.close())
    view.destroyed.connect(hub.follow_theme(view.set_theme))
    return view


class _Training(TrainingView):
    """Trainings: start, watch, control; closing it leaves them running."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        hub = hub_of(viewer)
        self.controller = TrainingController(hub.session, hub.jobs, hub.runs, self)

        def explore(run: Path) -> None:
            if hub.context.layers.alive:
                open_dock(hub.context.layers.viewer, "Embedding")
                hub.embedding.explore(run)

        running = RunningPairs(hub.session, hub.jobs)

        def show_pairs(run: Path, epoch: int, batch: int) -> None:
            if hub.context.layers.alive:
                open_dock(hub.context.layers.viewer, "Pairs")
                running.show(run, epoch, batch)

        self.watch.explore_requested.connect(explore)
        self.watch.pairs_requested.connect(show_pairs)
        hub.leaving.window.follow(self)
        self.destroyed.connect(self.controller.close)
        self.destroyed.connect(hub.follow_theme(self.set_theme))


class _Embedding(EmbeddingView):
    """An embedding beside the image; its state is kept when the dock is closed."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(LAYOUTS, COLOUR_BY, list(Space))
        hub = hub_of(viewer)
        self.controller = EmbeddingController(hub.embedding, hub.runs, self)
        hub.leaving.window.follow(self)
        self.destroyed.connect(self.controller.close)
        self.destroyed.connect(hub.follow_theme(self.set_theme))


_CONTENTS: dict[str, Callable[[Any], QWidget]] = {
    "Project": _Project,
    "Import": _Import,
    "Pairs": _Pair,
    "Lineage": _Lineage,
    "Batches": _batches,
    "Curation": _curation,
    "Training": _Training,
    "Embedding": _Embedding,
}
"""What makes the content of a dock for a viewer, by the dock's name in the manifest."""


def content_of(name: str, viewer: Any) -> QWidget:
    """Return new content for a dock of a viewer."""
    return _CONTENTS[name](viewer)
