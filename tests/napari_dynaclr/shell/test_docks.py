"""The docks in a real viewer, with real clicks and keys."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt, QTimer
from tests.support.viewer import PLUGIN, Window

from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.embedding.table import EmbeddingWriter
from napari_dynaclr.keys.pair import PAIR_ACTIONS
from napari_dynaclr.shell.hub import hub_of
from napari_dynaclr.state.cells import identity_of
from napari_dynaclr.state.project import TRAINING, Cell, Project, reopened
from napari_dynaclr.state.session import PairRequest


@pytest.fixture
def opened(make_napari_viewer: Any, qtbot: Any, sample_project: Project) -> Any:
    return lambda *names: Window(make_napari_viewer(show=True), qtbot, sample_project, *names)


def test_a_path_that_is_typed_is_opened(
    make_napari_viewer: Any, qtbot: Any, sample_training: Path, own_memory: Path, tmp_path: Path
) -> None:
    from napari.utils.notifications import notification_manager

    viewer = make_napari_viewer(show=True)
    panel = viewer.window.add_plugin_dock_widget(PLUGIN, "Project")[1].content
    panel.line.setText("")
    qtbot.keyClicks(panel.line, f' "{sample_training}" ')
    qtbot.keyClick(panel.line, Qt.Key.Key_Return)
    assert panel.cancel.isEnabled()
    qtbot.waitUntil(lambda: panel.table.rowCount() > 0, timeout=60_000)
    said = [panel.table.item(row, 0).text() for row in range(panel.table.rowCount())]
    assert said[0] == "dengue_june"
    assert "dengue_june (held out)" in said
    assert str(sample_training) in panel.state.text()
    assert str(sample_training) in own_memory.read_text()
    assert panel.fov.count() == 8
    qtbot.waitUntil(lambda: "cells" in [x.metadata.get("dynaclr") for x in viewer.layers], timeout=60_000)
    assert viewer.layers[0].name == "dynaclr: dengue_june A/1/1 SEC61-GFP"

    project = hub_of(viewer).session.project
    panel.line.setText(str(tmp_path / "none.yaml"))
    qtbot.keyClick(panel.line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "nothing there" in panel.state.text(), timeout=60_000)
    assert any("none.yaml" in item.message for item in notification_manager.records)
    assert hub_of(viewer).session.project is project
    panel.line.setText(str(sample_training))
    qtbot.keyClick(panel.line, Qt.Key.Key_Return)
    qtbot.mouseClick(panel.cancel, Qt.MouseButton.LeftButton)
    assert not panel.cancel.isEnabled()
    assert hub_of(viewer).session.project is project


def test_pairs_are_walked_with_keys_and_buttons(opened: Any, qtbot: Any) -> None:
    at = opened("Pairs", "Lineage")
    view, session, project = at.docks["Pairs"], at.hub.session, at.hub.session.project
    inspector = project.inspector

    def shown() -> tuple[int, int]:
        at.idle()
        pair = inspector.pair(session.request.epoch, session.request.batch, session.request.place)
        assert np.array_equal(view._patches["augmented (network input)"][0], pair.anchor.seen)
        assert np.array_equal(view._patches["augmented (network input)"][1], pair.positive.seen)
        assert np.array_equal(view._patches["raw"][1], pair.positive.raw)
        assert session.cell == Cell(TRAINING, int(pair.anchor_meta["row"]))
        return session.request.batch, session.request.place

    assert shown() == (0, 0)
    view.setFocus()
    for _ in range(3):
        qtbot.keyClick(view, Qt.Key.Key_J)
        at.idle()
    assert shown() == (0, 3)
    qtbot.mouseClick(view.buttons.by_name["previous"], Qt.MouseButton.LeftButton)
    assert shown() == (0, 2)
    view.address.batch.setValue(4)
    assert shown() == (4, 2)
    session.ask(PairRequest(0, 3, project.pipeline.config.sampling.batch_size - 1))
    at.idle()
    qtbot.keyClick(view, Qt.Key.Key_J)
    assert shown() == (4, 0)
    qtbot.keyClick(view, Qt.Key.Key_H)
    assert view.mode.currentText() == "normalized"
    qtbot.keyClick(view, Qt.Key.Key_N)
    at.idle()
    assert session.request not in (PairRequest(0, 4, 0), PairRequest(0, 4, 1))
    before = session.cell
    qtbot.keyClick(view, Qt.Key.Key_U)
    assert session.cell != before
    qtbot.keyClick(view, Qt.Key.Key_U, Qt.KeyboardModifier.ShiftModifier)
    assert session.cell == before
    qtbot.keyClick(view, Qt.Key.Key_G)
    at.idle()
    assert session.request.anchor is not None
    assert session.cell == before
    assert not view.address.epoch.isEnabled()
    assert all(action.shortcut in view.buttons.by_name[action.name].toolTip() for action in PAIR_ACTIONS)


def test_data_that_are_set_up_again_leave_the_selected_cell(opened: Any) -> None:
    at = opened("Pairs")
    session = at.hub.session
    anchor = session.cell
    other = next(
        Cell(TRAINING, int(row))
        for row in session.project.index(TRAINING).anchor_rows[::-1]
        if int(row) != anchor.row
    )
    session.visit(other)
    at.idle()
    session.project = reopened(session.project)
    at.idle()
    assert session.cell == other
    assert at.docks["Pairs"]._rows[0] == anchor.row
    session.ask(PairRequest(0, 0, 1))
    at.idle()
    session.ask(PairRequest(0, 0, 0))
    at.idle()
    assert session.cell == anchor


def test_the_image_shows_the_pair_and_a_click_selects_a_cell(opened: Any, qtbot: Any) -> None:
    at = opened("Pairs", "Lineage")
    session, index = at.hub.session, at.hub.session.project.index(TRAINING)
    at.idle()
    pair = at.hub.session.project.inspector.pair(0, 0, 0)
    rows = [int(meta["row"]) for meta in (pair.anchor_meta, pair.positive_meta)]
    edges = at.layer("pair").data
    assert edges[:, 0, 0].tolist() == np.repeat(index.table.t[rows], 4).tolist()
    assert at.viewer.dims.current_step[0] == index.table.t[rows[0]]
    lineage = at.docks["Lineage"]
    assert lineage._selected == rows[0]
    assert set(lineage._chances) == {lineage._layout.node_of(row) for row in pair.candidates.rows.tolist()}

    at.viewer.dims.set_current_step(0, 3)
    cells = at.layer("cells")
    assert np.array_equal(cells.data[:, 0], index.table.t[cells.features["row"]])
    assert np.array_equal(cells.data[:, 2], index.table.y[cells.features["row"]])
    of_frame = cells.data[cells.data[:, 0] == 3]
    rows = cells.features["row"][cells.data[:, 0] == 3].tolist()
    center = at.viewer.scene.camera.center
    at.hub.context.picker.pick(of_frame[1] + [0, 0, 1.0, -1.0])
    at.idle()
    picked = Cell(TRAINING, rows[1])
    assert session.cell == picked
    assert at.viewer.scene.camera.center == center
    assert at.layer("selected").data.tolist() == [of_frame[1].tolist()]
    assert session.request == PairRequest(0, 0, 0, identity_of(at.hub.session.project, picked))
    assert at.docks["Pairs"]._rows[0] == picked.row
    at.hub.context.picker.pick([3.0, 0.0, -500.0, -500.0])
    assert session.cell == Cell(TRAINING, rows[1])
    lineage.setFocus()
    qtbot.keyClick(lineage, Qt.Key.Key_J)
    at.idle()
    assert int(index.table.t[session.cell.row]) > 3
    assert at.viewer.dims.current_step[0] == int(index.table.t[session.cell.row])


def test_other_layers_and_the_users_choices_are_left_alone(opened: Any, qtbot: Any) -> None:
    at = opened("Project")
    mine = at.viewer.add_labels(np.zeros((4, 4), dtype=int), name="mine")
    image = at.layer("image 0")
    image.colormap, image.name = "magma", "renamed"
    names = [layer.name for layer in at.viewer.layers]
    panel = at.docks["Project"]
    panel.fov_chosen.emit(TRAINING, 1)
    assert mine in at.viewer.layers
    assert at.layer("image 0").colormap.name == "magma"
    assert len(at.viewer.layers) == len(names)
    assert at.hub.context.shown == (TRAINING, 1)
    at.viewer.layers.remove(at.layer("cells"))
    panel.fov_chosen.emit(TRAINING, 1)
    at.idle()
    assert len(at.layer("cells").data)
    for name in ("validity", "hours", "lineage", "condition"):
        panel.colour.setCurrentText(name)
        assert at.hub.context.colour_by == name
    panel.follow.setChecked(False)
    at.hub.session.select(Cell(TRAINING, 0))
    assert at.hub.context.shown == (TRAINING, 1)


def test_a_track_that_is_typed_is_selected(opened: Any, qtbot: Any) -> None:
    from napari.utils.notifications import notification_manager

    at = opened("Project")
    panel, index = at.docks["Project"], at.hub.session.project.index(TRAINING)
    track = int(index.table.track_id[index.table.track_fov == 0][-1])
    rows = np.flatnonzero((index.table.fov_of() == 0) & (index.table.track_id[index.table.track] == track))
    qtbot.keyClicks(panel.track, str(track))
    qtbot.keyClick(panel.track, Qt.Key.Key_Return)
    assert at.hub.session.cell == Cell(TRAINING, int(rows[0]))
    panel.track.setText(f"{track} @ {index.table.t[rows[-1]]}")
    qtbot.keyClick(panel.track, Qt.Key.Key_Return)
    assert at.hub.session.cell == Cell(TRAINING, int(rows[-1]))
    for wrong in ("abc", "9999", f"{track} @ 99", "-1"):
        panel.track.setText(wrong)
        qtbot.keyClick(panel.track, Qt.Key.Key_Return)
        assert wrong.split()[0] in notification_manager.records[-1].message
    assert at.hub.session.cell == Cell(TRAINING, int(rows[-1]))


def test_the_image_has_the_keys_of_the_tree(opened: Any, qtbot: Any) -> None:
    at = opened("Project")
    index = at.hub.session.project.index(TRAINING)
    row = int(index.anchor_rows[0])
    at.hub.session.select(Cell(TRAINING, row))
    at.idle()
    at.viewer.layers.selection = {at.layer("cells")}
    canvas = at.viewer.window._qt_viewer.canvas.native
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_J)
    assert at.hub.session.cell.row != row
    at.idle()
    qtbot.keyClick(canvas, Qt.Key.Key_K)
    assert at.hub.session.cell == Cell(TRAINING, row)
    at.idle()
    at.viewer.layers.selection = {at.layer("image 0")}
    qtbot.keyClick(canvas, Qt.Key.Key_J)
    assert at.hub.session.cell == Cell(TRAINING, row)


def test_nothing_is_lost_when_a_dock_is_closed_and_opened_again(opened: Any, qtbot: Any) -> None:
    at = opened("Pairs", "Lineage")
    at.hub.session.ask(PairRequest(1, 2, 3))
    at.idle()
    for _ in range(3):
        at.viewer.window.remove_dock_widget(at.docks["Pairs"].parent())
        view = at.viewer.window.add_plugin_dock_widget(PLUGIN, "Pairs")[1].content
        at.docks["Pairs"] = view
        at.idle()
        numbers = view.address
        assert (numbers.epoch.value(), numbers.batch.value(), numbers.place.value()) == (1, 2, 3)
        assert view._patches
    at.viewer.theme = "light"
    assert view._colors.background == at.docks["Lineage"]._colors.background


def test_the_event_loop_is_never_blocked_for_long(opened: Any, qtbot: Any) -> None:
    """A step gives the loop back at once, and a timer ticks while the image follows."""
    at = opened("Pairs", "Lineage")
    view = at.docks["Pairs"]
    ticks: list[float] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    spent: list[float] = []
    timer.start(5)
    for _ in range(8):
        start = time.thread_time()
        view.action_requested.emit("next")
        spent.append(time.thread_time() - start)
        at.idle()
    timer.stop()
    assert len(ticks) > 8
    assert np.median(spent) < 0.05


def test_a_run_says_whether_its_batches_are_these(
    opened: Any, qtbot: Any, sample_project: Project, tmp_path: Path
) -> None:
    from dynaclr.base.files import write_json_atomically

    at = opened("Project", "Pairs")
    inspector = sample_project.inspector
    (tmp_path / "previews").mkdir()
    (tmp_path / "run.json").write_text("{}")
    file = tmp_path / "previews" / "epoch=0-batch=1.json"
    write_json_atomically(file, inspector.digest(0, 1))
    at.docks["Project"].attach_requested.emit(str(tmp_path))
    qtbot.waitUntil(lambda: "identical to run" in at.docks["Pairs"].same.text(), timeout=60_000)
    write_json_atomically(file, inspector.digest(0, 1) | {"sha256": "x"})
    at.docks["Project"].attach_requested.emit(str(tmp_path))
    qtbot.waitUntil(lambda: "NOT the batches" in at.docks["Pairs"].same.text(), timeout=60_000)


def test_a_run_shows_its_embedding(opened: Any, qtbot: Any, sample_project: Project, tmp_path: Path) -> None:
    dataset: MultiExperimentTripletDataset = sample_project.pipeline.predict_dataset()
    features = np.random.Generator(np.random.Philox(key=0)).random((len(dataset), 4), dtype=np.float32)
    with EmbeddingWriter(tmp_path / "embedding.parquet") as writer:
        writer.write(features, features[:, :2], dataset.identities(dataset.rows))
    (tmp_path / "run.json").write_text("{}")
    at = opened("Project")
    at.docks["Project"].attach_requested.emit(str(tmp_path))
    qtbot.waitUntil(
        lambda: "embedding" in [x.metadata.get("dynaclr") for x in at.viewer.layers], timeout=60_000
    )
    index = sample_project.index(TRAINING)
    assert len(at.layer("embedding").data) == np.count_nonzero(index.table.fov_of() == 0)


def test_candidates_are_walked_by_keys(opened: Any, qtbot: Any) -> None:
    at = opened("Pairs")
    view = at.docks["Pairs"]
    bars, asked = view.bars, []
    rows, drawn = bars._rows.tolist(), bars._drawn
    assert len(rows) > 1
    bars.row_clicked.connect(asked.append)
    bars.setFocus()
    qtbot.keyClick(bars, Qt.Key.Key_Return)
    assert not asked
    qtbot.keyClick(bars, Qt.Key.Key_Right)
    qtbot.keyClick(bars, Qt.Key.Key_Return)
    assert asked == [drawn]
    at.idle()
    for key, expected in ((Qt.Key.Key_Left, rows[0]), (Qt.Key.Key_Right, rows[-1])):
        for _ in rows:
            qtbot.keyClick(bars, key)
        qtbot.keyClick(bars, Qt.Key.Key_Return)
        assert asked[-1] == expected
    place = view.address.place.value()
    qtbot.keyClick(bars, Qt.Key.Key_J)
    assert view.address.place.value() != place


def test_candidates_and_patches_answer_the_mouse(opened: Any, qtbot: Any) -> None:
    at = opened("Pairs")
    view, session = at.docks["Pairs"], at.hub.session
    view.resize(360, 640)
    bar = view.bars.bars()[-1]
    row = int(view.bars._rows[-1])
    qtbot.mouseClick(view.bars, Qt.MouseButton.LeftButton, pos=QPoint(bar.center().x(), bar.bottom() - 1))
    assert session.cell == Cell(TRAINING, row)
    place = view.grid.cell(1, 0).center()
    qtbot.mouseDClick(view.grid, Qt.MouseButton.LeftButton, pos=place)
    assert session.cell == Cell(TRAINING, view._rows[1])


def test_two_viewers_share_nothing(make_napari_viewer: Any, qtbot: Any, sample_project: Project) -> None:
    first = Window(make_napari_viewer(), qtbot, sample_project, "Pairs")
    second = hub_of(make_napari_viewer())
    assert second.session.project is None
    assert second is not first.hub


STARTING = """
import sys, time, warnings
import napari
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

