"""The curation view docked in a real viewer."""

from __future__ import annotations

import getpass
import shutil
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt

from napari_dynaclr.controllers.curation import curation_dock
from napari_dynaclr.controllers.curation_work import READ, SEARCH
from napari_dynaclr.state.author import author_name, keep_author_name
from napari_dynaclr.state.cells import find_cell
from napari_dynaclr.state.project import open_project
from napari_dynaclr.state.session import Session
from napari_dynaclr.workers import Jobs


def test_a_dock_marks_by_keys_follows_the_theme_and_closes(
    make_napari_viewer: Any, qtbot: Any, synthetic_source: Path, tmp_path: Path
) -> None:
    from napari.settings import get_settings

    shutil.copytree(synthetic_source.parent, tmp_path / "tiny")
    viewer = make_napari_viewer(show=True)
    session, jobs = Session(), Jobs()
    for _ in range(2):
        session.project = open_project(tmp_path / "tiny" / "experiments.yaml")
        view: Any = curation_dock(session, jobs)
        viewer.window.add_dock_widget(view, name="Curation")
        qtbot.waitUntil(lambda: not jobs.running(READ), timeout=60_000)
        session.select(find_cell(session.project, "dengue_june", "A/1/0", 1, 3))
        before = view.cell.grab().toImage()
        get_settings().appearance.theme = "light"
        assert view.cell.grab().toImage() != before
        get_settings().appearance.theme = "dark"
        qtbot.keyClick(view, Qt.Key.Key_2)
        assert view.total.text().startswith("1 mark")
        assert "saved" in view.status.message.text()
        assert view.height() <= 700
        (tmp_path / "tiny" / "curation.csv").unlink()
        view.controller.work.search(True)
        assert jobs.running(SEARCH)
        controller = view.controller
        viewer.window.remove_dock_widget(view)
        view.deleteLater()
        qtbot.waitUntil(lambda: not jobs.running(SEARCH), timeout=60_000)  # what goes on is given up
        session.select(None)
        session.project = None
        assert controller.model.marks
    jobs.close()


def test_the_author_is_a_preference_and_else_the_login(make_napari_viewer: Any) -> None:
    make_napari_viewer()
    assert author_name() == getpass.getuser()
    keep_author_name("Carla")
    assert author_name() == "Carla"
    keep_author_name(getpass.getuser())
    assert author_name() == getpass.getuser()
