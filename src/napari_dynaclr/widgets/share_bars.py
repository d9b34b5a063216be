"""Horizontal bars of shares beside those of a pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QEvent, QRect, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_dynaclr.presentation.colours import PlotColours

__all__ = ("Bar", "ShareBars", "bars_of")

_ROW_PX, _BAR_PX, _GAP_PX = 20, 11, 6
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


class ShareBars(QWidget):
    """A title and one row a bar: label, bar with the pool's share as a tick, number and percentage."""

    def __init__(self, title: str, tooltip: str, colours: PlotColours) -> None:
        super().__init__()
        self.title, self._colours = title, colours
        self.bars: list[Bar] = []
        self.setToolTip(tooltip)
        self._help = tooltip
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)

    def set_bars(self, bars: Sequence[Bar]) -> None:
        """Show other bars."""
        self.bars = list(bars)
        self.setAccessibleDescription("; ".join(self.text_of(bar) for bar in self.bars))
        self.updateGeometry()
        self.update()

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self._colours = colours
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for all rows."""
        return QSize(320, _ROW_PX * (len(self.bars) + 1) + 4)

    def minimumSizeHint(self) -> QSize:
        """Return the least room: all rows, in a narrow dock."""
        return QSize(240, self.sizeHint().height())

    def text_of(self, bar: Bar) -> str:
        """Return a bar in words."""
        pool = "" if bar.pool is None else f"; {100 * bar.pool:.1f} % of the pool"
        return f"{bar.label}: {bar.count:g} ({100 * bar.share:.1f} %){pool}"

    def bar_at(self, y: int) -> Bar | None:
        """Return the bar of a height in pixels."""
        number = y // _ROW_PX - 1
        return self.bars[number] if 0 <= number < len(self.bars) else None

    def event(self, event: Any) -> bool:
        """Tell what is under the mouse."""
        if event.type() == QEvent.Type.ToolTip:
            bar = self.bar_at(int(event.pos().y()))
            QToolTip.showText(event.globalPos(), self._help if bar is None else self.text_of(bar), self)
            return True
        return bool(super().event(event))

    def paintEvent(self, event: Any) -> None:
        """Draw title and rows."""
        painter = QPainter(self)
        colours, metrics = self._colours, painter.fontMetrics()
        bold = painter.font()
        bold.setBold(True)
        plain = painter.font()
        painter.setFont(bold)
        painter.setPen(QColor(colours.text))
        painter.drawText(QRect(0, 0, self.width(), _ROW_PX), Qt.AlignmentFlag.AlignVCenter, self.title)
        painter.setFont(plain)
        widest = max((metrics.horizontalAdvance(bar.label) for bar in self.bars), default=0)
        name_px = min(widest + 4, int(self.width() * 0.42))
        counts = [metrics.horizontalAdvance(f"{bar.count:g}") for bar in self.bars]
        number_px = max([*counts, metrics.horizontalAdvance("9999")]) + metrics.horizontalAdvance("  100 %")
        left, span = name_px + _GAP_PX, max(self.width() - name_px - number_px - 2 * _GAP_PX, 20)
        largest = max((max(bar.share, bar.pool or 0.0) for bar in self.bars), default=1.0) or 1.0
        for number, bar in enumerate(self.bars, start=1):
            self._paint_row(painter, bar, number * _ROW_PX, (name_px, left, span, number_px), largest)
        painter.end()

    def _paint_row(
        self, painter: QPainter, bar: Bar, top: int, columns: tuple[int, int, int, int], largest: float
    ) -> None:
        colours, (name_px, left, span, number_px) = self._colours, columns
        metrics = painter.fontMetrics()
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(colours.text))
        name = metrics.elidedText(bar.label, Qt.TextElideMode.ElideMiddle, name_px)
        painter.drawText(QRect(0, top, name_px, _ROW_PX), middle | Qt.AlignmentFlag.AlignRight, name)
        offset = top + (_ROW_PX - _BAR_PX) // 2
        painter.fillRect(QRect(left, offset, span, _BAR_PX), _faint(colours))
        painter.fillRect(
            QRect(left, offset, round(span * bar.share / largest), _BAR_PX), QColor(colours.of("0"))
        )
        if bar.pool is not None:
            painter.setPen(QPen(QColor(colours.of("1")), 3))
            x = left + round(span * bar.pool / largest)
            painter.drawLine(x, offset - 3, x, offset + _BAR_PX + 2)
        painter.setPen(QColor(colours.text))
        place = QRect(left + span + _GAP_PX, top, number_px, _ROW_PX)
        count = f"{bar.count:g}"
        painter.drawText(place, middle | Qt.AlignmentFlag.AlignLeft, count)
        painter.setPen(QColor(colours.muted))
        painter.drawText(place, middle | Qt.AlignmentFlag.AlignRight, f"{100 * bar.share:.0f} %")


def _faint(colours: PlotColours) -> QColor:
    colour = QColor(colours.faint)
    colour.setAlphaF(0.35)
    return colour
