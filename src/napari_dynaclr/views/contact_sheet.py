"""Contact sheet of the pairs of a batch, anchor over positive; requests images of visible pairs only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QEvent, QRect, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QImage, QPainter, QPen
from qtpy.QtWidgets import QAbstractScrollArea, QScrollBar, QToolTip, QWidget

from napari_dynaclr.presentation.colors import PlotColours

_SIDE_PX, _GAP_PX, _STRIP_PX, _CAPTION_PX = 60, 6, 4, 15
_WIDTH = _SIDE_PX + _GAP_PX
_BESIDE_PX = _STRIP_PX + _CAPTION_PX + _GAP_PX  # what a tile is higher than its pictures
_SETTLE_MS = 40
RgbImages = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Tile:
    """What is said of a pair.

    Attributes
    ----------
    caption
        A few letters below it.
    about
        Everything, a line a fact.
    marked
        Whether the caption stands out.
    strip
        Number of the color of the strip between anchor and positive.
    """

    caption: str
    about: str
    marked: bool = False
    strip: int = 0


class ContactSheet(QAbstractScrollArea):
    """Tiles in rows as wide as there is room; scrolls up and down.

    A click, or Return after the arrow keys, chooses a pair.

    Parameters
    ----------
    colours
        Colors to start with.
    paired
        Whether the positive is shown below the anchor; else the anchor alone.
    """

    place_clicked = Signal(int)
    """Place in the batch that was chosen."""
    pictures_wanted = Signal(object)
    """list[int]: visible places without a picture."""

    def __init__(self, colours: PlotColours, *, paired: bool = True) -> None:
        super().__init__()
        self._paired = paired
        self._height = (2 if paired else 1) * _SIDE_PX + _BESIDE_PX
        self._bar, self._screen = QScrollBar(Qt.Orientation.Vertical), QWidget()
        self.setVerticalScrollBar(self._bar)
        self.setViewport(self._screen)
        self._colors = colours
        self.tiles: tuple[Tile, ...] = ()
        self._pictures: dict[int, tuple[RgbImages, RgbImages]] = {}
        self.chosen = -1
        self.message = ""
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self.ask)
        self._bar.valueChanged.connect(self._on_scrolled)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(self._height + 8)
        self._screen.setMouseTracking(True)

    @property
    def columns(self) -> int:
        """Tiles of a row."""
        return max((self._screen.width() - _GAP_PX) // _WIDTH, 1)

    def set_tiles(self, tiles: Sequence[Tile]) -> None:
        """Show other pairs, still without pictures."""
        self.tiles, self._pictures, self.chosen, self.message = tuple(tiles), {}, -1, ""
        self._update_range()
        self._bar.setValue(0)
        self._settle.start()
        self._screen.update()

    def drop_pictures(self) -> None:
        """Forget all pictures; those that are visible are asked for again."""
        self._pictures = {}
        self._settle.start()
        self._screen.update()

    def set_pictures(self, places: Sequence[int], anchors: RgbImages, positives: RgbImages) -> None:
        """Give pictures (b, Y, X, 3) to places; what is visible and still lacks one is asked for again."""
        self.message = ""
        for place, anchor, positive in zip(places, anchors, positives, strict=True):
            self._pictures[place] = (anchor, positive)
        self._screen.update()
        self._settle.start()

    def set_message(self, text: str) -> None:
        """Say something in place of pictures that cannot be had."""
        self.message = text
        self._screen.update()

    def picture(self, place: int) -> tuple[RgbImages, RgbImages] | None:
        """Return the pictures of a place, None while it has none."""
        return self._pictures.get(place)

    def set_chosen(self, place: int) -> None:
        """Mark a pair and scroll to it; -1 marks none."""
        self.chosen = place if 0 <= place < len(self.tiles) else -1
        if self.chosen >= 0:
            top = self.chosen // self.columns * self._height
            self._bar.setValue(min(max(self._bar.value(), top + self._height - self._screen.height()), top))
        self._screen.update()

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self._colors = colours
        self._screen.update()

    def tile_rect(self, place: int) -> QRect:
        """Return where a tile is on the viewport."""
        row, column = divmod(place, self.columns)
        top = _GAP_PX + row * self._height - self._bar.value()
        return QRect(_GAP_PX + column * _WIDTH, top, _SIDE_PX, self._height - _GAP_PX)

    def place_at(self, x: int, y: int) -> int:
        """Return the place of a point on the viewport; -1 between tiles."""
        column, row = (x - _GAP_PX) // _WIDTH, (y + self._bar.value() - _GAP_PX) // self._height
        place = row * self.columns + column
        inside = 0 <= column < self.columns and 0 <= place < len(self.tiles)
        return place if inside and self.tile_rect(place).contains(x, y) else -1

    def visible_places(self) -> range:
        """Return the places that are seen."""
        top = max(self._bar.value() - _GAP_PX, 0)
        first = top // self._height * self.columns
        last = ((top + self._screen.height()) // self._height + 1) * self.columns
        return range(first, min(last, len(self.tiles)))

    def ask(self) -> None:
        """Ask for the pictures that are missing among what is seen."""
        missing = [place for place in self.visible_places() if place not in self._pictures]
        if missing and self.isVisible():
            self.pictures_wanted.emit(missing)

    def _update_range(self) -> None:
        rows = -(-len(self.tiles) // self.columns)
        bar = self._bar
        bar.setRange(0, max(rows * self._height + _GAP_PX - self._screen.height(), 0))
        bar.setPageStep(self._screen.height())
        bar.setSingleStep(self._height // 3)

    def _on_scrolled(self) -> None:
        self._screen.update()
        self._settle.start()

    def resizeEvent(self, event: Any) -> None:
        """Put the tiles into rows of the new width."""
        super().resizeEvent(event)
        self._update_range()
        self._settle.start()

    def showEvent(self, event: Any) -> None:
        """Ask for pictures now that they can be seen."""
        super().showEvent(event)
        self._settle.start()

    def mousePressEvent(self, event: Any) -> None:
        """Choose the pair under the mouse."""
        place = self.place_at(int(event.position().x()), int(event.position().y()))
        if event.button() == Qt.MouseButton.LeftButton and place >= 0:
            self.set_chosen(place)
            self.place_clicked.emit(place)

    def keyPressEvent(self, event: Any) -> None:
        """Move with the arrow keys, choose with Return or space."""
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self.columns,
            Qt.Key.Key_Down: self.columns,
        }
        key = event.key()
        if key in steps and self.tiles:
            here = self.chosen + steps[key] if self.chosen >= 0 else 0
            if 0 <= here < len(self.tiles):
                self.set_chosen(here)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.chosen >= 0:
            self.place_clicked.emit(self.chosen)
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: Any) -> bool:
        """Tell what is known of the pair under the mouse."""
        if event.type() == QEvent.Type.ToolTip:
            place = self.place_at(event.pos().x(), event.pos().y())
            text = self.tiles[place].about if place >= 0 else self.toolTip()
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return bool(super().viewportEvent(event))

    def paintEvent(self, event: Any) -> None:
        """Draw what is seen."""
        painter = QPainter(self._screen)
        painter.fillRect(self._screen.rect(), QColor(self._colors.background))
        if self.message:
            painter.setPen(QColor(self._colors.text))
            wrapped = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self._screen.rect().adjusted(12, 12, -12, -12), wrapped, self.message)
        else:
            for place in self.visible_places():
                self._paint_tile(painter, place)
        painter.end()

    def _paint_tile(self, painter: QPainter, place: int) -> None:
        tile, rect = self.tiles[place], self.tile_rect(place)
        pictures = self._pictures.get(place)
        below = rect.top() + _SIDE_PX + _STRIP_PX
        for number, top in enumerate((rect.top(), below)[: 2 if self._paired else 1]):
            where = QRect(rect.left(), top, _SIDE_PX, _SIDE_PX)
            if pictures is None:
                painter.fillRect(where, QColor(self._colors.faint))
            else:
                painter.drawImage(where, _picture(pictures[number]))
        strip = QColor(self._colors.cycle[tile.strip % len(self._colors.cycle)])
        painter.fillRect(QRect(rect.left(), rect.top() + _SIDE_PX, _SIDE_PX, _STRIP_PX), strip)
        painter.setPen(QColor(self._colors.of("1") if tile.marked else self._colors.text))
        foot = below + (_SIDE_PX if self._paired else 0)
        line = QRect(rect.left() - 2, foot, _SIDE_PX + 4, _CAPTION_PX)
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, tile.caption)
        if place == self.chosen:
            painter.setPen(QPen(QColor(self._colors.of("1")), 3))
            painter.drawRect(QRect(rect.left(), rect.top(), _SIDE_PX, foot - rect.top()))


def _picture(rgb: RgbImages) -> QImage:
    height, width, _ = rgb.shape
    data = np.ascontiguousarray(rgb).tobytes()
    return QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
