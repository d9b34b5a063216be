"""A drawing of branches over time whose nodes can be clicked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QPointF, Qt, Signal
from qtpy.QtWidgets import QToolTip, QVBoxLayout, QWidget

# isort: split
import pyqtgraph as pg  # after qtpy, which chooses the binding: pyqtgraph follows the one that is imported

from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.widgets.glyphs import Glyph, Stroke, glyph_paints, stroke_pen

FloatArray = npt.NDArray[np.float64]

_PICK_PX = 10.0
_EDGE = 0.75  # room beside the outer tracks, in track distances


class _HourAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """Round hours along an axis of frames."""

    clock = (0.0, 1.0)

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        """Return ticks in frames that stand at round hours."""
        start, step = self.clock
        levels = super().tickValues(start + minVal * step, start + maxVal * step, size)
        return [(spacing / step, [(hour - start) / step for hour in hours]) for spacing, hours in levels]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return the hours of ticks."""
        start, step = self.clock
        return list(super().tickStrings([start + value * step for value in values], scale, spacing * step))


class TreeCanvas(QWidget):
    """Nodes and lines over time, which runs downwards; the left axis is hours, the right one frames.

    Parameters
    ----------
    glyphs, strokes
        How each named group of nodes, and each named line, looks.
    colours
        Colors to start with.
    """

    clicked = Signal(int)
    """Number of the node that was clicked, or of the nearest one within ten pixels."""
    hovered = Signal(int)
    """Number of the node under the mouse; -1 when it leaves."""

    def __init__(
        self, glyphs: Mapping[str, Glyph], strokes: Mapping[str, Stroke], colours: PlotColours
    ) -> None:
        super().__init__()
        self._glyphs, self._strokes = dict(glyphs), dict(strokes)
        self._nodes: FloatArray = np.empty((0, 2))
        self._shown: dict[str, npt.NDArray[np.integer]] = {}
        self._under_mouse = -1
        self._hours = _HourAxis("left")
        self.plot: Any = pg.PlotWidget(axisItems={"left": self._hours})
        self._box = self.plot.getViewBox()
        self._prepare()
        self._points = {name: pg.ScatterPlotItem(symbol=glyph.symbol) for name, glyph in glyphs.items()}
        self._lines = {name: pg.PlotCurveItem(connect="finite") for name in strokes}
        self._labels: list[Any] = []
        self._time = pg.InfiniteLine(
            angle=0, movable=False, label="", labelOpts={"position": 0.98, "anchors": [(1, 1), (1, 1)]}
        )
        for name, line in self._lines.items():
            line.setZValue(strokes[name].level)
            self.plot.addItem(line)
        for name, points in self._points.items():
            points.setZValue(glyphs[name].level)
            points.setOpacity(glyphs[name].opacity)
            self.plot.addItem(points)
        self._time.setZValue(20)
        self._time.hide()
        self.plot.addItem(self._time, ignoreBounds=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.plot.scene().sigMouseClicked.connect(self._on_click)
        self.plot.scene().sigMouseMoved.connect(self._on_move)
        self._box.sigResized.connect(self._adapt)
        self._box.sigRangeChanged.connect(self._adapt)
        self.set_colours(colours)

    def _prepare(self) -> None:
        """Set axes and mouse: time downwards, left drag pans, the wheel zooms, no menu."""
        self.plot.invertY(True)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.showAxis("right")
        self.plot.hideAxis("bottom")
        self.plot.setLabel("left", "hours")
        self.plot.setLabel("right", "frame")
        self._hours.setWidth(44)
        self.plot.getAxis("right").setWidth(44)
        self._hours.enableAutoSIPrefix(False)
        self.plot.getAxis("right").enableAutoSIPrefix(False)
        self._box.disableAutoRange()

    def set_colours(self, colours: PlotColours) -> None:
        """Color everything anew."""
        self._colors = colours
        self.plot.setBackground(colours.background)
        for side in ("left", "right"):
            axis = self.plot.getAxis(side)
            axis.setPen(colours.muted)
            axis.setTextPen(colours.text)
        for name, points in self._points.items():
            pen, brush = glyph_paints(self._glyphs[name], colours)
            points.setPen(pen)
            points.setBrush(brush)
        for name, line in self._lines.items():
            line.setPen(stroke_pen(self._strokes[name], colours))
        self._time.setPen(pg.mkPen(colours.text, width=1, style=Qt.PenStyle.DashLine))
        self._time.label.setColor(colours.text)
        self._time.label.fill = pg.mkBrush(f"{colours.background}b0")
        for label in self._labels:
            label.setColor(colours.muted)

    def set_nodes(self, x: FloatArray, frame: npt.NDArray[Any], clock: tuple[float, float]) -> None:
        """Place nodes and empty all groups and lines; `clock` is hours at frame 0 and hours a frame."""
        self._nodes = np.column_stack([x, frame]).astype(np.float64)
        self._under_mouse = -1
        self._hours.clock = clock
        for name in self._points:
            self.set_points(name, np.empty(0, dtype=np.int64))
        for name in self._lines:
            self.set_line(name, np.empty(0), np.empty(0))
        self.set_labels([], [])

    def set_points(
        self, name: str, nodes: npt.NDArray[np.integer], sizes_px: FloatArray | None = None
    ) -> None:
        """Show a group's glyph at some nodes, of the glyph's size or of `sizes_px`."""
        if sizes_px is None and np.array_equal(nodes, self._shown.get(name, ())):
            return
        self._shown[name] = nodes
        size = self._glyphs[name].size_px if sizes_px is None else sizes_px
        self._points[name].setData(x=self._nodes[nodes, 0], y=self._nodes[nodes, 1], size=size)

    def set_line(self, name: str, x: FloatArray, frame: FloatArray) -> None:
        """Draw a line through points; NaN interrupts it."""
        self._lines[name].setData(x=x, y=frame)

    def set_labels(self, nodes: Sequence[int], texts: Sequence[str]) -> None:
        """Write short texts to the right of nodes."""
        for label in self._labels:
            self.plot.removeItem(label)
        self._labels = []
        for node, text in zip(nodes, texts, strict=True):
            label = pg.TextItem(f"  {text}", color=self._colors.muted, anchor=(0, 0.15))
            label.setPos(*self._nodes[node])
            label.setZValue(8)
            self.plot.addItem(label, ignoreBounds=True)
            self._labels.append(label)

    def set_time(self, frame: float | None, text: str = "") -> None:
        """Draw the line of the current time; None hides it."""
        self._time.setVisible(frame is not None)
        if frame is not None:
            self._time.setValue(frame)
            self._time.label.setFormat(text)

    def fit(self) -> None:
        """Show all nodes."""
        if not len(self._nodes):
            return
        (left, top), (right, bottom) = self._nodes.min(axis=0), self._nodes.max(axis=0)
        room = 0.04 * (bottom - top) + 0.6
        wide = max(right - left + 2 * _EDGE, 3.0)
        middle, height = (left + right) / 2, bottom - top + 2 * room
        self._box.setLimits(
            xMin=middle - wide, xMax=middle + wide, yMin=top - height / 2, yMax=bottom + height / 2
        )
        self._box.setRange(
            xRange=(middle - wide / 2, middle + wide / 2), yRange=(top - room, bottom + room), padding=0
        )

    def focus(self, node: int, tracks: int) -> None:
        """Show a node with so many tracks around it, over all time; the whole if it has no more."""
        self.fit()
        width = self._nodes[:, 0].max() - self._nodes[:, 0].min()
        if width > tracks:
            x = self._nodes[node, 0]
            self._box.setXRange(x - tracks / 2, x + tracks / 2, padding=0)

    def reveal(self, node: int, centre: bool = False) -> None:
        """Move the view without zooming so that a node is seen; nothing moves if it is seen already."""
        (left, right), (top, bottom) = self._box.viewRange()
        x, frame = self._nodes[node]
        if centre or not left < x < right:
            self._box.translateBy(x=x - (left + right) / 2)
        if centre or not top < frame < bottom:
            self._box.translateBy(y=frame - (top + bottom) / 2)

    def scene_positions(self) -> FloatArray:
        """Return where the nodes are in the scene, in pixels (N, 2): x, y."""
        (left, right), (top, bottom) = self._box.viewRange()
        area = self._box.sceneBoundingRect()
        low, span = np.array([left, top]), np.array([right - left, bottom - top])
        size = np.array([area.width(), area.height()])
        return np.asarray((self._nodes - low) / span * size + [area.left(), area.top()])

    def _adapt(self) -> None:
        """Hide glyphs that would only cover each other."""
        (left, right), (top, bottom) = self._box.viewRange()
        area = self._box.sceneBoundingRect()
        room, step = area.width() / max(right - left, 1e-9), area.height() / max(bottom - top, 1e-9)
        for name, glyph in self._glyphs.items():
            self._points[name].setVisible(bool(room >= glyph.room_px and step >= glyph.step_px))

    def _nearest(self, where: QPointF) -> int:
        """Return the node within reach of a place in the scene, -1 if there is none."""
        if not len(self._nodes) or not self._box.sceneBoundingRect().contains(where):
            return -1
        distance = np.hypot(*(self.scene_positions() - [where.x(), where.y()]).T)
        nearest = int(np.argmin(distance))
        return nearest if distance[nearest] <= _PICK_PX else -1

    def _on_click(self, event: Any) -> None:
        node = self._nearest(event.scenePos()) if event.button() == Qt.MouseButton.LeftButton else -1
        if node >= 0:
            self.clicked.emit(node)

    def _on_move(self, where: QPointF) -> None:
        node = self._nearest(where)
        if node != self._under_mouse:
            self._under_mouse = node
            self.hovered.emit(node)

    def show_tip(self, text: str) -> None:
        """Show a text beside the node under the mouse; an empty one hides it."""
        if not text or self._under_mouse < 0:
            QToolTip.hideText()
            return
        place = self.scene_positions()[self._under_mouse]
        on_view = self.plot.mapFromScene(QPointF(*place.tolist()))
        QToolTip.showText(self.plot.viewport().mapToGlobal(on_view), text, self.plot)
