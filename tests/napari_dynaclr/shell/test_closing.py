"""Controllers that end after Qt has deleted the work of their window, as it may when an application ends."""

from __future__ import annotations

from typing import Any

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

from napari_dynaclr.controllers.context import ImageContext
from napari_dynaclr.controllers.from_layers import FromLayers
from napari_dynaclr.controllers.project import ProjectController
from napari_dynaclr.state.session import Session
from napari_dynaclr.views.from_layers import FromLayersForm
from napari_dynaclr.views.project import ProjectView
from napari_dynaclr.workers import Jobs


@pytest.fixture
def jobs(qtbot: Any) -> Jobs:
    return Jobs()


def delete(jobs: Jobs) -> None:
    jobs.deleteLater()
    QApplication.sendPostedEvents(jobs, QEvent.Type.DeferredDelete)
    with pytest.raises(RuntimeError):
        jobs.parent()


def test_what_makes_a_project_of_layers(qtbot: Any, jobs: Jobs) -> None:
    form, viewer = FromLayersForm(), ViewerModel()
    qtbot.addWidget(form)
    maker = FromLayers(viewer, jobs, form, lambda path: None)
    delete(jobs)
    maker.close()


def test_the_project(qtbot: Any, jobs: Jobs) -> None:
    view, viewer, session = ProjectView(), ViewerModel(), Session()
    qtbot.addWidget(view)
    controller = ProjectController(session, jobs, ImageContext(viewer, session), view)
    delete(jobs)
    controller.close()
