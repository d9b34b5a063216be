"""The twenty behaviors that people who know napari expect of any plugin, and where each is shown.

Tests without a module are those below.

== =========================== ======================================================================
1  leaves my layers alone      here: other people's layers; test_docks: other layers and choices
2  marks its own layers        here: own layers are marked; test_image_context: deleted layers
3  keeps geometry              here: cells lie on their pixels; test_layers: boxes, metadata of the store
4  keeps my view               here: back goes back; test_image_context: other options, data set up again
5  sensible contrast           test_image_context: other options; test_batch_view: pictures are the pixels
6  both ways with the slider   here: slider and tree; test_image_context: beside layers of other sizes
7  layers that are there       test_from_layers: boxes follow the layers, layers become a project
8  keys                        test_key_choices; here: held keys, keys need the focus
9  undo and redo               here: a mark is undone anywhere; test_curation_controller, _model
10 the mouse stays normal      here: drag, wheel and click; test_fov_box, test_lineage_view: the wheel
11 never freezes               here: long work has a bar; test_behaviours: blocks, slow pair; test_docks
12 cancel is real              here: the newest wins; test_behaviours, test_curation_controller: canceled
13 readable errors             here: an error names its file; test_docks, _embedding_dock, _training_dock
14 remembers                   test_behaviours: remembered; test_key_choices: reset; test_batch_view: options
15 opens and closes            test_behaviours: closed docks, once; test_docks: nothing is lost, two viewers
16 lazy                        here: pixels stay on disk; test_batch_view: scrolling reads
17 same answer as the CLI      here: the hash of a batch; test_docks: a run says whether its batches are these
18 theme and size              here: fonts, small screens, tooltips; test_behaviours: theme; test_colors
19 scriptable                  here: sample data; test_behaviours, test_plugin: command palette
20 leaves nothing behind       here: the folder one is in; test_training_dock, _killed_viewer, _behaviours
== =========================== ======================================================================
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QDockWidget,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QStyle,
    QStyleOptionFrame,
    QWidget,
)
from tests.support.viewer import PLUGIN, Window, own_copy, turn_wheel

from napari_dynaclr.controllers.batch_hashes import HASHING
from napari_dynaclr.presentation.layers import frame_rows
from napari_dynaclr.state.project import TRAINING, Cell, Project, open_project
from napari_dynaclr.state.session import PairRequest
from napari_dynaclr.widgets.parts import Fold
from napari_dynaclr.workers import Jobs

DOCKS = ("Project", "Pairs", "Lineage", "Batches", "Curation", "Training", "Embedding")
LEFT = Qt.MouseButton.LeftButton
_LINE_MARGIN = 2  # pixels that Qt keeps at each end of a text in a field


@pytest.fixture
def own_project(synthetic_source: Path, tmp_path: Path) -> Project:
    """A project that a test may mark."""
    return open_project(own_copy(synthetic_source, tmp_path / "data"))


def looks(layer: Any) -> dict[str, Any]:
    """Everything of a layer that somebody may have set."""
    names = ("name", "visible", "opacity", "blending", "metadata", "editable", "ndim")
    state = {name: getattr(layer, name) for name in names}
    return state | {
        "data": [np.asarray(part).tolist() for part in layer.data],
        "scale": tuple(layer.scale),
        "translate": tuple(layer.translate),
        "units": [str(unit) for unit in layer.units],
    }


def test_1_other_peoples_layers_stay_as_they_are(window: Window, qtbot: Any) -> None:
    viewer = window.viewer
    mine = [
        viewer.add_image(np.zeros((3, 4)), name="flat", scale=(2.0, 3.0), units="nm"),
        viewer.add_image(np.zeros((2, 2, 3, 4, 5, 6)), name="six axes", visible=False),
        viewer.add_points(np.zeros((1, 3)), name="dynaclr: cells"),
        viewer.add_shapes(None, name="empty"),
    ]
    before = [looks(layer) for layer in mine]
    pairs, lineage = window.open("Pairs"), window.open("Lineage")
    for view, key in ((pairs, "J"), (pairs, "N"), (pairs, "Q"), (lineage, "J"), (lineage, "U")):
        qtbot.keyClick(view, getattr(Qt.Key, f"Key_{key}"))
        window.idle()
    for fov in (1, 0):
        window.hub.context.show_fov(TRAINING, fov)
        window.idle()
    assert [layer for layer in viewer.layers if layer in mine] == mine
    assert [looks(layer) for layer in mine] == before


def test_2_own_layers_are_marked_and_do_not_pile_up(window: Window) -> None:
    context = window.hub.context
    for _ in range(2):
        for fov in (0, 1):
            context.show_fov(TRAINING, fov)
            window.idle()
    names = [layer.name for layer in window.viewer.layers]
    assert window.own() == list(window.viewer.layers)
    assert all(name.startswith("dynaclr: ") for name in names)
    assert len({layer.metadata["dynaclr"] for layer in window.own()}) == len(names)
    cells = window.layer("cells")
    cells.name = "my cells"
    window.viewer.layers.remove(window.layer("tracks"))
    context.show_fov(TRAINING, 0)
    context.show_fov(TRAINING, 1)
    window.idle()
    assert window.layer("cells") is cells
    assert cells.name == "my cells"
    assert window.layer("tracks").visible
    assert len(window.viewer.layers) == len(names)


def test_3_cells_lie_on_their_pixels(window: Window) -> None:
    window.open("Pairs")
    image, cells = window.layer("image 0"), window.layer("cells")
    for layer in window.own():
        assert [str(unit) for unit in layer.units] == [str(unit) for unit in image.units]
        assert tuple(layer.scale) == tuple(image.scale)
        assert tuple(layer.axis_labels) == tuple(image.axis_labels)
    table = window.session.project.index(TRAINING).table
    for place, row in zip(cells.data, cells.features["row"], strict=True):
        pixel = image.world_to_data(cells.data_to_world(place))[-2:]
        assert np.allclose(pixel, (table.y[row], table.x[row]), atol=0.5)


def test_4_back_looks_where_the_user_had_looked(window: Window, qtbot: Any) -> None:
    view = window.open("Pairs")
    index, camera = window.session.project.index(TRAINING), window.viewer.scene.camera
    first, second = int(frame_rows(index, 0, 1)[0]), int(frame_rows(index, 1, 4)[0])
    window.visit(first)
    camera.zoom = 4.25
    camera.center = (0.0, camera.center[1] + 3.5, camera.center[2] - 2.0)
    window.viewer.dims.set_current_step(0, 5)
    there = window.viewer.dims.point, camera.center, window.hub.context.shown
    window.visit(second)
    camera.zoom = 2.0
    assert window.hub.context.shown != there[2]
    qtbot.mouseClick(view.buttons.by_name["back"], LEFT)
    window.idle()
    assert (window.viewer.dims.point, camera.center, window.hub.context.shown) == there
    assert camera.zoom == 4.25


def test_6_slider_and_tree_move_each_other_once(window: Window) -> None:
    view = window.open("Lineage")
    window.visit(int(frame_rows(window.session.project.index(TRAINING), 0, 1)[0]))
    steps: list[int] = []
    window.viewer.dims.events.current_step.connect(lambda event: steps.append(event.value[0]))
    window.viewer.dims.set_current_step(0, 3)
    window.idle()
    assert view.canvas._time.value() == 3
    assert set(steps) == {3}
    steps.clear()
    node = int(np.flatnonzero(view._layout.frame != 3)[0])
    view.canvas.clicked.emit(node)
    window.idle()
    frame = int(view._layout.frame[node])
    assert window.viewer.dims.current_step[0] == frame == view.canvas._time.value()
    assert set(steps) == {frame}


def held(view: QWidget, key: Qt.Key) -> None:
    """A key press as Qt repeats it while the key is held."""
    text = chr(int(key)).lower()
    event = QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier, text, True)
    QApplication.sendEvent(view, event)


def test_8_held_keys_step_and_do_nothing_else(window: Window) -> None:
    view = window.open("Pairs")
    for number in (1, 2, 3):
        held(view, Qt.Key.Key_J)
        window.idle()
        assert window.session.request == PairRequest(0, 0, number)
    mode = view.mode.currentText()
    for key in (Qt.Key.Key_N, Qt.Key.Key_Q, Qt.Key.Key_H):
        held(view, key)
        window.idle()
    assert window.session.request == PairRequest(0, 0, 3)
    assert view.mode.currentText() == mode


def test_8_keys_need_the_focus(window: Window, qtbot: Any) -> None:
    project, _ = window.open("Project"), window.open("Pairs")
    before = window.session.request, window.session.cell
    mine = window.viewer.add_points(np.zeros((1, 4)), name="mine")
    window.viewer.layers.selection = {mine}
    canvas = window.viewer.window._qt_viewer.canvas.native
    for key in "JKNQGWU":
        qtbot.keyClick(canvas, getattr(Qt.Key, f"Key_{key}"))
    qtbot.keyClicks(project.line, "jknqgwu")
    assert project.line.text().endswith("jknqgwu")
    assert (window.session.request, window.session.cell) == before


def test_9_a_mark_is_undone_anywhere(make_napari_viewer: Any, qtbot: Any, own_project: Project) -> None:
    from napari._app_model import get_app_model

    window = Window(make_napari_viewer(show=True), qtbot, own_project)
    view = window.open("Curation")
    file = own_project.path.parent
    window.session.select(Cell(TRAINING, int(own_project.index(TRAINING).anchor_rows[0])))
    window.idle()

    def run(name: str) -> None:
        get_app_model().commands.execute_command(f"{PLUGIN}.{name}").result()
        window.idle()

    def lines() -> int:
        found = list(file.rglob("curation.csv"))
        return len(found[0].read_text().splitlines()) - 1 if found else 0

    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_2)
    window.idle()
    assert view.total.text() == "1 mark, 1 to apply"
    assert lines() == 1
    run("curation_undo")
    assert view.total.text() == "0 marks"
    assert lines() == 0
    run("curation_redo")
    assert lines() == 1
    qtbot.mouseClick(view.header["undo"], LEFT)
    window.idle()
    assert lines() == 0


def test_10_drag_pans_wheel_zooms_and_a_click_selects(window: Window, qtbot: Any) -> None:
    window.open("Pairs")
    index, camera = window.session.project.index(TRAINING), window.viewer.scene.camera
    first, other = (int(row) for row in frame_rows(index, 0, 2)[:2])
    window.visit(first)
    window.hub.context.follow = False
    window.session.select(Cell(TRAINING, other))
    window.idle()
    window.viewer.layers.selection = {window.layer("cells")}
    window.viewer.dims.set_point(0, 2.0)
    layer = window.layer("cells")
    place = layer.data_to_world((2.0, 0.0, index.table.y[first], index.table.x[first]))
    camera.center = (0.0, place[-2], place[-1])
    canvas = window.viewer.window._qt_viewer.canvas.native
    qtbot.waitExposed(canvas)
    QApplication.processEvents()
    middle = canvas.rect().center()
    qtbot.mouseClick(canvas, LEFT, pos=middle)
    window.idle()
    assert window.session.cell == Cell(TRAINING, first)
    camera.center = (0.0, place[-2], place[-1])
    before, frame = camera.center, window.viewer.dims.point[0]
    window.session.select(Cell(TRAINING, other))
    window.idle()
    camera.center = before
    qtbot.mousePress(canvas, LEFT, pos=middle)
    for step in range(1, 6):
        qtbot.mouseMove(canvas, middle + QPoint(12 * step, 8 * step))
    qtbot.mouseRelease(canvas, LEFT, pos=middle + QPoint(60, 40))
    QApplication.processEvents()
    assert camera.center != before
    assert window.session.cell == Cell(TRAINING, other)
    zoom = camera.zoom
    turn_wheel(canvas, middle, 120)
    QApplication.processEvents()
    assert camera.zoom > zoom
    assert window.viewer.dims.point[0] == frame


def test_10_a_click_selects_whichever_layer_of_ours_is_chosen(window: Window, qtbot: Any) -> None:
    window.open("Project")
    window.hub.context.show_fov(TRAINING, 0)
    window.idle()
    index, camera = window.session.project.index(TRAINING), window.viewer.scene.camera
    frame = window.viewer.dims.current_step[0]
    rows = frame_rows(index, 0, frame)[:2].tolist()
    canvas = window.viewer.window._qt_viewer.canvas.native
    qtbot.waitExposed(canvas)
    for row, role in zip(rows, ("image 0", "tracks"), strict=True):
        window.viewer.layers.selection = {window.layer(role)}
        place = window.layer("cells").data_to_world((frame, 0.0, index.table.y[row], index.table.x[row]))
        camera.center = (0.0, place[-2], place[-1])
        QApplication.processEvents()
        qtbot.mouseClick(canvas, LEFT, pos=canvas.rect().center())
        window.idle()
        assert window.session.cell == Cell(TRAINING, row)


def test_11_and_12_long_work_has_a_bar_and_the_newest_wins(make_napari_viewer: Any, qtbot: Any) -> None:
    from napari.utils import progress

    make_napari_viewer()
    jobs, gate, done = Jobs(), threading.Event(), []
    told: list[str] = []

    def slow(tell: Any) -> str:
        while not gate.wait(0.02):
            tell("part", 1, 3)
        return "old"

    def bars() -> int:
        return sum("long work" in str(bar.desc) for bar in progress._all_instances)

    jobs.start("long work", slow, done.append)
    qtbot.waitUntil(lambda: bars() == 1, timeout=5_000)
    jobs.start("long work", lambda tell: "new", done.append)
    qtbot.waitUntil(lambda: done == ["new"])
    qtbot.waitUntil(lambda: len(jobs._workers) == 0, timeout=1_000)
    assert bars() == 0
    start = time.monotonic()
    jobs.start("long work", slow, done.append, told.append)
    jobs.cancel("long work")
    assert not jobs.running("long work")
    qtbot.waitUntil(lambda: len(jobs._workers) == 0, timeout=1_000)
    assert time.monotonic() - start < 1
    assert done == ["new"]
    assert told == []
    jobs.close()


def test_13_an_error_names_its_file_and_the_dock_goes_on(
    make_napari_viewer: Any, qtbot: Any, sample_training: Path, tmp_path: Path
) -> None:
    window = Window(make_napari_viewer(show=True), qtbot)
    panel = window.open("Project")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(sample_training.read_text().replace("batch_size", "batch_sise"))
    for path, said in ((wrong, "batch_sise"), (sample_training, str(sample_training))):
        panel.line.setText(str(path))
        qtbot.keyClick(panel.line, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda said=said: said in panel.state.text(), timeout=60_000)
        assert str(path) in panel.state.text()
        assert "Traceback" not in panel.state.text()
        window.idle()
        assert not panel.cancel.isEnabled()
    assert window.session.project is not None
    assert panel.state.label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse


def test_16_pixels_stay_on_disk_and_sources_as_they_are(window: Window, synthetic_source: Path) -> None:
    def state() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in synthetic_source.parent.rglob("*.zarr/**/*")}

    before = state()
    for name in DOCKS:
        window.open(name)
    for fov in (0, 1):
        window.hub.context.show_fov(TRAINING, fov)
        window.idle()
    images = [layer for layer in window.own() if layer.metadata["dynaclr"].startswith("image")]
    assert images
    for layer in images:
        levels = layer.data if layer.multiscale else [layer.data]
        assert not any(isinstance(level, np.ndarray) for level in levels)
    assert before == state() != {}


def test_17_the_hash_is_that_of_the_training(
    window: Window, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspector = window.session.project.inspector
    pairs, batches = window.open("Pairs"), window.open("Batches")
    seed = inspector.sampler.seed

    def settled(words: str, number: int) -> None:
        digest = inspector.digest(0, number)["sha256"][:8]
        text = f"seed {seed}, epoch 0, batch {number}, rank 0 of 1; hash {digest}"
        qtbot.waitUntil(lambda: pairs.name.text() == text, timeout=60_000)
        qtbot.waitUntil(lambda: f"hash {digest}" in batches.address.about.text(), timeout=60_000)
        assert f"seed {seed}, epoch 0, batch {number} of " in batches.address.about.text()
        assert words in batches.address.about.text()

    settled("rank 0 of 1", 0)
    gate, digest = threading.Event(), type(inspector).digest
    monkeypatch.setattr(
        type(inspector), "digest", lambda self, *where: (gate.wait(60), digest(self, *where))[1]
    )
    window.session.ask(PairRequest(0, 1, 0))
    qtbot.waitUntil(lambda: window.hub.jobs.running(HASHING), timeout=60_000)
    assert pairs.name.text().endswith("batch 1, rank 0 of 1; hash ...")
    qtbot.keyClick(pairs, Qt.Key.Key_J)
    assert window.session.request == PairRequest(0, 1, 1)
    batches.address.world.setValue(2)
    window.session.ask(PairRequest(0, 3, 0))
    gate.set()
    monkeypatch.undo()
    settled("rank 1 of 2", 3)
    assert batches.address.batch.value() == 1
    for label in (pairs.name, batches.address.about):
        assert label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
    qtbot.keyClick(pairs, Qt.Key.Key_Q)
    window.idle()
    assert "drawn alone" in pairs.name.text()


def test_18_every_dock_fits_explains_itself_and_follows_the_font(window: Window) -> None:
    from napari.settings import get_settings

    appearance = get_settings().appearance
    unexplained, tall = [], {}
    views = {}
    for name in DOCKS:
        dock = window.viewer.window.add_plugin_dock_widget(PLUGIN, name)[1]
        window.idle()
        view = views[name] = dock
        smallest = view.minimumSizeHint()
        if smallest.width() > 400 or smallest.height() > 640:
            tall[name] = (smallest.width(), smallest.height())
        for fold in view.findChildren(Fold):
            fold.head.setChecked(True)
        never = Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        for area in view.findChildren(QScrollArea):  # what is wider would be cut off unseen
            if area.horizontalScrollBarPolicy() == never and area.widget().minimumSizeHint().width() > 315:
                tall[f"{name}, {type(area).__name__}"] = (area.widget().minimumSizeHint().width(), 0)
        for kind in (QPushButton, QAbstractSpinBox, QComboBox, QCheckBox, QLineEdit):
            for widget in view.findChildren(kind):
                here, text = widget, ""
                while here is not None and here is not view and not text:
                    text, here = here.toolTip(), here.parentWidget()
                if not text:
                    words = getattr(widget, "text", str)()
                    unexplained.append(f"{name}: {type(widget).__name__} {words}")
    assert tall == {}
    assert unexplained == []

    def heights() -> dict[str, int]:
        """Of the letters on a button of each dock."""
        found = {}
        for name, view in views.items():
            made = view.findChildren(QPushButton)[0]
            made.ensurePolished()
            found[name] = made.fontMetrics().height()
        return found

    sizes = heights()
    before = appearance.font_size
    try:
        appearance.font_size = before + 6
        QApplication.processEvents()
        after = heights()
    finally:
        appearance.font_size = before
    assert [name for name in DOCKS if after[name] <= sizes[name]] == []


def test_19_sample_data_open_by_one_click_and_have_features(make_napari_viewer: Any, qtbot: Any) -> None:
    window = Window(make_napari_viewer(show=True), qtbot)
    window.viewer.open_sample(PLUGIN, "synthetic")
    qtbot.waitUntil(lambda: window.session.project is not None, timeout=60_000)
    window.idle()
    qtbot.waitUntil(lambda: any(x.metadata["dynaclr"] == "cells" for x in window.own()), timeout=60_000)
    for role, columns in (("cells", {"row", "track_id"}), ("tracks", {"track_id"})):
        features = window.layer(role).features
        assert columns <= set(features.columns)
        assert len(features) == len(window.layer(role).data)


def test_20_the_folder_one_is_in_stays_empty(
    make_napari_viewer: Any,
    qtbot: Any,
    sample_project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    window = Window(make_napari_viewer(show=True), qtbot, sample_project)
    for name in DOCKS:
        window.open(name)
    window.visit(0)
    window.viewer.close()
    assert os.listdir(here) == []


@pytest.mark.parametrize("name", DOCKS)
def test_8_a_dock_that_is_opened_has_the_keys_and_the_tab_key_goes_on(
    window: Window, qtbot: Any, name: str
) -> None:
    frame = window.viewer.window._qt_window  # it may be inactive: other processes have windows on this screen
    window.visit(int(window.session.project.index(TRAINING).anchor_rows[0]))
    view = window.open(name)

    def inside() -> bool:
        now = frame.focusWidget()
        return now is not None and (now is view or view.isAncestorOf(now))

    qtbot.waitUntil(inside)
    seen: list[QWidget | None] = []
    while inside():
        now = frame.focusWidget()
        assert now not in seen
        seen.append(now)
        qtbot.keyClick(now, Qt.Key.Key_Tab)
        assert frame.focusWidget() is not now


def test_18_the_arrows_of_the_batch_cover_nothing(window: Window) -> None:
    address = window.open("Batches").address
    frame = window.viewer.window._qt_window
    frame.resize(1366, 768)
    dock = next(dock for dock in frame.findChildren(QDockWidget) if dock.isAncestorOf(address))
    frame.resizeDocks([dock], [1], Qt.Orientation.Horizontal)
    QApplication.processEvents()
    assert address.back.geometry().right() < address.batch.geometry().left()
    assert address.batch.geometry().right() < address.on.geometry().left()


def test_18_numbers_of_the_pair_can_be_read(window: Window) -> None:
    view = window.open("Pairs")
    frame = window.viewer.window._qt_window
    frame.resize(1366, 768)
    dock = next(dock for dock in frame.findChildren(QDockWidget) if dock.isAncestorOf(view))
    frame.resizeDocks([dock], [1], Qt.Orientation.Horizontal)
    QApplication.processEvents()
    assert dock.width() < 360
    for spin in (view.address.epoch, view.address.batch, view.address.place, view.address.slice):
        spin.setMaximum(9999)
        line, option = spin.lineEdit(), QStyleOptionFrame()
        option.initFrom(line)
        room = line.style().subElementRect(QStyle.SubElement.SE_LineEditContents, option, line).width()
        assert room - 2 * _LINE_MARGIN >= spin.fontMetrics().horizontalAdvance("9999")
