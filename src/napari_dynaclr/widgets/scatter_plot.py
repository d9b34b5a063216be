"""A plot of many points with an outline to select them, drawn with pyqtgraph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QToolTip, QVBoxLayout, QWidget

# isort: split
import pyqtgraph as pg  # after qtpy, which chooses the binding: pyqtgraph follows the one that is imported

from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.presentation.raster import disc_radius, raster

FloatArray = npt.NDArray[np.floating[Any]]
_PICK_PX, _STEP_PX = 10.0, 3.0
_SETTLE_MS = 15
_OPACITY, _FAINT = 230, 45
_ROOM = 0.06


class _Box(pg.ViewBox):  # type: ignore[misc]  # pyqtgraph has no types
    """Left drags outline; the middle button moves, the wheel zooms as ever."""

    outlined = Signal(object, bool, object)
    """(M, 2) corners, whether the drag is over, modifiers."""

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.outlining = True
        self._corners: list[tuple[float, float]] = []
        self._last = QPointF()

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        """Follow the outline."""
        if not self.outlining or axis is not None or ev.button() != Qt.MouseButton.LeftButton:
            super().mouseDragEvent(ev, axis)
            return
        ev.accept()
        if ev.isStart():
            self._corners, self._last = [], ev.buttonDownPos()
            self._add(ev.buttonDownPos())
        if (ev.pos() - self._last).manhattanLength() >= _STEP_PX or ev.isFinish():
            self._last = ev.pos()
            self._add(ev.pos())
            self.outlined.emit(np.array(self._corners), ev.isFinish(), ev.modifiers())

    def _add(self, place: QPointF) -> None:
        where = self.mapToView(place)
        self._corners.append((where.x(), where.y()))


class ScatterPlot(QWidget):
    """Points as one picture that is drawn anew for what is seen of them.

    Parameters
    ----------
    colours
        Colors to start with.
    """

    clicked = Signal(int)
    """Number of the point nearest to a click, within ten pixels."""
    hovered = Signal(int)
    """Number of the point under the mouse; -1 when it leaves."""
    outlined = Signal(object, str)
    """(M, 2) corners of an outline in the plot, and "new", "add" (Shift) or "remove" (Ctrl)."""

    def __init__(self, colours: PlotColours) -> None:
        super().__init__()
        self._colors = colours
        self._points: FloatArray = np.empty((0, 2), dtype=np.float32)
        self._codes: npt.NDArray[np.uint8] = np.empty(0, dtype=np.uint8)
        self._table: npt.NDArray[np.uint8] = np.zeros((1, 3), dtype=np.uint8)
        self._order: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._selected: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._under_mouse = -1
        self.draws = 0
        self._box = _Box()
        self.plot: Any = pg.PlotWidget(viewBox=self._box)
        self.plot.hideButtons()
        self._picture = pg.ImageItem(axisOrder="row-major")
        self._outline = pg.PlotCurveItem()
        self._family = pg.PlotCurveItem(connect="finite")
        self._track = pg.PlotCurveItem(connect="finite")
        self._start = pg.ScatterPlotItem(symbol="s", size=7)
        self._near = pg.ScatterPlotItem(symbol="o", size=11, brush=None)
        self._cell = pg.ScatterPlotItem(symbol="o", size=17, brush=None)
        items = (self._picture, self._family, self._track, self._start, self._near, self._cell, self._outline)
        for level, item in enumerate(items):
            item.setZValue(level)
            self.plot.addItem(item, ignoreBounds=True)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLE_MS)
        self._timer.timeout.connect(self._draw)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self._box.sigRangeChanged.connect(self._touch)
        self._box.sigResized.connect(self._touch)
        self._box.outlined.connect(self._on_outline)
        self.plot.scene().sigMouseClicked.connect(self._on_click)
        self.plot.scene().sigMouseMoved.connect(self._on_move)
        self.set_colours(colours)

    def set_points(self, points: FloatArray, order: npt.NDArray[np.int64]) -> None:
        """Show points (N, 2), painted in an order (N,), and all of them; NaN is not shown."""
        self._points, self._order = points, order
        self._codes = np.zeros(len(points), dtype=np.uint8)
        self._selected = np.empty(0, dtype=np.int64)
        self._under_mouse = -1
        for item in (self._family, self._track, self._start, self._near, self._cell, self._outline):
            item.setData([], [])
        self.fit()
        self._touch()

    def set_codes(self, codes: npt.NDArray[np.uint8], table: npt.NDArray[np.uint8]) -> None:
        """Color points (N,) by their places in a table (K, 3)."""
        self._codes, self._table = codes, table
        self._touch()

    def set_selected(self, numbers: npt.NDArray[np.int64]) -> None:
        """Let some points stand out; all look the same if there are none."""
        self._selected = numbers
        self._touch()

    def set_path(
        self, cell: int | None, track: npt.NDArray[np.int64], family: Sequence[npt.NDArray[np.int64]]
    ) -> None:
        """Mark a point, and draw the path of its track, and those of its family thinner."""
        self._cell.setData(*self._places([] if cell is None else [cell]))
        self._track.setData(*self._places(track))
        self._start.setData(*self._places(track[:1]))
        gap = np.full((1, 2), np.nan)
        parts = [part for line in family for part in (self._points[line], gap)]
        joined = np.concatenate(parts) if parts else np.empty((0, 2))
        self._family.setData(joined[:, 0].astype(np.float64), joined[:, 1].astype(np.float64))

    def set_near(self, numbers: npt.NDArray[np.int64]) -> None:
        """Mark the neighbors of the marked point."""
        self._near.setData(*self._places(numbers))

    def _places(self, numbers: Any) -> tuple[FloatArray, FloatArray]:
        chosen = self._points[np.asarray(numbers, dtype=np.int64)].astype(np.float64)
        return chosen[:, 0], chosen[:, 1]

    def set_axes(self, bottom: str, left: str) -> None:
        """Name the axes."""
        self.plot.setLabel("bottom", bottom)
        self.plot.setLabel("left", left)

    def set_outlining(self, outlining: bool) -> None:
        """Let drags with the left button outline points, or move the plot."""
        self._box.outlining = outlining

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self._colors = colours
        self.plot.setBackground(colours.background)
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(colours.muted)
            axis.setTextPen(colours.text)
            axis.enableAutoSIPrefix(False)
        self._outline.setPen(pg.mkPen(colours.text, width=1, style=Qt.PenStyle.DashLine))
        self._track.setPen(pg.mkPen(colours.text, width=2.5))
        self._start.setBrush(pg.mkBrush(colours.text))
        self._start.setPen(None)
        self._cell.setPen(pg.mkPen(colours.of("1"), width=3))
        self._near.setPen(pg.mkPen(colours.text, width=1.5))
        thin = QColor(colours.text)
        thin.setAlphaF(0.65)
        self._family.setPen(pg.mkPen(thin, width=1))
        self._touch()

    def fit(self) -> None:
        """Show all points."""
        known = self._points[np.isfinite(self._points).all(axis=1)]
        if not len(known):
            return
        low, high = known.min(axis=0).astype(float), known.max(axis=0).astype(float)
        room = np.maximum((high - low) * _ROOM, 1e-6)
        (left, bottom), (right, top) = (low - room).tolist(), (high + room).tolist()
        self._box.setRange(xRange=(left, right), yRange=(bottom, top), padding=0)

    def centre(self, number: int) -> None:
        """Bring a point to the middle; the zoom stays."""
        (left, right), (bottom, top) = self._box.viewRange()
        x, y = self._points[number].tolist()
        if np.isfinite([x, y]).all():
            self._box.translateBy(x=x - (left + right) / 2, y=y - (bottom + top) / 2)

    def _touch(self, *_: Any) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _pixels(self, scale: float) -> tuple[FloatArray, int, int]:
        """Return places in pixels from the lower left (N, 2), and width and height of the plot."""
        (left, right), (bottom, top) = self._box.viewRange()
        area = self._box.boundingRect()
        width, height = max(int(area.width() * scale), 1), max(int(area.height() * scale), 1)
        span = np.array([max(right - left, 1e-300), max(top - bottom, 1e-300)])
        return (self._points - np.array([left, bottom])) / span * [width, height], width, height

    def _draw(self) -> None:
        """Paint what is seen; selected points on top, the others faint."""
        if not self.isVisible():
            return
        self.draws += 1
        scale = self.devicePixelRatioF()
        pixels, width, height = self._pixels(scale)
        seen = ((pixels >= 0) & (pixels < [width, height])).all(axis=1)
        radius = disc_radius(int(np.count_nonzero(seen)), scale)
        order, codes = self._order, self._codes.astype(np.int64)
        table = np.column_stack([self._table, np.full(len(self._table), _OPACITY)]).astype(np.uint8)
        if self._selected.size:
            chosen = np.zeros(len(codes), dtype=bool)
            chosen[self._selected] = True
            codes = codes + len(table) * chosen
            faint = table.copy()
            faint[:, 3] = _FAINT
            table = np.concatenate([faint, table])
            order = np.concatenate([order[~chosen[order]], order[chosen[order]]])
        picture = raster(pixels[order], codes[order], table, (height, width), radius)
        (left, right), (bottom, top) = self._box.viewRange()
        self._picture.setImage(picture, autoLevels=False)
        self._picture.setRect(QRectF(left, bottom, right - left, top - bottom))

    def showEvent(self, event: Any) -> None:
        """Paint what came while nobody looked."""
        super().showEvent(event)
        self._touch()

    def _nearest(self, where: QPointF) -> int:
        """Return the point within reach of a place in the scene, -1 if there is none."""
        if not len(self._points) or not self._box.sceneBoundingRect().contains(where):
            return -1
        pixels, _, height = self._pixels(1.0)
        place = self._box.mapFromScene(where)
        away = np.hypot(pixels[:, 0] - place.x(), height - pixels[:, 1] - place.y())
        away[~np.isfinite(away)] = np.inf
        nearest = int(np.argmin(away))
        return nearest if away[nearest] <= _PICK_PX else -1

    def _on_click(self, event: Any) -> None:
        number = self._nearest(event.scenePos()) if event.button() == Qt.MouseButton.LeftButton else -1
        if number >= 0:
            self.clicked.emit(number)

    def _on_move(self, where: QPointF) -> None:
        number = self._nearest(where)
        if number != self._under_mouse:
            self._under_mouse = number
            self.hovered.emit(number)

    def show_tip(self, text: str) -> None:
        """Show a text beside the point under the mouse; an empty one hides it."""
        if not text or self._under_mouse < 0:
            QToolTip.hideText()
            return
        place = self._box.mapViewToScene(QPointF(*self._points[self._under_mouse].tolist()))
        on_view = self.plot.mapFromScene(place)
        QToolTip.showText(self.plot.viewport().mapToGlobal(on_view), text, self.plot)

    def _on_outline(self, corners: npt.NDArray[np.float64], over: bool, modifiers: Any) -> None:
        if not over:
            closed = np.concatenate([corners, corners[:1]])
            self._outline.setData(closed[:, 0], closed[:, 1])
            return
        self._outline.setData([], [])
        how = "new"
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            how = "add"
        elif modifiers & Qt.KeyboardModifier.ControlModifier:
            how = "remove"
        self.outlined.emit(corners, how)
