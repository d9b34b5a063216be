"""Patches of a pair side by side, one row a channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.presentation.images import contrast_limits, flat, grey8

_GAP_PX = 6
_FAINT = 0.35
Images = npt.NDArray[np.floating[Any]]


def to_image(image: Images, limits: tuple[float, float]) -> QImage:
    """Return an image (Y, X) as a gray picture."""
    data = grey8(image, limits)
    height, width = data.shape
    return QImage(data.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()


class PatchGrid(QWidget):
    """A grid of patches: columns are samples, rows are channels.

    Every channel has one contrast for all its patches, unless each patch is stretched by itself.
    """

    column_clicked = Signal(int)
    """Column of a patch that was double-clicked."""

    def __init__(self, colours: PlotColours) -> None:
        super().__init__()
        self._colors = colours
        self._images: Images | None = None
        self._titles: tuple[str, ...] = ()
        self._channels: tuple[str, ...] = ()
        self._z: int | None = None
        self._stretch = self._reading = False
        self.limits: list[list[tuple[float, float]]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(220, 140)

    def sizeHint(self) -> QSize:
        """Return a size for two columns and two rows."""
        return QSize(340, 340)

    def set_images(self, images: Images | None, titles: Sequence[str], channels: Sequence[str]) -> None:
        """Show patches (N, C, Z, Y, X) with N titles and C channel names; None for nothing."""
        if images is not None and images.shape[:2] != (len(titles), len(channels)):
            raise ValueError(f"{images.shape} patches, {len(titles)} titles, {len(channels)} channels")
        self._images, self._titles, self._channels = images, tuple(titles), tuple(channels)
        self._refresh()

    def set_slice(self, z: int | None) -> None:
        """Show one slice, or the maximum over all for None."""
        self._z = z
        self._refresh()

    def set_stretch(self, each: bool) -> None:
        """Choose whether each patch has a contrast of its own."""
        self._stretch = each
        self._refresh()

    def set_reading(self, reading: bool) -> None:
        """Show that other patches are being read: those that are seen are faint until then."""
        if reading != self._reading:
            self._reading = reading
            self.update()

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self._colors = colours
        self.update()

    def _refresh(self) -> None:
        images = self._images
        self.limits = []
        if images is not None:
            for channel in range(images.shape[1]):
                shown = flat(images[:, channel], self._z)
                every = [contrast_limits(shown)] * len(shown)
                self.limits.append([contrast_limits(one[None]) for one in shown] if self._stretch else every)
            words = "each patch on its own" if self._stretch else "the same in a row"
            lines = [
                f"{name}: {limits[0][0]:.4g} to {limits[0][1]:.4g}"
                for name, limits in zip(self._channels, self.limits, strict=True)
            ]
            self.setToolTip(f"Double-click a patch to go there.\nContrast, {words}:\n" + "\n".join(lines))
        self.update()

    def cell(self, column: int, row: int) -> QRect:
        """Return where a patch is drawn."""
        line = self.fontMetrics().lineSpacing()
        columns, rows = max(len(self._titles), 1), max(len(self._channels), 1)
        width = (self.width() - (columns + 1) * _GAP_PX) // columns
        height = (self.height() - 2 * line - rows * (line + _GAP_PX)) // rows
        side = max(min(width, height), 8)
        left = (self.width() - columns * side - (columns - 1) * _GAP_PX) // 2
        top = 2 * line + row * (side + line + _GAP_PX) + line
        return QRect(left + column * (side + _GAP_PX), top, side, side)

    def paintEvent(self, event: Any) -> None:
        """Draw titles, channel names and patches."""
        images = self._images
        if images is None:
            return
        painter = QPainter(self)
        painter.setOpacity(_FAINT if self._reading else 1.0)
        line = self.fontMetrics().lineSpacing()
        for column, title in enumerate(self._titles):
            place = self.cell(column, 0)
            painter.setPen(QColor(self._colors.text))
            above = QRect(place.left() - _GAP_PX, 0, place.width() + 2 * _GAP_PX, 2 * line)
            painter.drawText(above, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, title)
            for row in range(len(self._channels)):
                place = self.cell(column, row)
                shown = flat(images[column, row], self._z)
                painter.drawImage(place, to_image(shown, self.limits[row][column]))
                painter.setPen(QPen(QColor(self._colors.cycle[column % 2]), 2))
                painter.drawRect(place)
        painter.setPen(QColor(self._colors.muted))
        for row, name in enumerate(self._channels):
            place = self.cell(0, row)
            painter.drawText(place.left(), place.top() - 4, name)
        if self._reading:
            painter.setOpacity(1.0)
            painter.setPen(QColor(self._colors.text))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "reading ...")
        painter.end()

    def mouseDoubleClickEvent(self, event: Any) -> None:
        """Tell which column was double-clicked."""
        where = event.position().toPoint()
        for column in range(len(self._titles)):
            if any(self.cell(column, row).contains(where) for row in range(len(self._channels))):
                self.column_clicked.emit(column)
