"""Tracks and marks of the open project, exported from its docks with real clicks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from qtpy.QtCore import Qt
from tests.support.viewer import Window, own_copy

from dynaclr.curation import MarkKind
from dynaclr.tracks.sources import SourceOptions, read_source
from napari_dynaclr.state.project import TRAINING, open_project
from napari_dynaclr.views.export_tracks import ExportTracksDialog


@pytest.fixture
def at(make_napari_viewer: Any, qtbot: Any, synthetic_source: Path, tmp_path: Path) -> Window:
    project = open_project(own_copy(synthetic_source, tmp_path / "data"))
    return Window(make_napari_viewer(show=True), qtbot, project, "Project", "Curation")


def test_marks_made_in_the_viewer_are_exported(at: Window, tmp_path: Path) -> None:
    curation, index = at.docks["Curation"], at.session.project.index(TRAINING)
    row = int(index.anchor_rows[0])
    track = int(index.table.track_id[index.table.track[row]])
    fov = index.fovs[int(index.table.fov_of(slice(row, row + 1))[0])]
    at.visit(row)
    curation.controller.target.set_kind(MarkKind.TRACK)
    curation.judge.line.setText("debris")
    at.click(curation.judge.buttons["exclude"])
    at.idle()
    before = len(index.table)

    at.click(at.docks["Project"].export_tracks)
    dialog = at.docks["Project"].exporter.dialog
    assert dialog.isVisible()
    assert not dialog.isModal()
    assert not dialog.write.isEnabled()
    out = tmp_path / "out"
    at.qtbot.keyClicks(dialog.folder, str(out))
    at.click(dialog.write)
    at.until(lambda: "written to" in dialog.report.text())
    assert "excluded observations left out" in dialog.report.text()
    name = index.registry.names[fov.experiment]
    table = pd.read_csv(out / name / fov.layout.name / "tracks.csv")
    assert track not in set(table.track_id)
    at.click(dialog.write)
    at.until(lambda: "targets exist" in dialog.report.text())

    dialog.keep.setChecked(True)
    dialog.replace.setChecked(True)
    at.click(dialog.write)
    at.until(lambda: "0 excluded observations left out" in dialog.report.text())
    table = pd.read_csv(out / name / fov.layout.name / "tracks.csv", keep_default_na=False)
    assert set(table[table.track_id == track].reason) == {"debris"}
    tables = [pd.read_csv(path) for path in out.rglob("tracks.csv")]
    assert sum(map(len, tables)) >= before
    at.click(dialog.done_)
    assert not dialog.isVisible()


def test_the_curation_dock_exports_with_its_button_and_its_key(at: Window, tmp_path: Path) -> None:
    curation = at.docks["Curation"]
    curation.pages.setCurrentWidget(curation.marks)
    at.click(curation.marks.export)
    dialog = curation.findChild(ExportTracksDialog)
    assert dialog.isVisible()
    dialog.close()
    curation.setFocus()
    at.qtbot.keyClick(curation, Qt.Key.Key_E, Qt.KeyboardModifier.ShiftModifier)
    assert dialog.isVisible()
    dialog.format.setCurrentIndex(dialog.format.findData("geff"))
    at.qtbot.keyClicks(dialog.folder, str(tmp_path / "geff"))
    at.click(dialog.write)
    at.until(lambda: "written to" in dialog.report.text())
    found = [read_source(path, SourceOptions()) for path in (tmp_path / "geff").rglob("tracks.geff")]
    assert found
    assert {item.format for item in found} == {"GEFF"}
    dialog.folder.setText("here")
    at.click(dialog.write)
    assert "full path" in dialog.report.text()
    dialog.close()
