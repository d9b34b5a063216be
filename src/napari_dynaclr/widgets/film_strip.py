"""A row of patches that scrolls sideways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import QScrollArea, QScrollBar, QWidget

from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.presentation.images import contrast_limits
from napari_dynaclr.widgets.patch_grid import to_image

_TILE_PX, _GAP_PX, _LABEL_PX = 56, 6, 16


class _Film(QWidget):
    """The whole film; paints only the tiles that are seen."""

    clicked = Signal(int)

    def __init__(self, colours: PlotColours) -> None:
        super().__init__()
        self.colours = colours
        self.images: npt.NDArray[np.floating[Any]] = np.empty((0, 1, 1), dtype=np.float32)
        self.labels: list[str] = []
        self.breaks: frozenset[int] = frozenset()
        self.limits = (0.0, 1.0)
        self.chosen = -1

    def sizeHint(self) -> QSize:
        """Return room for all tiles."""
        return QSize(len(self.labels) * (_TILE_PX + _GAP_PX) + _GAP_PX, _TILE_PX + _LABEL_PX + _GAP_PX)

    def tile(self, number: int) -> QRect:
        """Return where a tile is."""
        return QRect(_GAP_PX + number * (_TILE_PX + _GAP_PX), _GAP_PX // 2, _TILE_PX, _TILE_PX)

    def number_at(self, x: int) -> int:
        """Return the tile at a horizontal place; -1 between tiles."""
        number, inside = divmod(x - _GAP_PX, _TILE_PX + _GAP_PX)
        return number if 0 <= number < len(self.labels) and inside < _TILE_PX else -1

    def mousePressEvent(self, event: Any) -> None:
        """Tell which tile was clicked."""
        number = self.number_at(int(event.position().x()))
        if event.button() == Qt.MouseButton.LeftButton and number >= 0:
            self.clicked.emit(number)

    def paintEvent(self, event: Any) -> None:
        """Draw the tiles that are seen."""
        painter = QPainter(self)
        area, step = event.rect(), _TILE_PX + _GAP_PX
        first = max((area.left() - _GAP_PX) // step, 0)
        for number in range(first, min(area.right() // step + 1, len(self.labels))):
            self._paint_tile(painter, number)
        painter.end()

    def _paint_tile(self, painter: QPainter, number: int) -> None:
        place = self.tile(number)
        painter.drawImage(place, to_image(self.images[number], self.limits))
        below = QRect(place.left() - _GAP_PX // 2, place.bottom() + 1, _TILE_PX + _GAP_PX, _LABEL_PX)
        chosen = number == self.chosen
        painter.setPen(QColor(self.colours.text if chosen else self.colours.muted))
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, self.labels[number])
        if chosen:
            painter.setPen(QPen(QColor(self.colours.cycle[1]), 3))
            painter.drawRect(place.adjusted(-1, -1, 1, 1))
        if number in self.breaks:
            painter.setPen(QPen(QColor(self.colours.text), 2))
            painter.drawLine(
                place.left() - _GAP_PX // 2, place.top(), place.left() - _GAP_PX // 2, below.bottom()
            )


class FilmStrip(QScrollArea):
    """Patches side by side in one contrast; a click tells the row."""

    row_clicked = Signal(int)

    def __init__(self, colours: PlotColours) -> None:
        super().__init__()
        self._bar = QScrollBar(Qt.Orientation.Horizontal)
        self.setHorizontalScrollBar(self._bar)
        self._rows: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._film = _Film(colours)
        self._film.clicked.connect(lambda number: self.row_clicked.emit(int(self._rows[number])))
        self.setWidget(self._film)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(self._film.sizeHint().height() + self._bar.sizeHint().height() + 4)

    def set_strip(
        self,
        images: npt.NDArray[np.floating[Any]],
        rows: npt.NDArray[np.integer],
        labels: Sequence[str],
        breaks: Sequence[int] = (),
    ) -> None:
        """Show patches.

        Parameters
        ----------
        images
            (N, Y, X) patches; all share one contrast.
        rows
            (N,) row of each.
        labels
            (N,) short texts.
        breaks
            Numbers of the patches before which a line stands.

        Raises
        ------
        ValueError
            If the numbers of images, rows and labels differ.
        """
        if images.ndim != 3 or not len(images) == len(rows) == len(labels):
            raise ValueError(f"{images.shape} images, {len(rows)} rows and {len(labels)} labels do not fit")
        film, self._rows = self._film, np.asarray(rows, dtype=np.int64)
        film.images, film.labels, film.breaks = images, list(labels), frozenset(breaks)
        film.limits = contrast_limits(images)
        low, high = film.limits
        self.setToolTip(
            "Patches from the root to the selected cell; a line marks a division; click to go there.\n"
            f"One contrast for all: {low:.4g} to {high:.4g} (0.5 % of the pixels are outside at each end)"
        )
        film.chosen = -1
        film.resize(film.sizeHint())
        film.update()

    def set_selected(self, row: int | None) -> None:
        """Mark the patch of a row, and scroll to it."""
        found = np.flatnonzero(self._rows == row) if row is not None else np.empty(0, dtype=np.int64)
        self._film.chosen = int(found[0]) if found.size else -1
        self._scroll()
        self._film.update()

    def _scroll(self) -> None:
        if self._film.chosen >= 0:
            self.ensureVisible(self._film.tile(self._film.chosen).center().x(), 0, _TILE_PX, 0)

    def resizeEvent(self, event: Any) -> None:
        """Keep the marked patch in sight."""
        super().resizeEvent(event)
        self._scroll()

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self._film.colours = colours
        self._film.update()

    def tile_centre(self, number: int) -> Any:
        """Return the center of a patch in the coordinates of the film."""
        return self._film.tile(number).center()

    def wheelEvent(self, event: Any) -> None:
        """Scroll sideways with the wheel."""
        self._bar.setValue(self._bar.value() - (event.angleDelta().y() or event.angleDelta().x()))
