"""Parts of the curation view: action buttons, the card of the judged item, a confidence interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter
from qtpy.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_dynaclr.keys.curation import VERDICT_OF, Do, action_of
from napari_dynaclr.keys.tables import NO_KEY, hint
from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.views.curation_tables import verdict_colour


def button(text: str, tooltip: str, on_click: Callable[[], object]) -> QPushButton:
    """Return a button that leaves the focus to the view around it when it is clicked."""
    made = QPushButton(text)
    made.setMinimumWidth(made.fontMetrics().horizontalAdvance(text) + 14)
    made.setToolTip(tooltip)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.clicked.connect(lambda: on_click())
    return made


class ActionButton(QPushButton):
    """The button of an action."""

    requested = Signal(str)
    """The name of the action."""

    def __init__(self, do: Do, *, with_key: bool = False) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.do, self._with_key = do, with_key
        self.set_key(action_of(do).shortcut)
        self.clicked.connect(self._on_click)

    def set_key(self, key: str) -> None:
        """Say its key."""
        action = action_of(self.do)
        self.setText(f"{action.label}  {key}" if self._with_key and key != NO_KEY else action.label)
        self.setMinimumWidth(self.fontMetrics().horizontalAdvance(self.text()) + 14)
        self.setToolTip(hint(action.tooltip, key))

    def _on_click(self) -> None:
        self.requested.emit(self.do.value)


class TargetCard(QFrame):
    """What is judged now, why, what excluding it would do, and what people said of it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.title, self.why, self.effect, self.opinions = QLabel(), QLabel(), QLabel(), QLabel()
        self.title.setTextFormat(Qt.TextFormat.RichText)
        self.opinions.setTextFormat(Qt.TextFormat.RichText)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 4, 6, 4)
        column.setSpacing(2)
        tips = (
            (self.title, "What a verdict is about"),
            (self.why, "Why it looks suspicious, or the reason that was given"),
            (self.effect, "What training would lose"),
            (self.opinions, "Earlier verdicts; the latest one counts"),
        )
        for label, tip in tips:
            label.setWordWrap(True)
            label.setToolTip(tip)
            column.addWidget(label)
        column.addStretch(1)
        self.setMinimumHeight(5 * self.fontMetrics().lineSpacing() + 16)
        self.set_texts("", "", "", "")

    def set_texts(self, title: str, why: str, effect: str, opinions: str) -> None:
        """Show what is judged; `title` and `opinions` may hold HTML."""
        for label, text in (
            (self.title, title),
            (self.why, why),
            (self.effect, effect),
            (self.opinions, opinions),
        ):
            label.setText(text)
            label.setVisible(bool(text))


