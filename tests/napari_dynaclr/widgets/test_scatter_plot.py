"""The plot of many points, with a real mouse."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import pyqtgraph
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtTest import QTest

from napari_dynaclr.presentation.colors import DARK, plot_colours
from napari_dynaclr.widgets.scatter_plot import ScatterPlot

TABLE = np.array([[200, 0, 0], [0, 200, 0], [127, 127, 127]], dtype=np.uint8)


def shown(qtbot: Any, points: np.ndarray) -> ScatterPlot:
    plot = ScatterPlot(plot_colours(DARK))
    qtbot.addWidget(plot)
    plot.resize(400, 360)
    plot.show()
    qtbot.waitExposed(plot)
    plot.set_points(points, np.arange(len(points)))
    plot.set_codes((np.arange(len(points)) % 2).astype(np.uint8), TABLE)
    drawn = plot.draws
    qtbot.waitUntil(lambda: plot.draws > drawn)
    return plot


def on_screen(plot: ScatterPlot, x: float, y: float) -> QPoint:
    return plot.plot.mapFromScene(plot._box.mapViewToScene(QPointF(x, y)))


def pixel(plot: ScatterPlot, x: float, y: float) -> tuple[int, int, int]:
    color = plot.plot.grab().toImage().pixelColor(on_screen(plot, x, y))
    return color.red(), color.green(), color.blue()


def drag(plot: ScatterPlot, corners: np.ndarray, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    target = plot.plot.viewport()
    places = [on_screen(plot, *corner) for corner in corners.tolist()]
    limit = pyqtgraph.getConfigOption("mouseRateLimit")
    pyqtgraph.setConfigOption("mouseRateLimit", 0)  # a hand is slower
    QTest.mousePress(target, Qt.MouseButton.LeftButton, modifier, places[0])
    for start, end in itertools.pairwise(places):
        for share in (0.25, 0.5, 0.75, 1.0):
            place = start + (end - start) * share
            event_at(target, place, modifier)
    pyqtgraph.setConfigOption("mouseRateLimit", limit)
    QTest.mouseRelease(target, Qt.MouseButton.LeftButton, modifier, places[-1])


def event_at(target: Any, place: QPoint, modifier: Any) -> None:
    """Move the mouse with the left button down; QTest's moves know no buttons."""
    from qtpy.QtCore import QEvent
    from qtpy.QtGui import QMouseEvent
    from qtpy.QtWidgets import QApplication

    where, button = QPointF(place), Qt.MouseButton.LeftButton
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        where,
        QPointF(target.mapToGlobal(place)),
        Qt.MouseButton.NoButton,
        button,
        modifier,
    )
    QApplication.sendEvent(target, event)


SQUARE = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def test_points_are_painted_where_they_are_and_selected_ones_stand_out(qtbot: Any) -> None:
    plot = shown(qtbot, SQUARE)
    before = [pixel(plot, *corner) for corner in SQUARE.tolist()]
    assert before[0][0] > 150 > before[0][1]
    assert before[1][1] > 150 > before[1][0]
    plot.set_selected(np.array([0]))
    drawn = plot.draws
    qtbot.waitUntil(lambda: plot.draws > drawn)
    after = [pixel(plot, *corner) for corner in SQUARE.tolist()]
    assert after[0] == before[0]
    assert after[1][1] < before[1][1] - 60
    plot.set_path(1, np.array([0, 1]), [np.array([2, 3])])
    plot.set_near(np.array([2]))
    assert plot._track.getData()[0].tolist() == [-1.0, 1.0]
    assert np.isnan(plot._family.getData()[0][-1])
    assert plot._near.data["x"].tolist() == [1.0]
    plot.centre(2)
    (left, right), (bottom, top) = plot._box.viewRange()
    assert [(left + right) / 2, (bottom + top) / 2] == pytest.approx([1.0, 1.0])


def test_a_click_finds_the_nearest_point_and_an_outline_its_corners(qtbot: Any) -> None:
    plot = shown(qtbot, np.r_[SQUARE, [[np.nan, 0.0]]])
    clicked, outlined = [], []
    plot.clicked.connect(clicked.append)
    plot.outlined.connect(lambda corners, how: outlined.append((corners, how)))
    near = on_screen(plot, 1.0, -1.0) + QPoint(4, -3)
    QTest.mouseClick(plot.plot.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, near)
    QTest.mouseClick(
        plot.plot.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, on_screen(plot, 0, 0)
    )
    assert clicked == [1]
    before = plot._box.viewRange()
    for modifier, how in (
        (Qt.KeyboardModifier.NoModifier, "new"),
        (Qt.KeyboardModifier.ShiftModifier, "add"),
        (Qt.KeyboardModifier.ControlModifier, "remove"),
    ):
        drag(plot, SQUARE * 0.8, modifier)
        corners, said = outlined.pop()
        assert said == how
        assert np.abs(corners).max() == pytest.approx(0.8, abs=0.05)
        assert len(corners) >= 4
    assert plot._box.viewRange() == before
    assert clicked == [1]
    plot.set_outlining(False)
    drag(plot, SQUARE * 0.8)
    assert not outlined
    assert plot._box.viewRange() != before


def test_a_hundred_thousand_points_stay_smooth(qtbot: Any) -> None:
    points = np.random.Generator(np.random.Philox(key=0)).normal(size=(100_000, 2)).astype(np.float32)
    plot = shown(qtbot, points)
    spent = []
    for _ in range(7):
        start = time.thread_time()
        plot._draw()
        spent.append(time.thread_time() - start)
    assert np.median(spent) < 0.1
    start = time.thread_time()
    plot._nearest(plot._box.mapViewToScene(QPointF(0.0, 0.0)))
    assert time.thread_time() - start < 0.1
