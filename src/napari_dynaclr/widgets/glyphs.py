"""How marks and lines of a drawing look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPixmap

# isort: split
import pyqtgraph as pg  # after qtpy, which chooses the binding: pyqtgraph follows the one that is imported
from pyqtgraph.graphicsItems.ScatterPlotItem import drawSymbol

from napari_dynaclr.presentation.colors import PlotColours


@dataclass(frozen=True, slots=True)
class Glyph:
    """How a kind of point looks: pyqtgraph's symbol, size in pixels, role of its color.

    It is hidden where tracks stand closer than `room_px`, or frames closer than `step_px`.
    """

    symbol: str
    size_px: float
    colour: str = "text"
    filled: bool = True
    opacity: float = 1.0
    width_px: float = 1.2
    level: int = 5
    room_px: float = 0.0
    step_px: float = 0.0


@dataclass(frozen=True, slots=True)
class Stroke:
    """How a kind of line looks."""

    colour: str = "muted"
    width_px: float = 1.5
    dotted: bool = False
    opacity: float = 1.0
    level: int = 2


def glyph_pixmap(glyph: Glyph, colours: PlotColours, side_px: int = 16) -> QPixmap:
    """Return a glyph as a small picture for a legend."""
    pixmap = QPixmap(side_px, side_px)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setOpacity(glyph.opacity)
    painter.translate(side_px / 2, side_px / 2)
    pen, brush = glyph_paints(glyph, colours)
    drawSymbol(painter, glyph.symbol, min(glyph.size_px, side_px - 3), pen, brush)
    painter.end()
    return pixmap


def stroke_pixmap(stroke: Stroke, colours: PlotColours, side_px: int = 16) -> QPixmap:
    """Return a line as a small picture for a legend."""
    pixmap = QPixmap(side_px, side_px)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setPen(stroke_pen(stroke, colours))
    painter.drawLine(side_px // 2, 1, side_px // 2, side_px - 1)
    painter.end()
    return pixmap


def stroke_pen(stroke: Stroke, colours: PlotColours) -> QPen:
    """Return the pen of a line."""
    color = QColor(colours.of(stroke.colour))
    color.setAlphaF(stroke.opacity)
    pen: QPen = pg.mkPen(color, width=stroke.width_px)
    if stroke.dotted:
        pen.setDashPattern([1.0, 2.5])
    return pen


def glyph_paints(glyph: Glyph, colours: PlotColours) -> tuple[QPen, Any]:
    """Return pen and brush of a mark."""
    color = colours.of(glyph.colour)
    return pg.mkPen(color, width=glyph.width_px), pg.mkBrush(color if glyph.filled else None)
