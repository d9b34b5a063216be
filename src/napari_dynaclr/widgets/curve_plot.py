"""A plot of curves that stays quick with any number of points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QEvent, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QPixmap
from qtpy.QtWidgets import QVBoxLayout, QWidget

# isort: split
import pyqtgraph as pg  # after qtpy, which chooses the binding: pyqtgraph follows the one that is imported

from napari_dynaclr.presentation.colors import PlotColours

FloatArray = npt.NDArray[np.float64]

_PICK_PX = 10.0
_REDRAW_MS = 200
_FAINT = 0.35  # share of its color in points that are smoothed


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve of a plot.

    Attributes
    ----------
    name
        What tells it from the others; its items are kept while it is shown.
    x, y
        (N,) all points; NaN interrupts the line.
    smooth
        (N,) what is drawn as a line over the points, which then are faint; None draws the points plainly.
    role
        Role of its color, as `PlotColours.of` says.
    markers
        Whether there are so few points that each gets a mark.
    best
        (x, y) of a point that is marked by a star; None for none.
    """

    name: str
    x: FloatArray
    y: FloatArray
    smooth: FloatArray | None = None
    role: str = "0"
    markers: bool = False
    best: tuple[float, float] | None = None


class CurvePlot(QWidget):
    """Curves over a common axis; drawn at most five times a second, and only while it can be seen.

    All points are kept by whoever makes the curves; what is drawn of them is thinned to the pixels.

    Parameters
    ----------
    source
        Called for the curves whenever it is time to draw.
    colours
        Colors to start with.
    """

    double_clicked = Signal()

    def __init__(self, source: Callable[[], Sequence[Curve]], colours: PlotColours) -> None:
        super().__init__()
        self._source, self._colors, self._curves = source, colours, list[Curve]()
        self._items: dict[str, tuple[Any, Any]] = {}
        self._dirty = True
        self.draws = 0
        self.plot: Any = pg.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.setDownsampling(auto=True, mode="peak")  # curves that are added take it over
        self.plot.setClipToView(True)
        self.plot.getPlotItem().getViewBox().setDefaultPadding(0.03)
        for side in ("left", "bottom"):
            self.plot.getAxis(side).enableAutoSIPrefix(False)
        self.plot.getAxis("left").setWidth(60)  # of a title beside numbers such as 0.0005
        self.plot.getPlotItem().layout.setContentsMargins(0, 6, 6, 4)  # half a number stands above its tick
        self._best = pg.ScatterPlotItem(symbol="star", size=15)
        self._best.setZValue(10)
        self.plot.addItem(self._best, ignoreBounds=True)
        self._timer = QTimer(self)
        self._timer.setInterval(_REDRAW_MS)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._draw)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.plot.scene().sigMouseClicked.connect(self._on_click)
        self.plot.viewport().installEventFilter(self)
        self.set_colours(colours)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Leave the wheel to the panel that holds the plot, unless Ctrl is held."""
        if event.type() != QEvent.Type.Wheel or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return False
        event.ignore()
        return True

    def _on_click(self, event: Any) -> None:
        if event.double():
            self.double_clicked.emit()

    def touch(self) -> None:
        """Note that the curves are others now; they are drawn soon, or once they can be seen."""
        self._dirty = True
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def showEvent(self, event: Any) -> None:
        """Draw what came while nobody looked."""
        super().showEvent(event)
        if self._dirty:
            self.touch()

    def _draw(self) -> None:
        if not self._dirty or not self.isVisible():
            return
        self._dirty = False
        self.draws += 1
        self._curves = list(self._source())
        names = {curve.name for curve in self._curves}
        for name in [name for name in self._items if name not in names]:
            for item in self._items.pop(name):
                self.plot.removeItem(item)
        for curve in self._curves:
            points, line = self._items.get(curve.name) or self._new_items(curve.name)
            points.setData(curve.x, curve.y)
            line.setData(curve.x, curve.smooth) if curve.smooth is not None else line.setData([], [])
        stars = [curve for curve in self._curves if curve.best is not None]
        log = self.plot.getPlotItem().ctrl.logYCheck.isChecked()
        places = [curve.best for curve in stars if curve.best is not None and (curve.best[1] > 0 or not log)]
        self._best.setData(pos=[(x, float(np.log10(y)) if log else y) for x, y in places])
        self._paint()

    def _new_items(self, name: str) -> tuple[Any, Any]:
        items = (pg.PlotDataItem(connect="finite"), pg.PlotDataItem(connect="finite"))
        for item in items:
            self.plot.addItem(item)
        items[1].setZValue(5)
        self._items[name] = items
        return items

    def _paint(self) -> None:
        """Give every curve its colors."""
        for curve in self._curves:
            points, line = self._items[curve.name]
            color = QColor(self._colors.of(curve.role))
            line.setPen(pg.mkPen(color, width=2))
            if curve.smooth is not None:
                color = _mixed(color, QColor(self._colors.background), _FAINT)
            points.setPen(pg.mkPen(color, width=1 if curve.smooth is not None else 1.5))
            points.setSymbol("o" if curve.markers else None)
            points.setSymbolSize(6)
            points.setSymbolPen(None)
            points.setSymbolBrush(pg.mkBrush(color))
        roles = [self._colors.of(curve.role) for curve in self._curves if curve.best is not None]
        if len(roles) == len(self._best.data):
            self._best.setBrush([pg.mkBrush(role) for role in roles])
        self._best.setPen(pg.mkPen(self._colors.text, width=1))

    def set_axes(self, bottom: str, left: str) -> None:
        """Name the axes."""
        self.plot.setLabel("bottom", bottom)
        self.plot.setLabel("left", left)

    def set_log(self, log: bool) -> None:
        """Draw values on a logarithmic axis; what is not above 0 is left out."""
        self.plot.setLogMode(x=False, y=log)
        self.touch()

    def show_all(self) -> None:
        """Show the whole of all curves, and go on doing so while they grow."""
        self.plot.getPlotItem().enableAutoRange()

    def set_colours(self, colours: PlotColours) -> None:
        """Color everything anew."""
        self._colors = colours
        self.plot.setBackground(colours.background)
        for side in ("left", "bottom"):
            self.plot.getAxis(side).setPen(colours.muted)
            self.plot.getAxis(side).setTextPen(colours.text)
        self._paint()

    def picture(self) -> QPixmap:
        """Return the plot as it is seen."""
        picture: QPixmap = self.plot.grab()
        return picture


def _mixed(one: QColor, other: QColor, share: float) -> QColor:
    """Return a color between two; a transparent one adds up where very many lines lie on each other."""
    pairs = zip(one.getRgb()[:3], other.getRgb()[:3], strict=True)
    return QColor(*(round(share * a + (1 - share) * b) for a, b in pairs))
