"""The dock of embeddings in a real viewer, with real clicks, and once with a real run."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from tests.napari_dynaclr.widgets.test_scatter_plot import drag, on_screen
from tests.support.embedded import write_embedding
from tests.support.viewer import PLUGIN, Window, messages

from dynaclr.base import keys
from dynaclr.embedding.neighbors import NeighborSearch
from dynaclr.embedding.table import Space
from dynaclr.options.spec import RunSpec
from dynaclr.runs.record.layout import RunFolder
from napari_dynaclr.state.embedding import COLOUR_BY, LAYOUTS
from napari_dynaclr.state.project import TRAINING, Project, open_project
from napari_dynaclr.views.embedding import EmbeddingView


class Exploring(Window):
    """A viewer with the dock of embeddings."""

    def __init__(self, viewer: Any, qtbot: Any, project: Project | None) -> None:
        super().__init__(viewer, qtbot)
        self.model = self.hub.embedding.model
        self.view: EmbeddingView = self.dock("Embedding")
        self.session.project = project

    def idle(self) -> None:
        image = self.hub.embedding_image
        self.until(lambda: not (self.hub.jobs._jobs or self.hub.context.busy or image._waiting))

    def embedded(self) -> Any:
        return next((x for x in self.viewer.layers if x.metadata.get("dynaclr") == "embedding"), None)

    def point_of(self, number: int) -> QPoint:
        return on_screen(self.view.scatter, *self.model.points[number].tolist())

    def point(self, number: int) -> None:
        target = self.view.scatter.plot.viewport()
        QTest.mouseClick(
            target, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, self.point_of(number)
        )


@pytest.fixture
def exploring(make_napari_viewer: Any, qtbot: Any) -> Any:
    return lambda project=None: Exploring(make_napari_viewer(show=True), qtbot, project)


@pytest.fixture
def explored(exploring: Any, sample_project: Project, tmp_path: Path) -> Exploring:
    """An embedding of every third cell that is shown."""
    write_embedding(sample_project, tmp_path / "some.parquet", every=3)
    at: Exploring = exploring(sample_project)
    at.hub.context.show_fov(TRAINING, 0)
    at.hub.embedding.load(tmp_path / "some.parquet")
    at.until(lambda: at.model.points is not None)
    at.idle()
    return at


def test_colors_of_the_plot_are_those_of_the_image(explored: Exploring) -> None:
    at, atlas = explored, explored.model.atlas
    assert at.view.pages.currentIndex() == 1
    assert f"{len(atlas)} cells, 6 features" in at.view.state.text()
    index = at.hub.session.project.index(TRAINING)
    numbers = atlas.in_fov("dengue_june", index.fovs[0].layout.name)
    assert at.embedded().features["number"].tolist() == numbers.tolist()
    seen = atlas.table.observations.iloc[numbers]
    assert np.array_equal(at.embedded().data[:, [0, 2, 3]], seen[[keys.T, keys.Y, keys.X]].to_numpy())
    for name in ("hours", "experiment", "lineage", "PCA 2", "cluster", "condition"):
        at.view.choices.colours.setCurrentText(name)
        at.view.choices.colours.activated.emit(0)
        at.until(lambda: at.model.colouring is not None)
        at.idle()
        codes = at.model.colouring.codes[numbers]
        colors = [tuple(color) for color in np.round(at.embedded().face_color, 4)]
        assert len(set(zip(codes.tolist(), colors, strict=True))) == len(set(codes.tolist()))
        assert at.view.legend.text()
    assert at.view.choices.groups.isHidden()
    at.hub.context.show_fov(TRAINING, 1)
    at.idle()
    assert set(at.embedded().features["number"]).isdisjoint(numbers)
    at.viewer.layers.remove(at.embedded())
    at.model.choose(colour_by="hours")
    at.idle()
    assert at.embedded() is not None


def test_a_click_goes_to_the_cell_and_draws_its_path(explored: Exploring, qtbot: Any) -> None:
    at, atlas, session = explored, explored.model.atlas, explored.hub.session
    number = int(np.argmax(at.model.points[:, 0]))  # stands alone
    at.point(number)
    assert session.cell == atlas.cell(number)
    at.idle()
    cell = atlas.cell(number)
    assert at.hub.context.shown == (cell.part, int(session.project.index(cell.part).table.fov_of()[cell.row]))
    mine, _ = atlas.path_of(number)
    assert np.allclose(np.column_stack(at.view.scatter._track.getData()), at.model.points[mine])
    assert at.view.scatter._cell.data["x"].tolist() == [pytest.approx(float(at.model.points[number, 0]))]
    other = int(np.argmin(at.model.points[:, 0]))
    session.select(atlas.cell(other))
    assert at.view.number == other
    at.view.setFocus()
    at.view.scatter._box.translateBy(x=100.0, y=0.0)
    qtbot.keyClick(at.view, Qt.Key.Key_G)
    (left, right), _ = at.view.scatter._box.viewRange()
    assert (left + right) / 2 == pytest.approx(float(at.model.points[other, 0]), abs=1e-6)
    qtbot.keyClick(at.view, Qt.Key.Key_G, Qt.KeyboardModifier.ShiftModifier)
    (left, right), _ = at.view.scatter._box.viewRange()
    assert left < at.model.points[:, 0].min() < at.model.points[:, 0].max() < right
    qtbot.keyClick(at.view, Qt.Key.Key_U)
    assert session.cell == atlas.cell(number)
    qtbot.keyClick(at.view, Qt.Key.Key_H)
    assert at.model.look.colour_by == "hours"


def test_cells_selected_in_the_image_are_selected_in_the_plot(explored: Exploring) -> None:
    at, layer = explored, explored.embedded()
    numbers = layer.features["number"].to_numpy()
    layer.selected_data = {0, 2}  # as napari's tools do: a click or a box replaces, with shift they add
    at.until(lambda: at.model.selected.tolist() == sorted(numbers[[0, 2]].tolist()))
    assert at.view.selected.count.text() == "<b>2 cells in 1 FOV</b>"
    assert layer.face_color[0, 3] > layer.face_color[1, 3]
    layer.selected_data.add(1)
    at.until(lambda: at.model.selected.size == 3)
    assert set(layer.selected_data) == {0, 1, 2}
    elsewhere = int(np.setdiff1d(np.arange(len(at.model.atlas)), numbers)[0])
    at.model.select(np.array([numbers[3], elsewhere]))
    at.idle()
    assert set(layer.selected_data) == {3}
    for fov in (1, 0):  # layers get other points; what is selected stays
        at.hub.context.show_fov(TRAINING, fov)
        at.idle()
        at.qtbot.wait(50)
        assert at.model.selected.tolist() == sorted([numbers[3], elsewhere])
    assert set(at.embedded().selected_data) == {3}
    at.embedded().selected_data.clear()
    at.until(lambda: not at.model.selected.size)


def test_an_outline_selects_cells_here_and_in_the_image(explored: Exploring, qtbot: Any) -> None:
    at, atlas = explored, explored.model.atlas
    low, high = np.percentile(at.model.points, (20, 80), axis=0)
    corners = np.array([low, [high[0], low[1]], high, [low[0], high[1]]])
    drag(at.view.scatter, corners)
    at.until(lambda: at.model.selected.size > 0)
    at.idle()
    inner, outer = (low + high) / 2 + 0.9 * (corners - (low + high) / 2), corners
    for box, holds in ((inner, np.all), (outer, None)):
        there = ((at.model.points > box.min(axis=0)) & (at.model.points < box.max(axis=0))).all(axis=1)
        if holds is np.all:
            assert set(np.flatnonzero(there)) <= set(at.model.selected.tolist())
    fovs = {atlas.fov_names[code] for code in atlas.fov[at.model.selected]}
    assert at.view.selected.count.text() == f"<b>{at.model.selected.size} cells in {len(fovs)} FOVs</b>"
    assert at.view.selected.fovs.count() == len(fovs)
    numbers = at.embedded().features["number"].to_numpy()
    chosen = np.isin(numbers, at.model.selected)
    assert set(at.embedded().selected_data) == set(np.flatnonzero(chosen).tolist())
    assert (at.embedded().face_color[chosen, 3] == 1).all()
    assert (at.embedded().face_color[~chosen, 3] < 0.3).all()

    item = at.view.selected.fovs.item(1)
    at.view.selected.fovs.itemClicked.emit(item)
    number = atlas.number(at.hub.session.cell)
    assert number in at.model.selected
    assert " ".join(atlas.fov_names[atlas.fov[number]]) in item.text()
    at.view.setFocus()
    qtbot.keyClick(at.view, Qt.Key.Key_J)
    following = atlas.number(at.hub.session.cell)
    assert (
        following
        == at.model.selected[(np.flatnonzero(at.model.selected == number)[0] + 1) % at.model.selected.size]
    )
    qtbot.keyClick(at.view, Qt.Key.Key_K)
    assert atlas.number(at.hub.session.cell) == number
    qtbot.keyClick(at.view, Qt.Key.Key_W)
    assert at.model.selected.size == 0
    assert not at.view.buttons["next"].isEnabled()
    at.idle()
    assert (at.embedded().face_color[:, 3] == 1).all()


def test_neighbors_are_shown_and_gone_to(explored: Exploring, qtbot: Any) -> None:
    at, atlas, panel = explored, explored.model.atlas, explored.view.neighbours
    number = 40
    at.hub.session.select(atlas.cell(number))
    at.idle()
    search = NeighborSearch(atlas.table.features)
    kin = atlas.lineage == atlas.lineage[number]
    expected = search.nearest(number, 24, kin)
    rows = at.view.controller.neighbours.rows
    assert rows.tolist() == [number, *expected.rows.tolist()]
    assert panel.sheet.tiles[1].caption == f"{expected.similarity[0]:.3f}"
    assert "this cell" in panel.sheet.tiles[0].caption
    at.view.tabs.setCurrentWidget(panel)
    at.until(lambda: panel.sheet.picture(1) is not None)
    assert panel.sheet.picture(1)[0].any()
    assert sorted(at.view.scatter._near.data["x"]) == pytest.approx(sorted(at.model.points[expected.rows, 0]))
    panel.others.setChecked(False)
    panel.count.setValue(5)
    at.idle()
    assert at.view.controller.neighbours.rows.tolist() == [number, *search.nearest(number, 5).rows.tolist()]
    at.view.choices.spaces.setCurrentText("projections")
    at.view.choices.spaces.activated.emit(1)
    at.idle()
    found = NeighborSearch(atlas.table.projections).nearest(number, 5).rows
    assert at.view.controller.neighbours.rows[1:].tolist() == found.tolist()
    where = panel.sheet.tile_rect(2).center()
    qtbot.mouseClick(panel.sheet.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert at.hub.session.cell == atlas.cell(int(found[1]))
    at.idle()
    nearest = at.view.controller.neighbours.rows[1]
    at.view.setFocus()
    qtbot.keyClick(at.view, Qt.Key.Key_N)
    assert at.hub.session.cell == atlas.cell(int(nearest))


def test_nothing_is_lost_when_the_dock_is_closed_and_opened_again(explored: Exploring) -> None:
    at, points = explored, explored.model.points
    at.model.choose(colour_by="hours", neighbours=7)
    at.model.select(np.array([1, 2, 3]))
    at.hub.session.select(at.model.atlas.cell(9))
    for _ in range(3):
        at.idle()
        at.remove(at.view)
        at.model.choose(colour_by="lineage")
        at.model.choose(colour_by="hours")
        at.view = at.dock("Embedding")
        assert at.view.choices.colours.currentText() == "hours"
        assert at.view.neighbours.count.value() == 7
        assert at.view.selected.count.text().startswith("<b>3 cells")
        assert at.view.number == 9
        assert np.array_equal(at.view.scatter._points, points)
    before = at.view.colours.background
    at.viewer.theme = "light"
    assert at.view.colours.background != before


def test_pictures_that_come_when_the_dock_is_gone_go_nowhere(
    explored: Exploring, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_dynaclr.controllers import neighbors

    at, gone = explored, threading.Event()
    read = neighbors.embedded_patches

    def late(*given: Any) -> Any:
        gone.wait(30)
        return read(*given)

    monkeypatch.setattr(neighbors, "embedded_patches", late)
    at.view.tabs.setCurrentWidget(at.view.neighbours)
    at.hub.session.select(at.model.atlas.cell(40))
    at.until(lambda: at.hub.jobs.running(neighbors.READING))
    ended = []
    at.view.destroyed.connect(lambda: ended.append(True))
    at.remove(at.view)
    at.view.deleteLater()
    at.until(lambda: bool(ended))
    gone.set()
    at.until(lambda: not at.hub.jobs._workers)
    at.idle()


def test_the_event_loop_is_never_blocked_for_long(explored: Exploring) -> None:
    at, spent = explored, []
    ticks: list[float] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start(5)
    for number in range(0, 80, 10):
        start = time.thread_time()
        at.model.choose(colour_by=("hours", "condition")[number // 10 % 2])
        at.model.select(np.arange(number, number + 60))
        at.point(number)
        spent.append(time.thread_time() - start)
        at.idle()
    timer.stop()
    assert len(ticks) > 8
    assert np.median(spent) < 0.1


def test_what_to_do_first_depends_on_the_runs_that_are_there(qtbot: Any, tmp_path: Path) -> None:
    view = EmbeddingView(LAYOUTS, COLOUR_BY, list(Space))
    qtbot.addWidget(view)
    assert "Training" in view.empty.text()
    assert "above" not in view.empty.text()
    assert not view.source.predict.isEnabled()
    view.show()
    qtbot.waitExposed(view)
    source = view.source
    assert source.run.isHidden()
    view.set_runs((tmp_path,), None)
    QApplication.processEvents()
    assert source.run.isVisible()
    assert not source.run.geometry().intersects(source.predict.geometry())
    assert "Choose a run above" in view.empty.text()
    assert view.source.predict.isEnabled()


def test_what_cannot_be_had_is_said(exploring: Any, sample_project: Project, tmp_path: Path) -> None:
    at = exploring(sample_project)
    (tmp_path / "bad.parquet").write_text("no table")
    at.hub.embedding.load(tmp_path / "bad.parquet")
    at.until(lambda: "not an embedding" in at.view.state.text())
    assert any("bad.parquet" in text for text in messages())
    folder = RunFolder(tmp_path / "empty")
    folder.checkpoints.mkdir(parents=True)
    at.hub.embedding.predict(folder.path)
    at.until(lambda: "no checkpoint" in at.view.state.text())
    assert at.view.bar.isHidden()
    write_embedding(sample_project, tmp_path / "some.parquet", every=5)
    at.hub.embedding.load(tmp_path / "some.parquet")
    at.until(lambda: at.model.points is not None)
    from dynaclr.embedding.projection import has_umap

    if not has_umap():
        at.view.choices.layouts.setCurrentText("UMAP")
        at.view.choices.layouts.activated.emit(4)
        assert "pip install umap-learn" in at.view.state.text()
        assert at.view.choices.layouts.currentText() == "PCA 1, 2"
    at.view.choices.layouts.setCurrentText("t-SNE")
    at.view.choices.layouts.activated.emit(3)
    at.until(lambda: not at.view.source.cancel.isHidden())
    at.qtbot.mouseClick(at.view.source.cancel, Qt.MouseButton.LeftButton)
    assert at.view.source.cancel.isHidden()
    assert at.view.choices.layouts.currentText() == "PCA 1, 2"
    assert at.view.state.text() == "Canceled."


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_finished_run_is_predicted_and_explored_by_one_click(
    exploring: Any, sample_training: Path, tmp_path: Path
) -> None:
    before = set(sys.modules)
    from dynaclr.runs.control.launch import launch
    from dynaclr.runs.record.observing import observe

    file = tmp_path / "train.yaml"
    spec = RunSpec.read(sample_training).changed({"trainer.max_epochs": 1, "run.root": str(tmp_path)})
    spec.write(file)
    folder = launch(spec, tmp_path / "runs" / "one")
    at = exploring(None)
    training = at.viewer.window.add_plugin_dock_widget(PLUGIN, "Training")[1].content
    at.remove(at.view)
    training.controller.look_at(folder.path)
    assert not training.watch.explore.isEnabled()
    at.until(lambda: observe(folder).state.ended)
    at.until(lambda: training.watch.explore.isEnabled())
    at.qtbot.mouseClick(training.watch.explore, Qt.MouseButton.LeftButton)
    at.view = at.viewer.window.dock_widgets["Embedding (DynaCLR)"].content
    at.until(lambda: at.hub.session.project is not None and at.model.points is not None)
    project = open_project(folder.path)
    assert len(at.model.atlas) == len(project.pipeline.predict_dataset())
    assert at.model.atlas.missing == 0
    assert any("its best checkpoint" in text for text in messages())
    assert at.view.pages.currentIndex() == 1
    assert not {"lightning", "triton"} & (set(sys.modules) - before)
