"""All possible positives of an anchor as bars over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from napari_dynaclr.presentation.colors import PlotColours

_MARGIN_PX = 6


class CandidateBars(QWidget):
    """One bar a candidate, side by side within its offset in frames; the drawn one is marked."""

    row_clicked = Signal(int)
    """Row of a candidate that was clicked."""

    def __init__(self, colours: PlotColours) -> None:
        super().__init__()
        self._colors = colours
        self._rows = np.empty(0, dtype=np.int64)
        self._tau = np.empty(0, dtype=np.int64)
        self._probability = np.empty(0)
        self._drawn: int | None = None
        self._interval_hours = 0.0
        self._chosen = -1  # the bar that arrow keys have come to
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setToolTip(
            "Every cell that could have been the positive, by its time after the anchor; click a bar to go "
            "there, or choose it with Left and Right and press Return"
        )

    def sizeHint(self) -> QSize:
        """Return room for bars and hours below."""
        return QSize(320, 84)

    def set_candidates(
        self,
        rows: npt.NDArray[np.integer],
        tau_frames: npt.NDArray[np.integer],
        probability: npt.NDArray[np.float64],
        drawn: int | None,
        interval_hours: float,
    ) -> None:
        """Show candidates.

        Parameters
        ----------
        rows, tau_frames, probability
            (M,) rows, offsets in frames, probabilities.
        drawn
            Row of the positive, None if none is drawn.
        interval_hours
            Hours of a frame.
        """
        self._rows, self._tau = np.asarray(rows, np.int64), np.asarray(tau_frames, np.int64)
        self._probability, self._drawn, self._interval_hours = probability, drawn, interval_hours
        self._chosen = -1
        self.update()

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self._colors = colours
        self.update()

    def bars(self) -> list[QRect]:
        """Return where the bar of each candidate is."""
        if not self._rows.size:
            return []
        low, high = int(self._tau.min()), int(self._tau.max())
        slot = (self.width() - 2 * _MARGIN_PX) / (high - low + 1)
        bottom = self.height() - self.fontMetrics().lineSpacing() - 4
        tallest = float(self._probability.max())
        rects, seen = [], dict.fromkeys(range(low, high + 1), 0)
        shared = {tau: int(np.count_nonzero(self._tau == tau)) for tau in seen}
        for tau, share in zip(self._tau.tolist(), self._probability.tolist(), strict=True):
            width = min(slot, 36.0) * 0.8 / shared[tau]
            middle = _MARGIN_PX + (tau - low + 0.5) * slot
            left = middle + (seen[tau] - shared[tau] / 2) * width
            height = max(round((bottom - 4) * share / tallest), 2)
            rects.append(QRect(round(left), bottom - height, max(round(width) - 1, 2), height))
            seen[tau] += 1
        return rects

    def paintEvent(self, event: Any) -> None:
        """Draw bars and offsets."""
        painter = QPainter(self)
        line = self.fontMetrics().lineSpacing()
        if not self._rows.size:
            painter.setPen(QColor(self._colors.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "no cell can be its positive")
            painter.end()
            return
        labeled: set[int] = set()
        bars = self.bars()
        for place, row, tau in zip(bars, self._rows.tolist(), self._tau.tolist(), strict=True):
            drawn = row == self._drawn
            painter.fillRect(place, QColor(self._colors.cycle[1] if drawn else self._colors.muted))
            if drawn:
                painter.setPen(QPen(QColor(self._colors.text), 1.5))
                painter.drawRect(place)
            if tau not in labeled and place.width() * 2 >= 8:
                labeled.add(tau)
                painter.setPen(QColor(self._colors.text))
                text = f"+{tau * self._interval_hours:.3g} h"
                below = QRect(place.center().x() - 40, self.height() - line - 2, 80, line)
                painter.drawText(below, Qt.AlignmentFlag.AlignCenter, text)
        if 0 <= self._chosen < len(bars):
            painter.setPen(QPen(QColor(self._colors.text), 1, Qt.PenStyle.DashLine))
            painter.drawRect(bars[self._chosen].adjusted(-3, -3, 2, 2))
        painter.end()

    def keyPressEvent(self, event: Any) -> None:
        """Walk the bars with Left and Right, from the drawn one on; Return goes to the one come to."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(event.key())
        if step is not None and self._rows.size:
            if self._chosen < 0:
                self._chosen = int(np.argmax(self._rows == self._drawn))
            else:
                self._chosen = min(max(self._chosen + step, 0), self._rows.size - 1)
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._chosen >= 0:
            self.row_clicked.emit(int(self._rows[self._chosen]))
        else:
            super().keyPressEvent(event)

    def _number_at(self, x: int) -> int:
        near = [(abs(place.center().x() - x), number) for number, place in enumerate(self.bars())]
        return min(near)[1] if near and min(near)[0] < 20 else -1

    def mousePressEvent(self, event: Any) -> None:
        """Tell which candidate was clicked."""
        number = self._number_at(int(event.position().x()))
        if number >= 0:
            self.row_clicked.emit(int(self._rows[number]))

    def mouseMoveEvent(self, event: Any) -> None:
        """Tell the probability of the candidate below the mouse."""
        number = self._number_at(int(event.position().x()))
        if number >= 0:
            tau, share = int(self._tau[number]), float(self._probability[number])
            hours = tau * self._interval_hours
            text = f"{tau} frames, {hours:.3g} h later: probability {100 * share:.1f} %; click to go there"
            QToolTip.showText(event.globalPosition().toPoint(), text, self)
