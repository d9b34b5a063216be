"""A viewer that is killed: its trainings go on, and another one finds them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.stand_in import as_program

from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.observing import observe, read_launch, worker
from dynaclr.runs.record.states import State
from dynaclr.runs.record.status import read_status
from napari_dynaclr.shell.hub import hub_of

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="kill -9")]
LONG = 120_000

VIEWER = """
    import sys
    from pathlib import Path
    import napari
    from qtpy.QtCore import QTimer
    from dynaclr.runs.control.launch import Launch, launch
    from dynaclr.options.spec import RunSpec
    from dynaclr.runs.record.states import State
    import napari_dynaclr.shell.contents  # docks are filled at once
    from napari_dynaclr.shell.hub import hub_of

    training, stand_in, root = sys.argv[1:]
    viewer = napari.Viewer(show=True)
    view = viewer.window.add_plugin_dock_widget("napari-dynaclr", "Training")[1].content
    runs = hub_of(viewer).runs
    for name in ("stays", "dies"):
        folder = launch(RunSpec.read(Path(training)), Path(root) / name, Launch(python=stand_in))
        view.controller._on_launched(folder.path)

    def look():
        if all(run.state is State.RUNNING for run in runs.runs.values()):
            print("watching", flush=True)

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(200)
    napari.run()
"""


@pytest.fixture
def killed_viewer(sample_training: Path, tmp_path: Path) -> Iterator[Path]:
    """Folder of two runs that a viewer has started; it is killed, and one of them with it."""
    fake = as_program(tmp_path / "stand-in")
    root = tmp_path / "runs"
    command = [sys.executable, "-c", textwrap.dedent(VIEWER), str(sample_training), str(fake), str(root)]
    viewer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert viewer.stdout is not None
        assert any(line == "watching\n" for line in viewer.stdout), "the viewer has ended"
        viewer.kill()
        assert viewer.wait() == -signal.SIGKILL
        os.kill(read_launch(RunFolder(root / "dies"))["pid"], signal.SIGKILL)
        yield root
    finally:
        viewer.kill()
        viewer.communicate()
        for name in ("stays", "dies"):
            with suppress(psutil.Error, KeyError):
                psutil.Process(read_launch(RunFolder(root / name))["pid"]).kill()


def test_a_killed_viewer_leaves_its_trainings_and_another_one_finds_them(
    killed_viewer: Path, make_napari_viewer: Any, qtbot: Any
) -> None:
    stays, dies = RunFolder(killed_viewer / "stays"), RunFolder(killed_viewer / "dies")
    before = read_status(stays)["step"]
    qtbot.waitUntil(lambda: read_status(stays)["step"] > before, timeout=LONG)
    who = worker(observe(stays))
    assert who is not None

    viewer = make_napari_viewer(show=True)
    view = viewer.window.add_plugin_dock_widget("napari-dynaclr", "Training")[1].content
    runs = hub_of(viewer).runs
    view.controller.set_root(killed_viewer)
    view.show_tab(view.runs)
    qtbot.waitUntil(lambda: view.runs.table.rowCount() == 2, timeout=LONG)

    view.controller.look_at(dies.path)
    qtbot.waitUntil(lambda: runs.current.state is State.CRASHED, timeout=LONG)
    qtbot.waitUntil(lambda: "step " in view.watch.ending.text(), timeout=LONG)  # its last lines
    assert not view.watch.stop.isEnabled()

    view.controller.look_at(stays.path)
    qtbot.waitUntil(lambda: runs.current.state is State.RUNNING, timeout=LONG)
    qtbot.waitUntil(lambda: bool(runs.current.curves.names), timeout=LONG)
    assert runs.current.curves.series("loss/train").step[0] == 1  # all of its history
    assert not runs.started_and_going()  # this window has not started it, and does not ask
    view.watch.stop.click()
    qtbot.waitUntil(lambda: runs.current.state is State.STOPPED, timeout=LONG)
    assert "it was asked to stop" in view.watch.ending.text()
