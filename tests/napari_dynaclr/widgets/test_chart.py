"""Charts of pyqtgraph that are looked at: what is drawn, by their own items."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_dynaclr.presentation.colors import DARK, plot_colours
from napari_dynaclr.widgets.chart import Chart, Series
from napari_dynaclr.widgets.share_bars import Bar, ShareBars

LIGHT = {"background": "#ffffff", "text": "#000000"}


def test_series_are_drawn_with_their_legend_and_follow_the_theme(qtbot: Any) -> None:
    chart = Chart("tau", "help", "hours", "pairs", plot_colours(DARK))
    qtbot.addWidget(chart)
    chart.show()
    edges = np.array([0.5, 1.5, 2.5])
    series = [
        Series("drawn", edges, np.array([3.0, 5.0]), "0", "filled"),
        Series("law", edges, np.array([4.0, 4.0]), "muted", "dashed"),
        Series("goal", edges, np.array([2.0, 2.0, 2.0]), "1", "line"),
        Series("none", np.empty(0), np.empty(0)),
    ]
    chart.set_series(series, "tau of june")
    qtbot.waitUntil(lambda: len(chart.getPlotItem().listDataItems()) == 3)
    items = chart.getPlotItem().listDataItems()
    assert [item.name() for item in items] == ["drawn", "law", "goal"]
    for item, one in zip(items, series, strict=False):
        x, y = item.getOriginalDataset()
        assert np.array_equal(x, one.x)
        assert np.array_equal(y, one.y)
    assert chart.getPlotItem().titleLabel.text == "tau of june"
    assert chart.viewRange()[1][1] > 5.0
    chart.set_series(series[:1])
    chart.set_colours(plot_colours(LIGHT))
    qtbot.waitUntil(lambda: len(chart.getPlotItem().listDataItems()) == 1)
    assert chart.backgroundBrush().color().name() == "#ffffff"


def test_bars_and_ticks_are_the_shares(qtbot: Any) -> None:
    bars = ShareBars("condition", "help", plot_colours(DARK))
    qtbot.addWidget(bars)
    bars.resize(340, 100)
    bars.show()
    long = "a condition whose name is much too long for the room at its left"
    bars.set_bars([Bar("mock", 3, 0.75, 0.5), Bar(long, 1, 0.25)])
    assert bars.height() == bars.sizeHint().height()
    qtbot.waitUntil(lambda: not bars._stale)
    assert list(bars._drawn.opts["width"]) == [0.75, 0.25]
    x, y = bars._pool.getOriginalDataset()
    assert x.tolist() == [0.5, 0.5]
    assert y.mean() == 0.0
    names = dict(bars.getAxis("left")._tickLevels[0])
    assert names[0] == "mock"
    assert "\N{HORIZONTAL ELLIPSIS}" in names[1]
    assert dict(bars.getAxis("right")._tickLevels[0]) == {0: "3  75 %", 1: "1  25 %"}
    assert bars.text_of(bars.bars[0]) == "mock: 3 (75.0 %); 50.0 % of the pool"
