"""A dock of batches with a project, and hands to use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QAbstractSpinBox, QWidget

from napari_dynaclr.controllers.batch import BATCH, PAIRS, batch_dock
from napari_dynaclr.controllers.batch_report import REPORT, SAVING
from napari_dynaclr.controllers.sampling import FILE, OPTIONS, WRITING
from napari_dynaclr.state.project import open_project
from napari_dynaclr.state.session import Session
from napari_dynaclr.views.batch import BatchView
from napari_dynaclr.workers import Jobs

YAML = """\
# a training
data:
  experiments_yaml: {source}   # here
  z_range: [0, 2]
  yx_patch_size: [16, 16]
  final_yx_patch_size: [12, 12]
  val_experiments: []
  no_validation: true
  tau_range: [0.5, 1.0]
  batch_size: 40      # pairs
  leaky: 0.25
  condition_ratio:    # shares
    infected: 1.0
    uninfected: 1.0
  channel_dropout_prob: 0.0
  # the end
run: {{name: kept}}
"""


class Opened:
    """A dock with a project."""

    def __init__(self, qtbot: Any, source: Path, folder: Path) -> None:
        self.bot, self.session, self.jobs = qtbot, Session(), Jobs()
        self.path = folder / "train.yaml"
        self.path.write_text(YAML.format(source=source))
        self.view = batch_dock(self.session, self.jobs)
        self.view.set_theme(get_theme("dark").to_rgb_dict())
        assert isinstance(self.view, BatchView)
        qtbot.addWidget(self.view)
        self.view.resize(380, 680)
        self.view.show()
        qtbot.waitExposed(self.view)
        self.session.project = open_project(self.path)
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is under way."""
        kinds = (BATCH, PAIRS, REPORT, SAVING, OPTIONS, FILE, WRITING)
        self.bot.wait(60)
        self.bot.waitUntil(lambda: not any(self.jobs.running(kind) for kind in kinds), timeout=60_000)
        self.bot.wait(60)
        self.bot.waitUntil(lambda: not any(self.jobs.running(kind) for kind in kinds), timeout=60_000)

    def tab(self, place: int) -> None:
        bar = self.view.tabs.tabBar()
        self.click(bar, bar.tabRect(place).center())
        self.settle()

    def click(self, widget: QWidget, where: QPoint | None = None) -> None:
        self.bot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=where or widget.rect().center())

    def type_into(self, box: QAbstractSpinBox, text: str) -> None:
        box.setFocus()
        box.selectAll()
        self.bot.keyClicks(box, text)
        self.bot.keyClick(box, Qt.Key.Key_Return)
        self.bot.wait(300)
        self.settle()
