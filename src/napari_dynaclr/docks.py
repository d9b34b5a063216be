"""The widgets named in the manifest: views, their controllers and the hub of a viewer put together."""

from pathlib import Path
from typing import TYPE_CHECKING
from weakref import ref

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from dynaclr.embeddings import Space
from napari_dynaclr.controllers.batch import batch_dock
from napari_dynaclr.controllers.curation import curation_dock
from napari_dynaclr.controllers.embedding import EmbeddingController
from napari_dynaclr.controllers.hub import Hub, hub_of
from napari_dynaclr.controllers.lineage import LineageController
from napari_dynaclr.controllers.pairs import PairController
from napari_dynaclr.controllers.project import ProjectController
from napari_dynaclr.controllers.training import TrainingController
from napari_dynaclr.models.embedding import COLOUR_BY, LAYOUTS
from napari_dynaclr.models.project import TRAINING
from napari_dynaclr.plugin import PLUGIN
from napari_dynaclr.views.batch import BatchView
from napari_dynaclr.views.curation import CurationView
from napari_dynaclr.views.embedding import EmbeddingView
from napari_dynaclr.views.lineage import LineageView
from napari_dynaclr.views.pair import PairView
from napari_dynaclr.views.project import ProjectView
from napari_dynaclr.views.training import TrainingView

if TYPE_CHECKING:
    import napari

__all__ = (
    "BatchDock",
    "CurationDock",
    "EmbeddingDock",
    "LineageDock",
    "PairDock",
    "ProjectDock",
    "TrainingDock",
)


class _EndsWhenClosed(QObject):
    """Deletes a widget once napari takes it out of its dock, which would keep it alive for nobody."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Let everything pass."""
        moved = event is not None and event.type() == QEvent.Type.ParentChange
        if moved and watched is not None and watched.parent() is None:
            watched.deleteLater()
        return False


class ProjectDock(ProjectView):
    """The panel of the project."""

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        hub = hub_of(napari_viewer)
        self.controller = ProjectController(hub.session, hub.jobs, hub.context, self)
        self.installEventFilter(_EndsWhenClosed(self))
        self.destroyed.connect(self.controller.close)


class PairDock(PairView):
    """The view of pairs; the image shows their boxes."""

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        hub = hub_of(napari_viewer)
        self.controller = PairController(hub.session, hub.jobs, self)
        self.installEventFilter(_EndsWhenClosed(self))
        self.destroyed.connect(hub.hashes.follow(self.set_name))
        self.controller.pair_shown.connect(lambda first, other: hub.context.show_pair(TRAINING, first, other))
        self.destroyed.connect(self.controller.close)
        self.destroyed.connect(hub.follow_theme(self.set_theme))


class LineageDock(LineageView):
    """The view of families; its line of time follows the image."""

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        hub = hub_of(napari_viewer)
        self.controller = controller = LineageController(hub.session, hub.jobs, self)
        self.installEventFilter(_EndsWhenClosed(self))
        hub.context.frame_changed.connect(controller.set_frame)
        if hub.context.frame is not None:
            controller.set_frame(hub.context.frame)
        self.destroyed.connect(controller.close)
        self.destroyed.connect(lambda: hub.context.frame_changed.disconnect(controller.set_frame))
        self.destroyed.connect(hub.follow_theme(self.set_theme))


class _Holder(QWidget):
    """A widget around another one, at its edges."""

    def __init__(self, content: BatchView | CurationView, hub: Hub) -> None:
        super().__init__()
        self.content = content
        self.installEventFilter(_EndsWhenClosed(self))
        self.destroyed.connect(hub.follow_theme(content.set_theme))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(content)
        # napari puts empty room below what does not ask for all of it
        content.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)


class BatchDock(_Holder):
    """The view of batches and of the options that make them."""

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        hub = hub_of(napari_viewer)
        view = batch_dock(hub.session, hub.jobs)
        super().__init__(view, hub)
        self.destroyed.connect(hub.hashes.follow(view.address.set_name))


class CurationDock(_Holder):
    """The view of marks and of what looks suspicious."""

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        hub = hub_of(napari_viewer)
        super().__init__(curation_dock(hub.session, hub.jobs), hub)


class TrainingDock(TrainingView):
    """Trainings: start, watch, control; closing it leaves them running."""

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        hub = hub_of(napari_viewer)
        self.controller = TrainingController(hub.session, hub.jobs, hub.runs, self)
        viewer = ref(getattr(napari_viewer, "__wrapped__", napari_viewer))

        def explore(run: Path) -> None:
            alive = viewer()
            if alive is not None:
                alive.window.add_plugin_dock_widget(PLUGIN, "Embedding")
                hub.embedding.explore(run)

        self.watch.explore_requested.connect(explore)
        self.destroyed.connect(self.controller.close)
        self.destroyed.connect(hub.follow_theme(self.set_theme))


class EmbeddingDock(EmbeddingView):
    """An embedding beside the image; what is looked at is kept when it is closed."""

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__(LAYOUTS, COLOUR_BY, list(Space))
        hub = hub_of(napari_viewer)
        self.controller = EmbeddingController(hub.embedding, hub.runs, self)
        self.installEventFilter(_EndsWhenClosed(self))
        self.destroyed.connect(self.controller.close)
        self.destroyed.connect(hub.follow_theme(self.set_theme))
