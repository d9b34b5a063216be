"""A small chart that fits into a dock: steps, filled steps and lines over one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QPointF, QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_dynaclr.presentation.colours import PlotColours

__all__ = ("Chart", "Series")

FloatArray = npt.NDArray[np.float64]

_TITLE_PX, _LEGEND_PX, _AXIS_PX, _SIDE_PX = 20, 17, 34, 40
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Series:
    """One set of values.

    Attributes
    ----------
    name
        For the legend.
    x, y
        Edges (n + 1,) and heights (n,) of steps, or points (n,) of a line.
    colour
        Role of its colour.
    form
        How it is drawn.
    """

    name: str
    x: FloatArray
    y: FloatArray
    colour: str = "0"
    form: Literal["filled", "steps", "dashed", "line"] = "steps"


class Chart(QWidget):
    """Title, legend, axes and series.

    Parameters
    ----------
    title, tooltip
        What it shows, in short and in full.
    across, up
        Titles of the axes.
    """

    def __init__(self, title: str, tooltip: str, across: str, up: str, colours: PlotColours) -> None:
        super().__init__()
        self.title, self.across, self.up, self._colours = title, across, up, colours
        self.series: list[Series] = []
        self.setToolTip(tooltip)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_series(self, series: Sequence[Series], title: str | None = None) -> None:
        """Show other values."""
        self.series = list(series)
        self.title = self.title if title is None else title
        self.update()

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self._colours = colours
        self.update()

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(320, 170)

    def minimumSizeHint(self) -> QSize:
        """Return the least size."""
        return QSize(220, 170)

    def _ranges(self) -> tuple[float, float, float]:
        """Return the smallest and largest x, and the largest y."""
        x = np.concatenate([item.x for item in self.series])
        y = np.concatenate([item.y for item in self.series])
        low, high = (float(x.min()), float(x.max())) if x.size else (0.0, 1.0)
        top = float(y.max()) if y.size else 0.0
        return low, high if high > low else low + 1.0, top * 1.05 if top > 0 else 1.0

    def paintEvent(self, event: Any) -> None:
        """Draw everything."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bold, plain = painter.font(), painter.font()
        bold.setBold(True)
        painter.setFont(bold)
        painter.setPen(QColor(self._colours.text))
        painter.drawText(QRect(0, 0, self.width(), _TITLE_PX), Qt.AlignmentFlag.AlignVCenter, self.title)
        painter.setFont(plain)
        if self.series:
            self._paint_legend(painter)
            area = QRectF(
                _SIDE_PX,
                _TITLE_PX + _LEGEND_PX + 4,
                self.width() - _SIDE_PX - 18,
                self.height() - _TITLE_PX - _LEGEND_PX - _AXIS_PX - 6,
            )
            ranges = self._ranges()
            self._paint_axes(painter, area, ranges)
            for item in self.series:
                self._paint_series(painter, area, ranges, item)
        painter.end()

    def _paint_legend(self, painter: QPainter) -> None:
        left, metrics = 4, painter.fontMetrics()
        for item in self.series:
            painter.setPen(_pen(self._colours, item))
            y = _TITLE_PX + _LEGEND_PX // 2
            painter.drawLine(left, y, left + 16, y)
            painter.setPen(QColor(self._colours.muted))
            place = QRect(left + 20, _TITLE_PX, self.width() - left - 20, _LEGEND_PX)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, item.name)
            left += 20 + metrics.horizontalAdvance(item.name) + 12

    def _paint_axes(self, painter: QPainter, area: QRectF, ranges: tuple[float, float, float]) -> None:
        low, high, top = ranges
        muted, faint = QColor(self._colours.muted), QColor(self._colours.faint)
        for value in _ticks(0.0, top):
            y = area.bottom() - value / top * area.height()
            painter.setPen(QPen(faint, 0.6))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(muted)
            place = QRectF(0, y - 8, area.left() - 4, 16)
            painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{value:g}")
        painter.setPen(muted)
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        for value in _ticks(low, high):
            x = area.left() + (value - low) / (high - low) * area.width()
            painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + 3))
            place = QRectF(x - 30, area.bottom() + 3, 60, 14)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, f"{value:g}")
        below = QRectF(area.left(), area.bottom() + 16, area.width(), 16)
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, self.across)
        above = QRect(self.width() // 2, 0, self.width() // 2 - 8, _TITLE_PX)
        painter.drawText(above, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self.up)

    def _paint_series(
        self, painter: QPainter, area: QRectF, ranges: tuple[float, float, float], item: Series
    ) -> None:
        if not item.y.size:
            return
        low, high, top = ranges
        stepped = item.form != "line"
        x = np.repeat(item.x, 2) if stepped else item.x
        y = np.r_[0.0, np.repeat(item.y, 2), 0.0] if stepped else item.y
        across = area.left() + (x - low) / (high - low) * area.width()
        up = area.bottom() - y / top * area.height()
        outline = QPolygonF([QPointF(*point) for point in zip(across.tolist(), up.tolist(), strict=True)])
        painter.setPen(_pen(self._colours, item))
        if item.form == "filled":
            colour = QColor(self._colours.of(item.colour))
            colour.setAlphaF(0.45)
            painter.setBrush(colour)
            painter.drawPolygon(outline)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        else:
            painter.drawPolyline(outline)


def _pen(colours: PlotColours, item: Series) -> QPen:
    pen = QPen(QColor(colours.of(item.colour)), 1.8)
    if item.form == "dashed":
        pen.setStyle(Qt.PenStyle.DashLine)
    return pen


def _ticks(low: float, high: float) -> list[float]:
    """Return a few round numbers from low to high."""
    rough = max(high - low, 1e-12) / _TICKS
    scale = 10.0 ** np.floor(np.log10(rough))
    step = next(scale * part for part in (1, 2, 2.5, 5, 10) if scale * part >= rough - 1e-12)
    first = np.ceil(low / step - 1e-9)
    count = int(np.floor(high / step + 1e-9) - first) + 1
    return [round(float((first + k) * step), 10) for k in range(count)]
