"""Closing a viewer while work goes on that was started in it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QCloseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMainWindow, QMessageBox, QWidget
from tests.support.stand_in import begin

from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.observing import observe
from dynaclr.runs.record.states import State
from napari_dynaclr.controllers.embedding_work import PREDICTING
from napari_dynaclr.shell.docks import open_dock
from napari_dynaclr.shell.hub import hub_of
from napari_dynaclr.workers import Cancelled, Tell

LONG = 60_000


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    """Folder of a run that goes on until it is asked to stop."""
    process: subprocess.Popen[bytes] = begin(tmp_path / "mine")
    yield tmp_path / "mine"
    process.kill()
    process.wait()


class FromTheFrame(QCloseEvent):
    """What a window is sent when the cross in its frame is clicked."""

    def spontaneous(self) -> bool:
        """It comes from the window system."""
        return True


class Closing:
    """A viewer, and a window that stands for its own, which tests must not close."""

    def __init__(self, viewer: Any, qtbot: Any) -> None:
        self.viewer, self.qtbot, self.hub = viewer, qtbot, hub_of(viewer)
        self.window = QMainWindow()
        qtbot.addWidget(self.window)

    def stand_in(self) -> None:
        """Have the end of the other window taken for that of the viewer's, which docks have told of."""
        end = self.hub.leaving.window
        self.until(lambda: end._window is not None)
        assert end._window() is self.viewer.window._qt_window
        inner = QWidget()
        end.follow(inner)
        self.window.setCentralWidget(inner)
        self.window.show()

    def until(self, what: Any) -> None:
        self.qtbot.waitUntil(what, timeout=LONG)

    def press(self, answer: str, by_frame: bool = False) -> list[str]:
        """Close the window, click an answer, and return the texts of what was asked."""
        asked: list[str] = []

        def look() -> None:
            box = QApplication.activeModalWidget()
            if isinstance(box, QMessageBox) and box.isVisible():
                timer.stop()
                asked.append(f"{box.text()} {box.informativeText()}")
                found = [item for item in box.buttons() if item.text() == answer]
                QTest.mouseClick((found or box.buttons())[0], Qt.MouseButton.LeftButton)
                assert found

        timer = QTimer()
        timer.timeout.connect(look)
        timer.start(50)
        if not by_frame:
            self.window.close()
        elif not self.hub.leaving.window.eventFilter(self.window, event := FromTheFrame()):
            asked.append("napari")  # it asks for itself whatever comes from the frame and is not held back
            self.window.close()
        else:
            assert not event.isAccepted()
            self.until(lambda: answer == "Keep napari open" or not self.window.isVisible())
        timer.stop()
        return asked


@pytest.fixture
def closing(make_napari_viewer: Any, qtbot: Any) -> Closing:
    return Closing(make_napari_viewer(show=True), qtbot)


def going(at: Closing, run: Path) -> None:
    """Have a run train that was started in the viewer."""
    open_dock(at.viewer, "Training")
    at.hub.runs.watch(run, started=True)
    at.until(lambda: at.hub.runs.current.state is State.RUNNING)
    at.stand_in()


@pytest.mark.parametrize("docked", [True, False])
def test_a_run_is_left_running_also_when_its_dock_is_closed(
    closing: Closing, run: Path, docked: bool
) -> None:
    going(closing, run)
    if not docked:
        closing.viewer.window.remove_dock_widget(open_dock(closing.viewer, "Training"))
    assert "mine" in closing.press("Keep napari open", by_frame=True)[0]
    assert closing.window.isVisible()
    (asked,) = closing.press("Leave running", by_frame=True)
    assert "mine" in asked
    assert not closing.window.isVisible()
    assert not (run / "stop").exists()
    assert observe(RunFolder(run)).state is State.RUNNING


def test_a_run_is_stopped_once_the_window_has_closed(closing: Closing, run: Path) -> None:
    going(closing, run)
    closing.press("Stop it")
    assert not closing.window.isVisible()
    closing.until(lambda: observe(RunFolder(run)).state is State.STOPPED)


def test_nothing_is_asked_of_a_run_that_ended_while_nobody_looked(closing: Closing, run: Path) -> None:
    going(closing, run)
    closing.viewer.window.remove_dock_widget(open_dock(closing.viewer, "Training"))
    (run / "stop").touch()
    closing.until(lambda: observe(RunFolder(run)).state is State.STOPPED)
    assert closing.press("Leave running") == []
    assert not closing.window.isVisible()


def test_an_embedding_that_is_made_is_asked_about_and_ended(closing: Closing, tmp_path: Path) -> None:
    open_dock(closing.viewer, "Embedding")
    closing.stand_in()
    begun, cleared = threading.Event(), threading.Event()

    def work(tell: Tell) -> None:
        try:
            while True:
                begun.set()
                tell("embedding", 1, 2)
                threading.Event().wait(0.05)
        except Cancelled:
            cleared.set()
            raise

    closing.hub.embedding.predicted = tmp_path / "mine"
    closing.hub.jobs.start(PREDICTING, work, lambda _: None)
    assert begun.wait(10)
    assert "embedding the cells of run mine" in closing.press("Keep napari open", by_frame=True)[0]
    assert closing.window.isVisible()
    assert closing.hub.jobs.running(PREDICTING)
    closing.press("Leave running")
    assert not closing.window.isVisible()
    assert cleared.wait(10)
