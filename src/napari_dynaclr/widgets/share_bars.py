"""Horizontal bars of shares beside those of a pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtWidgets import QToolTip

# isort: split
import pyqtgraph as pg  # after qtpy, which chooses the binding: pyqtgraph follows the one that is imported

from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.widgets.chart import StillPlot

__all__ = ("Bar", "ShareBars", "bars_of")

_ROW_PX, _TITLE_PX = 20, 30
_MOST = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes
    ----------
    label
        What is counted.
    count
        How many.
    share, pool
        Parts of the whole in 0..1; the pool's is None where it has no meaning.
    """

    label: str
    count: float
    share: float
    pool: float | None = None


def bars_of(
    labels: Sequence[str],
    counts: npt.NDArray[np.number[Any]],
    share: npt.NDArray[np.floating[Any]],
    pool: npt.NDArray[np.floating[Any]] | None,
) -> list[Bar]:
    """Return one bar a label that occurs in batch or pool; beyond twelve, the smallest are gathered."""
    beside = np.zeros(len(labels)) if pool is None else pool
    there = np.flatnonzero((share > 0) | (beside > 0))
    if there.size > _MOST:
        largest = there[np.argsort(-np.maximum(share, beside)[there], kind="stable")[: _MOST - 1]]
        kept, rest = np.sort(largest), np.setdiff1d(there, largest)
    else:
        kept, rest = there, np.empty(0, dtype=np.int64)
    bars = [
        Bar(str(labels[k]), float(counts[k]), float(share[k]), None if pool is None else float(pool[k]))
        for k in kept.tolist()
    ]
    if rest.size:
        beyond = None if pool is None else float(pool[rest].sum())
        bars.append(Bar(f"{rest.size} more", float(counts[rest].sum()), float(share[rest].sum()), beyond))
    return bars


class ShareBars(StillPlot):
    """A title and one row a bar: label, bar with the pool's share as a tick, number and percentage."""

    def __init__(self, title: str, tooltip: str, colours: PlotColours) -> None:
        super().__init__(title, tooltip, colours)
        self.bars: list[Bar] = []
        self._help = tooltip
        self.invertY(True)
        self.hideAxis("bottom")
        self.showAxis("right")
        for side in ("left", "right"):
            self.getAxis(side).setStyle(tickLength=0, tickAlpha=0)
        self._drawn = pg.BarGraphItem(x0=[], y=[], height=[], width=[])
        self._pool = pg.PlotDataItem(connect="pairs")
        self.addItem(self._drawn)
        self.addItem(self._pool)

    def set_bars(self, bars: Sequence[Bar]) -> None:
        """Show other bars."""
        self.bars = list(bars)
        self.setAccessibleDescription("; ".join(self.text_of(bar) for bar in self.bars))
        self.setFixedHeight(self.sizeHint().height())
        self.redraw()

    def _draw(self) -> None:
        """Draw the bars too."""
        super()._draw()
        for side in ("left", "right"):
            self.getAxis(side).setPen(pg.mkPen(None))
        self._drawn.setOpts(brush=self._colors.of("0"), pen=None)
        self._pool.setPen(pg.mkPen(self._colors.of("1"), width=3))
        rows, shares = np.arange(len(self.bars)), np.array([bar.share for bar in self.bars])
        self._drawn.setOpts(x0=np.zeros(rows.size), y=rows, height=np.full(rows.size, 0.55), width=shares)
        pooled = [(row, bar.pool) for row, bar in enumerate(self.bars) if bar.pool is not None]
        ends = np.array([(row + side, pool) for row, pool in pooled for side in (-0.42, 0.42)]).reshape(-1, 2)
        self._pool.setData(ends[:, 1], ends[:, 0])
        largest = max([*shares, *(pool for _, pool in pooled)], default=1.0) or 1.0
        self.setRange(xRange=(0, largest), yRange=(-0.6, max(len(self.bars), 1) - 0.4), padding=0)
        self._show_labels()

    def _show_labels(self) -> None:
        """Write names at the left, as long as there is room, and numbers at the right."""
        metrics, most = self.fontMetrics(), int(self.width() * 0.4)
        middle = Qt.TextElideMode.ElideMiddle
        names = [metrics.elidedText(bar.label, middle, most) for bar in self.bars]
        numbers = [f"{bar.count:g}  {100 * bar.share:.0f} %" for bar in self.bars]
        for side, texts in (("left", names), ("right", numbers)):
            axis = self.getAxis(side)
            axis.setTicks([list(enumerate(texts))])
            axis.setWidth(max((metrics.horizontalAdvance(text) for text in texts), default=0) + 10)

    def resizeEvent(self, event: Any) -> None:
        """Shorten names that have no room now."""
        if getattr(self, "bars", None) and self.plotItem is not None:
            self._show_labels()  # first: what is laid out now must find room
        super().resizeEvent(event)

    def sizeHint(self) -> QSize:
        """Return room for all rows."""
        return QSize(320, _ROW_PX * len(self.bars) + _TITLE_PX)

    def minimumSizeHint(self) -> QSize:
        """Return the least room: all rows, in a narrow dock."""
        return QSize(240, self.sizeHint().height())

    def text_of(self, bar: Bar) -> str:
        """Return a bar in words."""
        pool = "" if bar.pool is None else f"; {100 * bar.pool:.1f} % of the pool"
        return f"{bar.label}: {bar.count:g} ({100 * bar.share:.1f} %){pool}"

    def bar_at(self, y: int) -> Bar | None:
        """Return the bar of a height in pixels."""
        box = self.getPlotItem().getViewBox()
        number = round(box.mapSceneToView(self.mapToScene(0, y)).y())
        return self.bars[number] if 0 <= number < len(self.bars) else None

    def viewportEvent(self, event: Any) -> bool:
        """Tell what is under the mouse."""
        if event.type() == QEvent.Type.ToolTip:
            bar = self.bar_at(int(event.pos().y()))
            QToolTip.showText(event.globalPos(), self._help if bar is None else self.text_of(bar), self)
            return True
        return bool(super().viewportEvent(event))
