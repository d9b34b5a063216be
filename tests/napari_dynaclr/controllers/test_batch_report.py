"""The report on many batches, with real clicks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog
from tests.support.batches import Opened

from napari_dynaclr.controllers.batch_report import REPORT


@pytest.fixture
def opened(qtbot: Any, coded_source: Path, tmp_path: Path, qapp: Any) -> Any:
    dock = Opened(qtbot, coded_source, tmp_path)
    yield dock
    dock.jobs.close()


@pytest.mark.slow
def test_the_report_is_drawn_cancelled_and_saved(opened: Opened, tmp_path: Path, monkeypatch: Any) -> None:
    opened.tab(2)
    report = opened.view.report
    opened.type_into(report.count, "100000")
    opened.click(report.start)
    opened.bot.waitUntil(lambda: report.bar.value() > 0, timeout=20_000)
    assert report.start.text() == "Cancel"
    opened.click(report.start)
    assert not opened.jobs.running(REPORT)
    assert report.start.text() == "Draw"
    assert not report.csv.isEnabled()
    opened.type_into(report.count, "20")
    opened.click(report.start)
    opened.bot.waitUntil(report.csv.isEnabled, timeout=60_000)
    composition = opened.session.project.inspector.composition(0, 20)
    assert [bar.count for bar in report.panel.bars["experiment"].bars] == composition.axes[
        "experiment"
    ].counts.sum(axis=0).tolist()
    for ending in ("csv", "png"):
        monkeypatch.setattr(
            QFileDialog, "getSaveFileName", lambda *_, end=ending: (str(tmp_path / f"r.{end}"), "")
        )
        opened.click(getattr(report, ending))
        opened.settle()
    lines = (tmp_path / "r.csv").read_text().splitlines()
    assert lines[0] == "section,name,value,reference,look"
    assert len(lines) == report.rows.records.rowCount() + 1
    assert sum(line.startswith("intensity,") for line in lines) > 0  # these were read
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")
    report.shown.setCurrentIndex(1)
    opened.click(report.copy)
    assert QGuiApplication.clipboard().text().count("\n") == report.rows.records.rowCount()
    opened.type_into(opened.view.form.fields["leaky"].widget.native, "0.5")
    assert not report.csv.isEnabled()  # it was about another sampler
