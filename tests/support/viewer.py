"""A real viewer with the plugin's docks, and hands to use it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QWidget

from dynaclr.options.spec import RunSpec
from dynaclr.runs.record.states import State
from dynaclr.testing import synthetic_training
from napari_dynaclr.shell.hub import hub_of
from napari_dynaclr.state.project import TRAINING, Cell, Project, open_project
from napari_dynaclr.views.training import TrainingView

PLUGIN = "napari-dynaclr"
LONG = 200_000
NO_KEY = Qt.KeyboardModifier.NoModifier


class Window:
    """A viewer with a project and some docks."""

    def __init__(self, viewer: Any, qtbot: Any, project: Project | None = None, *names: str) -> None:
        self.viewer, self.qtbot, self.hub = viewer, qtbot, hub_of(viewer)
        self.session = self.hub.session
        self.docks = {name: self.dock(name) for name in names}
        if project is not None:
            self.session.project = project
            self.idle()

    def dock(self, name: str) -> Any:
        """Open a dock and return its content."""
        return self.viewer.window.add_plugin_dock_widget(PLUGIN, name)[1].content

    def open(self, name: str) -> Any:
        """Open a dock, let it do its first work, and return its content."""
        content = self.dock(name)
        self.idle()
        return content

    def remove(self, content: QWidget) -> None:
        self.viewer.window.remove_dock_widget(content.parent())

    def until(self, what: Callable[[], Any]) -> None:
        self.qtbot.waitUntil(what, timeout=LONG)

    def idle(self) -> None:
        """Wait until nothing is going on in the background."""
        self.until(lambda: not self.hub.jobs._jobs and not self.hub.context.busy)

    def click(self, button: QWidget) -> None:
        assert button.isEnabled(), button.toolTip()
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def own(self) -> list[Any]:
        """Return the layers of the plugin."""
        return [layer for layer in self.viewer.layers if "dynaclr" in layer.metadata]

    def layer(self, role: str) -> Any:
        return next(layer for layer in self.own() if layer.metadata["dynaclr"] == role)

    def visit(self, row: int) -> None:
        self.session.visit(Cell(TRAINING, row))
        self.idle()


class Training(Window):
    """A viewer with the dock of trainings."""

    def __init__(self, viewer: Any, qtbot: Any, project: Project | None) -> None:
        super().__init__(viewer, qtbot)
        self.session.project = project
        self.view: TrainingView = self.dock("Training")

    def state(self) -> State | None:
        run = self.hub.runs.current
        return None if run is None else run.state


def turn_wheel(widget: QWidget, place: Any, angle: int, held: Any = NO_KEY) -> bool:
    """Turn the wheel of the mouse over a place of a widget; return whether the widget took it."""
    where, steps = QPointF(place), (QPoint(), QPoint(0, angle))
    kind = (Qt.MouseButton.NoButton, held, Qt.ScrollPhase.NoScrollPhase, False)
    event = QWheelEvent(where, QPointF(widget.mapToGlobal(place)), *steps, *kind)
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def messages() -> list[str]:
    """Return what napari has told since it started."""
    from napari.utils.notifications import notification_manager

    return [str(item.message) for item in notification_manager.records]


def with_own_runs(training: Path, folder: Path) -> Project:
    """Open a training whose runs are written beside a copy of it in a new folder."""
    folder.mkdir()
    RunSpec.read(training).changed({"run.root": str(folder / "runs")}).write(folder / "train.yaml")
    return open_project(folder / "train.yaml")


def own_copy(source: Path, folder: Path) -> Path:
    """Copy experiments that a test may mark; return their training."""
    shutil.copytree(source.parent, folder)
    return synthetic_training(folder / source.name, size="tiny")
