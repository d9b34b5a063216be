"""What the widgets of one viewer share: session, background work, image; made once for each viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from napari.utils.notifications import show_info
from napari.utils.theme import get_theme
from qtpy.QtCore import QTimer

from napari_dynaclr.controllers.batch_hashes import BatchHashes
from napari_dynaclr.controllers.context import ImageContext
from napari_dynaclr.controllers.embedding_image import EmbeddingImage
from napari_dynaclr.controllers.embedding_work import EmbeddingWork
from napari_dynaclr.keys.choices import follow_preferences
from napari_dynaclr.shell.leaving import Leaving
from napari_dynaclr.state.embedding import EmbeddingModel
from napari_dynaclr.state.session import Session
from napari_dynaclr.state.watched_runs import WatchedRuns
from napari_dynaclr.workers import Jobs

__all__ = ("Hub", "hub_of")

_PAUSE_MS = 1  # with none, Qt does all steps that wait in one go
_REST_MS = 300  # whoever walks on within it wants no digest of this batch


class Hub:
    """Session, jobs, watched runs, embedding, digests of batches and image context of a viewer.

    Parameters
    ----------
    viewer
        napari's viewer.
    """

    def __init__(self, viewer: Any) -> None:
        self.session = Session()
        self.session.let_go.connect(show_info)
        self.jobs = Jobs()
        self.runs = WatchedRuns()
        self.context = ImageContext(viewer, self.session, _later)
        self.hashes = BatchHashes(self.session, self.jobs, _at_rest)
        self.embedding = EmbeddingWork(self.session, self.jobs, EmbeddingModel())
        self.leaving = Leaving(self.runs, self.embedding, self.jobs)
        self.embedding_image = EmbeddingImage(self.context, self.embedding.model, _later)
        self._themed: list[Callable[[dict[str, str]], None]] = []
        viewer.events.theme.connect(self._on_theme)
        follow_preferences(_later)

    def theme(self) -> dict[str, str]:
        """Return the colors of the viewer's theme."""
        return dict(get_theme(self.context.layers.viewer.theme).to_rgb_dict())

    def follow_theme(self, apply: Callable[[dict[str, str]], None]) -> Callable[[], None]:
        """Apply the colors of the theme now and whenever it changes; return what ends that."""
        self._themed.append(apply)
        apply(self.theme())
        return lambda: self._themed.remove(apply)

    def _on_theme(self, event: Any) -> None:
        for apply in self._themed:
            apply(self.theme())


def _later(step: Callable[[], None]) -> None:
    """Run a function when the window has done what waits."""
    QTimer.singleShot(_PAUSE_MS, step)


def _at_rest(step: Callable[[], None]) -> None:
    """Run a function a moment later."""
    QTimer.singleShot(_REST_MS, step)


_HUBS: WeakKeyDictionary[Any, Hub] = WeakKeyDictionary()


def hub_of(viewer: Any) -> Hub:
    """Return the hub of a viewer, or of the stand-in that plugins get; another for every viewer."""
    real = getattr(viewer, "__wrapped__", viewer)
    if real not in _HUBS:
        _HUBS[real] = Hub(real)
    return _HUBS[real]
