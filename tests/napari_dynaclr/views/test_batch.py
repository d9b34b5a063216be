"""The batch view, connected, with real clicks and keys."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.theme import get_theme
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtWidgets import QAbstractSpinBox, QCheckBox, QComboBox, QPushButton
from tests.support.batches import YAML, Opened

from dynaclr.testing import coded_value
from napari_dynaclr.controllers.batch import batch_dock
from napari_dynaclr.presentation.thumbnails import composite, contrast, rgb_of
from napari_dynaclr.state.project import open_project, reopened
from napari_dynaclr.state.session import PairRequest, Session
from napari_dynaclr.workers import Jobs


@pytest.fixture
def opened(qtbot: Any, coded_source: Path, tmp_path: Path, qapp: Any) -> Any:
    dock = Opened(qtbot, coded_source, tmp_path)
    yield dock
    dock.jobs.close()


def test_without_a_project_it_says_what_to_do(qtbot: Any) -> None:
    session, jobs = Session(), Jobs()
    view = batch_dock(session, jobs)
    qtbot.addWidget(view)
    assert "Open a training" in view.empty.text()
    assert view.pages.currentIndex() == 0
    jobs.close()


def test_numbers_are_those_of_the_batch(opened: Opened) -> None:
    view, inspector = opened.view, opened.session.project.inspector
    opened.click(view.address.on)
    opened.settle()
    assert opened.session.request == PairRequest(0, 1)
    expected = inspector.composition(0, 1, first=1)
    for name, bars in view.panel.bars.items():
        axis = expected.axes[name]
        labels = len(axis.labels) - (name == "lineage")  # the last stands for all others
        there = [k for k in range(labels) if axis.counts[0, k] or (axis.pool.size and axis.pool[k])]
        assert [bar.label for bar in bars.bars] == [axis.labels[k] for k in there]
        assert [bar.count for bar in bars.bars] == [axis.counts[0, k] for k in there]
        if axis.pool.size:
            assert [bar.pool for bar in bars.bars] == pytest.approx([axis.pool_share[k] for k in there])
    assert [chart.series[0].y.tolist() for chart in view.panel.tau] == [
        item.realized.tolist() for item in expected.tau
    ]
    assert "batch 1 of" in view.address.about.text()
    bars = view.panel.bars["experiment"]
    opened.click(view.tabs.tabBar(), view.tabs.tabBar().tabRect(0).center())
    opened.settle()
    middles = [bars.height() - 10 - 20 * row for row in range(len(bars.bars))]
    assert [bars.bar_at(y) for y in reversed(middles)] == bars.bars
    assert "of the pool" in bars.text_of(bars.bars[0])


def test_ranks_share_the_batches_out(opened: Opened) -> None:
    view, per_epoch = opened.view, opened.session.project.inspector.batches_per_epoch
    opened.session.project = reopened(
        opened.session.project, _with_batch_size(opened.session.project.pipeline.config, 8)
    )
    opened.settle()
    per_epoch = opened.session.project.inspector.batches_per_epoch
    opened.type_into(view.address.world, "2")
    opened.type_into(view.address.rank, "1")
    opened.type_into(view.address.batch, "2")
    assert opened.session.request == PairRequest(0, 5)
    assert view.address.batch.maximum() == per_epoch // 2 - 1
    opened.session.ask(PairRequest(2, 4))
    opened.settle()
    assert (view.address.epoch.value(), view.address.batch.value(), view.address.rank.value()) == (2, 2, 0)


def _with_batch_size(config: Any, size: int) -> Any:
    from dataclasses import replace

    return replace(config, sampling=replace(config.sampling, batch_size=size))


def test_pictures_are_the_pixels_of_the_pairs(opened: Opened) -> None:
    opened.tab(1)
    view, inspector = opened.view, opened.session.project.inspector
    draw, index = inspector.draw(0, 0), inspector.dataset.index
    sheet = view.sheet
    seen = [place for place in range(len(sheet.tiles)) if sheet.picture(place) is not None]
    assert seen == list(sheet.visible_places())
    assert len(seen) < len(sheet.tiles)

    def pixels(row: int) -> np.ndarray:
        fov = int(index.table.fov_of(np.array([row]))[0])
        y, x = (int(corner[0]) for corner in index.corners(np.array([row])))
        experiment = int(index.fov_experiment[fov])
        stored = [[0, 1], [2, 0]][experiment]
        yy, xx = np.arange(y, y + 16)[:, None], np.arange(x, x + 16)[None]
        t = int(index.table.t[row])
        return np.stack([coded_value(experiment, fov % 3, t, c, 1, yy, xx) for c in stored]).astype(float)

    pairs = [
        np.stack([pixels(int(rows[place])) for place in seen[:24]]) for rows in (draw.anchor, draw.positive)
    ]
    limits, colors = contrast(np.concatenate(pairs)), [rgb_of("gray"), rgb_of("green")]
    for place in seen[:24]:
        for shown, expected in zip(sheet.picture(place), pairs, strict=True):
            assert np.array_equal(shown, composite(expected[place : place + 1], limits, colors)[0])
    image = sheet.viewport().grab().toImage()
    for place in (0, 3):
        rect = sheet.tile_rect(place)
        for number, top in enumerate((rect.top(), rect.top() + 64)):
            red, green, blue, _ = image.pixelColor(rect.left() + 32, top + 28).getRgb()
            picture = sheet.picture(place)[number]
            assert [red, green, blue] == picture[28 * 16 // 60, 32 * 16 // 60].tolist()


def test_scrolling_reads_what_comes_into_sight(opened: Opened) -> None:
    opened.tab(1)
    sheet = opened.view.sheet
    last = len(sheet.tiles) - 1
    assert sheet.picture(last) is None
    first, read = sheet.picture(0), sheet.visible_places()[-1] + 1
    sheet.verticalScrollBar().setValue(sheet.verticalScrollBar().maximum())
    opened.bot.waitUntil(lambda: sheet.picture(last) is not None, timeout=20_000)
    opened.settle()
    middle = sheet.visible_places()[0] - sheet.columns - 1
    assert sheet.picture(0) is first
    assert (sheet.picture(middle) is None) is (middle >= read)
    opened.view.sight.setFocus()
    opened.bot.keyClick(opened.view.sight, Qt.Key.Key_Down)
    opened.bot.keyClick(opened.view.sight, Qt.Key.Key_Down)
    opened.settle()
    assert sheet.picture(last)[0].shape == (12, 12, 3)
    before = sheet.picture(last)
    opened.click(opened.view.contrast)
    opened.settle()
    assert sheet.picture(last) is not before


def test_a_pair_is_chosen_by_click_and_by_key(opened: Opened) -> None:
    opened.tab(1)
    sheet, told = opened.view.sheet, []
    opened.view.place_clicked.connect(told.append)
    opened.click(sheet.viewport(), sheet.tile_rect(6).center())
    assert opened.session.request == PairRequest(0, 0, 6)
    assert sheet.chosen == 6
    opened.bot.keyClick(sheet, Qt.Key.Key_Right)
    opened.bot.keyClick(sheet, Qt.Key.Key_Down)
    opened.bot.keyClick(sheet, Qt.Key.Key_Return)
    assert told == [6, 7 + sheet.columns]
    assert opened.session.request.place == told[-1]
    opened.click(sheet.viewport(), QPoint(1, 1))
    assert len(told) == 2
    opened.session.ask(PairRequest(0, 0, 38))
    assert sheet.chosen == 38
    assert 38 in sheet.visible_places()


@pytest.mark.slow
def test_the_window_stays_awake(opened: Opened, request: pytest.FixtureRequest) -> None:
    opened.tab(1)
    gc.collect()
    gc.disable()  # its pauses grow with what other tests left behind
    request.addfinalizer(gc.enable)
    used: list[float] = []
    last = [time.thread_time()]

    def tick() -> None:
        now = time.thread_time()  # of this thread: what others do on this machine does not count
        used.append(now - last[0])
        last[0] = now

    timer = QTimer()
    timer.timeout.connect(tick)
    timer.start(1)
    for batch in range(1, 4):
        opened.session.ask(PairRequest(0 if opened.view.address.batch.maximum() else batch, 0))
        opened.settle()
    opened.view.report.start.click()
    opened.bot.waitUntil(opened.view.report.csv.isEnabled, timeout=60_000)
    opened.settle()
    timer.stop()
    assert len(used) > 50
    assert max(used) < 0.05


def test_it_fits_and_explains_itself(opened: Opened) -> None:
    smallest = opened.view.minimumSizeHint()
    assert smallest.width() <= 380
    assert smallest.height() <= 500
    for kind in (QPushButton, QAbstractSpinBox, QComboBox, QCheckBox):
        for widget in opened.view.findChildren(kind):
            here, text = widget, ""
            while here is not None and here is not opened.view and not text:
                text, here = here.toolTip(), here.parentWidget()
            assert text, widget


def test_themes_reach_every_part(opened: Opened) -> None:
    for theme, bright in (("light", True), ("dark", False)):
        opened.view.set_theme(get_theme(theme).to_rgb_dict())
        opened.tab(1)
        color = opened.view.sheet.viewport().grab().toImage().pixelColor(1, 1)
        assert (color.lightness() > 128) is bright


def test_a_closed_dock_listens_no_more(qtbot: Any, coded_source: Path, tmp_path: Path) -> None:
    session, jobs = Session(), Jobs()
    path = tmp_path / "train.yaml"
    path.write_text(YAML.format(source=coded_source))
    session.project = open_project(path)
    for _ in range(2):
        view = batch_dock(session, jobs)
        qtbot.waitUntil(lambda shown=view: shown.pages.currentIndex() == 1, timeout=20_000)
        view.deleteLater()
        view = None
        qtbot.wait(50)
        gc.collect()
    assert len(session.project_changed) == 0
    session.project = None
    session.ask(PairRequest(0, 0, 3))
    jobs.close()
