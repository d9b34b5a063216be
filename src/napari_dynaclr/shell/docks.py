"""The widgets named in the manifest: each opens at once and is filled when its libraries are imported."""

import sys
from collections.abc import Callable
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QLabel, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from napari_dynaclr.widgets.dock_places import bring_up, make_room, name_tab, shrink, title_of
from napari_dynaclr.widgets.focus_ring import FocusRing

if TYPE_CHECKING:
    import napari

__all__ = (
    "DOCKS",
    "BatchDock",
    "CurationDock",
    "Dock",
    "EmbeddingDock",
    "ImportDock",
    "LineageDock",
    "PairDock",
    "ProjectDock",
    "TrainingDock",
    "open_dock",
)

_CONTENTS = "napari_dynaclr.shell.contents"
"""The module that makes contents; importing it takes seconds, the first time in a process."""


_STARTING_WIDTH = 300
"""Pixels: as wide as most docks are, so that the image does not move when the content is there."""
_NUMBERS = count()


class _EndsWhenClosed(QObject):
    """Deletes a widget once napari takes it out of its dock, which would keep it alive for nobody."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Let everything pass."""
        moved = event is not None and event.type() == QEvent.Type.ParentChange
        if moved and watched is not None and watched.parent() is None:
            watched.deleteLater()
        return False


class Dock(QWidget):
    """A widget of the manifest: shows a loading message until its content is there."""

    name = ""
    """Name of the dock in the manifest."""
    command = ""
    """Name of the command that makes it."""

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__()
        self.content: Any = None
        """The view, None until it is there."""
        self._viewer: Any = napari_viewer
        self.number = next(_NUMBERS)
        self.offered_keys = False
        """Whether it has had its turn to take the keys since it was opened."""
        self._focus: QWidget | None = None
        self._waiting: list[Callable[[Any], None]] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.installEventFilter(_EndsWhenClosed(self))
        self._placing = QTimer(self)
        self._placing.setSingleShot(True)
        self._placing.timeout.connect(self._place)
        contents = sys.modules.get(_CONTENTS)
        if hasattr(contents, "content_of"):  # its last function: no other thread is importing it still
            self._fill(contents)
            return
        self._page = _StartingPage()
        layout.addWidget(self._page)
        worker = create_worker(import_module, _CONTENTS, _start_thread=False)
        worker.returned.connect(self._fill)
        worker.errored.connect(self._fail)
        worker.start()

    def event(self, event: QEvent | None) -> bool:
        """Look for a place when more room is asked for, until one was found; after it has taken the keys."""
        handled = super().event(event)
        if event is not None and event.type() in (QEvent.Type.Show, QEvent.Type.LayoutRequest):
            self._placing.start(0)
        return handled

    def _place(self) -> None:
        """Stand with others behind tabs if the screen has no room; where a person drags it then, it stays."""
        name_tab(self, self.name)
        window = self.window()
        newest = None if window is None else max(window.findChildren(Dock), key=lambda dock: dock.number)
        if make_room(self, Dock, newest, opening=newest is not None and not newest.offered_keys):
            self._placing.timeout.disconnect(self._place)
            QTimer.singleShot(0, self._shrink)  # docks behind tabs are laid out by then

    def _shrink(self) -> None:
        """Take the height back that the window grew by."""
        window = self.window()
        if window is not None:
            shrink(window)

    def then(self, action: Callable[[Any], None]) -> None:
        """Do something with the content: now if it is there, else as soon as it is."""
        if self.content is None:
            self._waiting.append(action)
        else:
            action(self.content)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Take the keys when the dock is opened; a window that is restored gives them back by itself."""
        super().showEvent(event)
        self._focus = self._focused()
        if event is not None and not event.spontaneous():
            QTimer.singleShot(0, self._take_keys)  # parts that are not shown yet refuse them

    def _focused(self) -> QWidget | None:
        """Return what has the keys of the window, or will have them when it is the active one again."""
        window = self.window()
        return None if window is None else window.focusWidget()

    def _take_keys(self) -> None:
        """Take the keys unless the user has given them to something else since the dock was shown."""
        if self.content is None or not self.isVisible():
            return
        self.offered_keys = True
        if self._focused() is self._focus:
            self.content.setFocus()

    def _fill(self, contents: Any) -> None:
        """Take the place of the page that said to wait."""
        viewer, self._viewer = self._viewer, None
        self.content = contents.content_of(self.name, viewer)
        # napari puts empty room below what does not ask for all of it
        self.content.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        layout = self.layout()
        assert layout is not None
        while (item := layout.takeAt(0)) is not None:
            page = item.widget()
            if page is not None:
                page.deleteLater()
        layout.addWidget(self.content)
        self.setFocusProxy(self.content)
        FocusRing(self.content)
        self._take_keys()
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            action(self.content)

    def _fail(self, error: BaseException) -> None:
        """Say what cannot be imported; napari shows the error itself."""
        self._page.fail(error)


class _StartingPage(QWidget):
    """What a dock shows until its content is there."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumWidth(_STARTING_WIDTH)
        self.text = QLabel("Loading libraries (first dock only) ...")
        self.text.setWordWrap(True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setToolTip("Loading libraries; napari can be used meanwhile")
        layout = QVBoxLayout(self)
        layout.addStretch()
        layout.addWidget(self.text)
        layout.addWidget(self.bar)
        layout.addStretch()

    def fail(self, error: BaseException) -> None:
        """Tell an error instead."""
        self.bar.hide()
        self.text.setText(f"The panel cannot start: {type(error).__name__}: {error}")


class ProjectDock(Dock):
    """The panel of the project."""

    name = "Project"
    command = "project"


class ImportDock(Dock):
    """Tracks of another tool over an image or a plate: looked at, corrected, written as a project."""

    name = "Import"
    command = "import"


class PairDock(Dock):
    """The view of pairs; the image shows their boxes."""

    name = "Pairs"
    command = "dataset.pairs"


class LineageDock(Dock):
    """The view of lineages; its time line follows the image."""

    name = "Lineage"
    command = "tracks.lineage"


class BatchDock(Dock):
    """The view of batches and of the options that make them."""

    name = "Batches"
    command = "batches"


class CurationDock(Dock):
    """The view of marks and of suspicious places."""

    name = "Curation"
    command = "curation"


class TrainingDock(Dock):
    """Trainings: start, watch, control; closing it leaves them running."""

    name = "Training"
    command = "training"


class EmbeddingDock(Dock):
    """An embedding beside the image; its state is kept when the dock is closed."""

    name = "Embedding"
    command = "embedding"


DOCKS: dict[str, type[Dock]] = {
    kind.name: kind
    for kind in (
        ProjectDock,
        ImportDock,
        PairDock,
        LineageDock,
        BatchDock,
        CurationDock,
        TrainingDock,
        EmbeddingDock,
    )
}
"""The docks by name."""


def open_dock(viewer: Any, name: str) -> Dock:
    """Bring a dock of a viewer to the front, the one that napari's menu shows and hides."""
    found = bring_up(viewer.window, name)
    if found is None:
        found = DOCKS[name](viewer)
        viewer.window.add_dock_widget(found, name=title_of(name))
    made: Dock = found
    return made
