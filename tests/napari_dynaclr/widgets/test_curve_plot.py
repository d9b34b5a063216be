"""The plot of curves: what is kept, what is drawn, when it is drawn."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from tests.support.viewer import turn_wheel

from napari_dynaclr.presentation.colors import DARK, plot_colours
from napari_dynaclr.state.run_curves import TimeAxis
from napari_dynaclr.state.watched_runs import WatchedRun
from napari_dynaclr.views.training_curves import PANELS, curves_of, legend_text
from napari_dynaclr.widgets.curve_plot import Curve, CurvePlot


@pytest.fixture
def curves() -> list[Curve]:
    x = np.arange(100_000.0)
    y = np.exp(-x / 1e4) + 0.1 * np.sin(x)
    return [Curve("a", x, y, smooth=np.exp(-x / 1e4), best=(5.0, 0.25))]


@pytest.fixture
def plot(qtbot: Any, curves: Sequence[Curve]) -> CurvePlot:
    made = CurvePlot(lambda: curves, plot_colours(DARK))
    qtbot.addWidget(made)
    made.resize(380, 240)
    return made


def test_nothing_is_drawn_that_cannot_be_seen_or_has_not_changed(plot: CurvePlot, qtbot: Any) -> None:
    plot.touch()
    assert not plot._timer.isActive()
    plot.show()
    qtbot.waitUntil(lambda: plot.draws == 1)
    for _ in range(50):
        plot.touch()
    qtbot.waitUntil(lambda: plot.draws == 2)
    assert not plot._timer.isActive()
    plot._draw()
    assert plot.draws == 2


def test_a_hundred_thousand_points_are_kept_and_drawn_smoothly(
    plot: CurvePlot, qtbot: Any, curves: list[Curve]
) -> None:
    plot.show()
    qtbot.waitUntil(lambda: plot.draws == 1)
    points, line = plot._items["a"]
    assert len(points.xData) == 100_000
    qtbot.waitUntil(lambda: len(points.curve.xData) < 5_000)
    assert np.nanmax(points.curve.yData) == pytest.approx(curves[0].y.max())
    spent = []
    for _ in range(5):
        start = time.thread_time()
        plot._dirty = True
        plot._draw()
        spent.append(time.thread_time() - start)
    assert np.median(spent) < 0.1
    assert plot._items["a"] == (points, line)


def test_the_star_follows_the_axis_and_curves_come_and_go(
    plot: CurvePlot, qtbot: Any, curves: list[Curve], tmp_path: Path
) -> None:
    plot.show()
    qtbot.waitUntil(lambda: plot.draws == 1)
    assert plot._best.data["y"].tolist() == [0.25]
    plot.set_log(True)
    qtbot.waitUntil(lambda: plot.draws == 2)
    assert plot._best.data["y"].tolist() == pytest.approx([np.log10(0.25)])
    curves[:] = [Curve("b", np.arange(3.0), np.array([1.0, np.nan, 2.0]), role="1", markers=True)]
    plot.touch()
    qtbot.waitUntil(lambda: plot.draws == 3)
    assert list(plot._items) == ["b"]
    assert len(plot._best.data) == 0
    plot.set_colours(plot_colours({"background": "#ffffff", "text": "#000000"}))
    assert plot.picture().save(str(tmp_path / "plot.png"))


def run_of(name: str, steps: int) -> WatchedRun:
    run = WatchedRun(Path("/runs") / name)
    run.curves.add([{"kind": "start", "t": 0.0, "step": 0, "batches_per_epoch": 2}])
    for step in range(1, steps + 1):
        m = {"loss/train": 1.0 / step, "lr": 0.1}
        run.curves.add([{"kind": "step", "t": 60.0 * step, "step": step, "m": m}])
    run.curves.add([{"kind": "val", "t": 60.0 * steps, "step": steps, "m": {"loss/val": 0.5}}])
    return run


def test_metrics_become_curves_with_a_color_each() -> None:
    one, two = run_of("<one>", 4), run_of("two", 2)
    train, val = curves_of([one], "loss", TimeAxis.EPOCHS, 0.5)
    assert train.x.tolist() == [0.5, 1, 1.5, 2]
    assert train.smooth is not None
    assert val.markers
    assert val.best == (2.0, 0.5)
    assert (train.role, val.role) == ("0", "1")
    assert curves_of([one], "loss", TimeAxis.STEPS, 0.0)[0].smooth is None
    assert [item.role for item in curves_of([one, two], "loss", TimeAxis.STEPS, 0.5)] == list("0011")
    assert len({item.name for item in curves_of([one, two], "loss", TimeAxis.STEPS, 0.5)}) == 4
    assert all(curves_of([one], panel, TimeAxis.MINUTES, 0.5) is not None for panel in PANELS)
    text = legend_text([one, two], "loss", plot_colours(DARK))
    assert "&lt;one&gt;" in text
    assert "best 0.5 at step 4" in text
    assert legend_text([one], "alignment", plot_colours(DARK)) == ""


def test_the_wheel_is_left_to_the_panel_and_zooms_with_ctrl(plot: CurvePlot, qtbot: Any) -> None:
    plot.show()
    qtbot.waitUntil(lambda: plot.draws == 1)
    viewport, seen = plot.plot.viewport(), plot.plot.viewRange()

    def turned(modifier: Qt.KeyboardModifier) -> bool:
        """Whether the plot keeps the wheel; what it does not keep goes to what it lies in."""
        return turn_wheel(viewport, viewport.rect().center(), -120, modifier)

    assert not turned(Qt.KeyboardModifier.NoModifier)
    assert plot.plot.viewRange() == seen
    assert turned(Qt.KeyboardModifier.ControlModifier)
    assert plot.plot.viewRange() != seen


def test_the_smooth_line_is_seen_above_very_many_points(plot: CurvePlot, qtbot: Any) -> None:
    plot.show()
    qtbot.waitUntil(lambda: plot.draws == 1)
    colors = plot_colours(DARK)
    image = plot.picture().toImage()
    seen = [image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())]
    assert seen.count(QColor(colors.of("0")).name()) > 50  # the line; points have a color of their own
    faint = plot._items["a"][0].opts["pen"].color()
    assert faint.alpha() == 255
    assert seen.count(faint.name()) > 1000
