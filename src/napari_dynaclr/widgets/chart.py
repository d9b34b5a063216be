"""A small chart that fits into a dock: steps, filled steps and lines over one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QSizePolicy

# isort: split
import pyqtgraph as pg  # after qtpy, which chooses the binding: pyqtgraph follows the one that is imported

from napari_dynaclr.presentation.colors import PlotColours

__all__ = ("Chart", "Series", "StillPlot")

FloatArray = npt.NDArray[np.float64]

_LEGEND_COLUMNS = 3
_LEGEND_SHARE = 0.33  # of the height, a line


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
        Role of its color.
    form
        How it is drawn.
    """

    name: str
    x: FloatArray
    y: FloatArray
    colour: str = "0"
    form: Literal["filled", "steps", "dashed", "line"] = "steps"


class StillPlot(pg.PlotWidget):  # type: ignore[misc]
    """A plot of pyqtgraph that is looked at, not moved; the wheel scrolls the panel that holds it.

    Parameters
    ----------
    title, tooltip
        What it shows, in short and in full.
    """

    def __init__(self, title: str, tooltip: str, colours: PlotColours) -> None:
        super().__init__(enableMenu=False)
        self.title, self._colors = title, colours
        self.setToolTip(tooltip)
        self.setMouseEnabled(False, False)
        self.hideButtons()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.getPlotItem().layout.setContentsMargins(0, 0, 6, 2)
        self._stale = True
        self.scene().sigPrepareForPaint.connect(self._refresh)

    def redraw(self) -> None:
        """Draw everything anew, once it can be seen: a panel holds many plots."""
        self._stale = True
        self.viewport().update()

    def _refresh(self) -> None:
        if self._stale:
            self._stale = False
            self._draw()

    def wheelEvent(self, event: Any) -> None:
        """Leave the wheel to the panel."""
        event.ignore()

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self._colors = colours
        self.redraw()

    def _draw(self) -> None:
        """Draw title, axes and background."""
        self.setBackground(self._colors.background)
        item = self.getPlotItem()
        item.setTitle(self.title, color=self._colors.text, bold=True, justify="left")
        for side in ("left", "bottom", "right"):
            item.getAxis(side).setPen(self._colors.muted)
            item.getAxis(side).setTextPen(self._colors.text)


class Chart(StillPlot):
    """Title, legend, axes and series.

    Parameters
    ----------
    title, tooltip
        As in `StillPlot`.
    across, up
        Titles of the axes.
    """

    def __init__(self, title: str, tooltip: str, across: str, up: str, colours: PlotColours) -> None:
        super().__init__(title, tooltip, colours)
        self.series: list[Series] = []
        for side, text in (("bottom", across), ("left", up)):
            self.setLabel(side, text)
            self.getAxis(side).enableAutoSIPrefix(False)
        self._legend = self.addLegend(offset=(-2, 1), colCount=_LEGEND_COLUMNS, horSpacing=12, verSpacing=-8)

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(320, 190)

    def minimumSizeHint(self) -> QSize:
        """Return the least size."""
        return QSize(220, 190)

    def set_series(self, series: Sequence[Series], title: str | None = None) -> None:
        """Show other values."""
        self.series = list(series)
        self.title = self.title if title is None else title
        self.redraw()

    def _draw(self) -> None:
        """Draw the series too."""
        super()._draw()
        self._legend.clear()
        self._legend.setLabelTextColor(self._colors.text)
        item = self.getPlotItem()
        for old in list(item.listDataItems()):
            item.removeItem(old)
        shown = [series for series in self.series if series.y.size]
        for series in shown:
            self.plot(series.x, series.y, name=series.name, **self._look(series))
        lines = -(-len(shown) // _LEGEND_COLUMNS)
        largest = max((float(series.y.max()) for series in shown), default=0.0) or 1.0
        self.setYRange(0, largest * (1.05 + _LEGEND_SHARE * lines), padding=0)

    def _look(self, series: Series) -> dict[str, Any]:
        """Return how a series is drawn."""
        color = QColor(self._colors.of(series.colour))
        style = Qt.PenStyle.DashLine if series.form == "dashed" else Qt.PenStyle.SolidLine
        look: dict[str, Any] = {"pen": pg.mkPen(color, width=1.8, style=style)}
        if series.form != "line":
            look["stepMode"] = "center"
        if series.form == "filled":
            faint = QColor(color)
            faint.setAlphaF(0.45)
            look |= {"fillLevel": 0, "brush": pg.mkBrush(faint)}
        return look
