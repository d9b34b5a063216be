"""Docks that are opened in several ways, and that the screen has no room for side by side."""

from __future__ import annotations

from typing import Any

import pytest
from napari._qt._qplugins._qnpe2 import _toggle_or_get_widget
from napari.plugins import menu_item_template
from npe2 import PluginManifest
from qtpy.QtCore import QRect, Qt
from qtpy.QtGui import QScreen
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_dynaclr.shell.docks import Dock, open_dock
from napari_dynaclr.shell.plugin import synthetic_cells
from napari_dynaclr.widgets.dock_places import make_room

PLUGIN = PluginManifest.from_distribution("napari-dynaclr").display_name


def _from_menu(viewer: Any, name: str) -> None:
    """Do what a dock's entry of the menu Plugins does."""
    title = menu_item_template.format(PLUGIN, name)
    made = _toggle_or_get_widget(plugin="napari-dynaclr", widget_name=name, full_name=title)
    if made is not None:
        viewer.window.add_dock_widget(made[0], name=made[1])


def _docks(viewer: Any) -> list[Dock]:
    return [item for item in viewer.window.dock_widgets.values() if isinstance(item, Dock)]


def _around(dock: Dock) -> QDockWidget:
    place: Any = dock
    while not isinstance(place, QDockWidget):
        place = place.parentWidget()
    return place


def test_a_dock_is_one_whoever_opens_it(
    make_napari_viewer: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import napari

    viewer = make_napari_viewer(show=True)
    monkeypatch.setattr(napari, "current_viewer", lambda: viewer)
    asked: list[int] = []
    open_dock(viewer, "Project").then(lambda view: view.sample_requested.disconnect())
    _docks(viewer)[0].then(lambda view: view.sample_requested.connect(lambda: asked.append(1)))
    synthetic_cells()
    assert asked == [1]
    assert len(_docks(viewer)) == 1
    project = _docks(viewer)[0]
    _from_menu(viewer, "Project")  # it hides what is shown
    assert _docks(viewer) == [project]
    assert not project.isVisible()
    assert open_dock(viewer, "Project") is project
    assert project.isVisible()
    _from_menu(viewer, "Embedding")
    assert open_dock(viewer, "Embedding").name == "Embedding"
    assert len(_docks(viewer)) == 2


@pytest.mark.parametrize("names", [("Project", "Training", "Embedding"), ("Project", "Embedding")])
def test_docks_that_the_screen_has_no_room_for_stand_behind_tabs(
    make_napari_viewer: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    monkeypatch.setattr(QScreen, "availableGeometry", lambda screen: QRect(0, 0, 1366, 768))
    viewer = make_napari_viewer(show=True)
    window = viewer.window._qt_window
    window.resize(1366, 740)
    docks = [open_dock(viewer, name) for name in names]
    first, *others = (_around(dock) for dock in docks)
    qtbot.waitUntil(lambda: set(window.tabifiedDockWidgets(first)) == set(others))
    qtbot.waitUntil(lambda: window.height() <= 768)
    qtbot.waitUntil(lambda: not docks[-1].visibleRegion().isEmpty())
    assert docks[0].visibleRegion().isEmpty()
    assert tuple(_around(dock).windowTitle() for dock in docks) == names  # what the tabs say
    assert open_dock(viewer, "Project") is docks[0]
    qtbot.waitUntil(lambda: not docks[0].visibleRegion().isEmpty())


class _Held(QWidget):
    """What a dock holds that may stand behind another one."""


def test_docks_that_look_for_room_at_once_do_not_part(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QScreen, "availableGeometry", lambda screen: QRect(0, 0, 1366, 768))
    window = QMainWindow()
    qtbot.addWidget(window)
    held = [_Held() for _ in range(3)]
    docks = [QDockWidget(str(number)) for number in range(3)]
    for dock, inner in zip(docks, held, strict=True):
        inner.setMinimumHeight(800)
        dock.setWidget(inner)
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    window.show()
    qtbot.waitExposed(window)
    assert make_room(held[1], _Held)
    assert window.tabifiedDockWidgets(docks[1]) == [docks[2]]
    for number in (2, 0):
        assert make_room(held[number], _Held)
    assert set(window.tabifiedDockWidgets(docks[0])) == set(docks[1:])


def test_docks_that_the_screen_has_room_for_stay_side_by_side(
    make_napari_viewer: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QScreen, "availableGeometry", lambda screen: QRect(0, 0, 3840, 4000))
    viewer = make_napari_viewer(show=True)
    docks = [open_dock(viewer, name) for name in ("Project", "Training")]
    qtbot.wait(100)
    assert not viewer.window._qt_window.tabifiedDockWidgets(_around(docks[0]))