viewer = napari.Viewer(show=True)
QApplication.processEvents()
start = time.perf_counter()
docks = [viewer.window.add_plugin_dock_widget("napari-dynaclr", name)[1] for name in ("Pairs", "Project")]
opened = time.perf_counter() - start
assert all(dock.content is None for dock in docks), "filled at once: nothing was left to import"
got, gaps, last = [], [], time.perf_counter()
for dock in docks:
    dock.then(got.append)
end = last + 120
while len(got) < 2 and time.perf_counter() < end:
    QApplication.processEvents()
    gaps.append(time.perf_counter() - last)
    last = time.perf_counter()
    time.sleep(0.001)
QApplication.processEvents()
assert [type(dock.content).__name__ for dock in docks] == ["_Pair", "_Project"], got
assert {dock.content for dock in docks} == set(got)
assert all(dock.layout().count() == 1 and dock.content.isVisibleTo(dock) for dock in docks)
assert "lightning" not in sys.modules and "triton" not in sys.modules
late = viewer.window.add_plugin_dock_widget("napari-dynaclr", "Lineage")[1]
assert late.content is not None
print(f"total {last - start:.3f} longest {max(gaps):.3f}")
viewer.close()
"""


@pytest.mark.slow
def test_a_dock_opens_at_once_and_is_filled_when_its_libraries_are_read(own_memory: Path) -> None:
    done = subprocess.run([sys.executable, "-c", STARTING], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    total, longest = (float(word) for word in done.stdout.split()[1::2])
    assert longest < max(1.0, total / 3), done.stdout