class JudgeBar(QWidget):
    """The reason, and a button for each verdict."""

    requested = Signal(str)
    """The name of the action."""

    def __init__(self) -> None:
        super().__init__()
        self.reason = QComboBox()
        self.reason.setEditable(True)
        self.reason.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.reason.setToolTip(
            "Reason, saved with the mark: choose or type one. Blank: the reason from the queue. "
            "Return gives the keyboard back to the panel."
        )
        line = self.reason.lineEdit()
        assert line is not None
        line.setPlaceholderText("reason (optional)")
        line.setClearButtonEnabled(True)
        self.line = line
        self.buttons = {do: ActionButton(do, with_key=True) for do in VERDICT_OF}
        self.buttons[Do.SKIP] = ActionButton(Do.SKIP, with_key=True)
        self.buttons[Do.PREVIOUS] = ActionButton(Do.PREVIOUS)
        row = QHBoxLayout()
        row.setSpacing(3)
        for made in self.buttons.values():
            made.requested.connect(self.requested)
            row.addWidget(made, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(self.reason)
        column.addLayout(row)

    def set_reasons(self, reasons: Sequence[str]) -> None:
        """Offer reasons; what is being written stays."""
        written = self.line.text()
        self.reason.clear()
        self.reason.addItems(list(reasons))
        self.reason.setCurrentIndex(-1)
        self.line.setText(written)

    def set_enabled(self, judge: bool, travel: bool) -> None:
        """Enable verdicts, and show the ways along a queue."""
        for do, made in self.buttons.items():
            if do in VERDICT_OF:
                made.setEnabled(judge)
            else:
                made.setVisible(travel)

    def set_colours(self, colours: PlotColours) -> None:
        """Give each verdict the color it has in the lists."""
        for do, verdict in VERDICT_OF.items():
            color = verdict_colour(verdict.value, colours)
            self.buttons[do].setStyleSheet(f"QPushButton {{ border-bottom: 3px solid {color}; }}")


class IntervalBar(QWidget):
    """A share with its interval on a scale from 0 to what is needed."""

    def __init__(self) -> None:
        super().__init__()
        self._values: tuple[float, float, float] | None = None
        self._colors: PlotColours | None = None
        self.setMinimumHeight(30)
        self.setToolTip("Share of wrong links: the line is the estimate, the bar its 95 % interval (Wilson)")

    def sizeHint(self) -> QSize:
        """Return a flat size."""
        return QSize(200, 30)

    def set_values(self, low: float, share: float, high: float) -> None:
        """Show a share; NaN shows the whole scale."""
        self._values = (low, share, high)
        self.update()

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self._colors = colours
        self.update()

    def paintEvent(self, event: Any) -> None:
        """Draw scale, interval and share."""
        if self._colors is None or self._values is None:
            return
        low, share, high = self._values
        end = next(top for top in (0.05, 0.1, 0.2, 0.5, 1.0) if high <= top)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, width, middle = 4.0, self.width() - 8.0, 9.0
        painter.setPen(QColor(self._colors.muted))
        painter.drawLine(int(left), int(middle), int(left + width), int(middle))
        for place in (0.0, 0.5, 1.0):
            text = f"{100 * place * end:.3g} %"
            advance = painter.fontMetrics().horizontalAdvance(text)
            x = left + place * width - place * advance
            painter.drawText(int(x), self.height() - 2, text)
        bar = QRectF(left + low / end * width, middle - 4, (high - low) / end * width, 8)
        color = QColor(self._colors.of("1"))
        color.setAlphaF(0.35 if share == share else 0.12)
        painter.fillRect(bar, color)
        if share == share:
            x = left + share / end * width
            painter.fillRect(QRectF(x - 1.5, middle - 7, 3, 14), QColor(self._colors.of("1")))
        painter.end()


class StatusBar(QWidget):
    """What happened, what goes on with a way to stop it, and errors that can be read and copied."""

    cancelled = Signal()
    retried = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setToolTip("Last action")
        self.bar = QProgressBar()
        self.bar.setMaximumHeight(16)
        self.bar.setToolTip("Task in the background")
        self.cancel = button("Cancel", "Stop it; earlier results are kept", self.cancelled.emit)
        self.work = QWidget()
        row = QHBoxLayout(self.work)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel)
        self.error = QPlainTextEdit()
        self.error.setReadOnly(True)
        self.error.setMaximumHeight(84)
        self.error.setToolTip("What is wrong and where; it can be selected and copied")
        self.retry = button("Read the marks again", "Use this after repairing the file", self.retried.emit)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        for widget in (self.work, self.error, self.retry, self.message):
            column.addWidget(widget)
        column.addStretch(1)
        line = self.message.fontMetrics().lineSpacing()
        work = line + column.spacing() + self.work.sizeHint().height()
        self.setMinimumHeight(max(2 * line, work))  # what stands above must not move under the mouse
        self.work.hide()
        self.say("")

    def say(self, text: str) -> None:
        """Tell what happened; takes an error away."""
        self.message.setText(text)
        self.message.setVisible(bool(text))
        self.error.hide()
        self.retry.hide()

    def complain(self, text: str, can_retry: bool) -> None:
        """Show an error until something else happens."""
        self.say("")
        self.error.setPlainText(text)
        self.error.show()
        self.retry.setVisible(can_retry)

    def set_busy(self, text: str, done: int, total: int) -> None:
        """Show what goes on; blank for nothing."""
        self.work.setVisible(bool(text))
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.bar.setFormat(text)
