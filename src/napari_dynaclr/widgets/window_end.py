"""Closing a napari window: the question asked before, and who is notified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from weakref import ref

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QMainWindow, QMessageBox, QWidget


class Leave(StrEnum):
    """What to do with running tasks when the window closes."""

    RUNNING = "leave running"
    STOPPED = "stop"
    STAY = "do not close"


class WindowEnd(QObject):
    """Hears of the end of the window that docks are in.

    Parameters
    ----------
    asked
        Called with the window, and whether it may still stay, before it closes; asks, and returns the
        answer, None if there was nothing to ask.
    ended
        Called once it has closed.
    """

    def __init__(self, asked: Callable[[QWidget, bool], Leave | None], ended: Callable[[], None]) -> None:
        super().__init__()
        self._asked, self._ended = asked, ended
        self._window: ref[QMainWindow] | None = None  # it must not live on because this does
        self._closing = self._answered = False

    def follow(self, widget: QWidget) -> None:
        """Take note of the window that a widget is shown in."""
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Keep the window open if that is wanted; let everything else pass."""
        if event is None or watched is None:
            return False
        kind, here = event.type(), self._window is not None and self._window() is watched
        if here and kind == QEvent.Type.Close:
            assert isinstance(watched, QWidget)
            return self._on_close(watched, event)
        if here and kind == QEvent.Type.Hide and self._closing and not event.spontaneous():
            self._closing = False
            self._ended()
        elif not here and kind == QEvent.Type.Show:
            self._find(watched)
        return False

    def _on_close(self, window: QWidget, event: QEvent) -> bool:
        """Ask what there is to ask; return whether the window stays.

        A window that is closed by its frame is closed again without it after an answer: napari would ask
        once more whether it is to be closed.
        """
        answer = None if self._answered else self._asked(window, event.spontaneous())
        self._closing = answer is not Leave.STAY
        self._answered = answer is not None and self._closing and event.spontaneous()
        if self._answered:
            QTimer.singleShot(0, window.close)
        if self._answered or not self._closing:
            event.ignore()
        return self._answered or not self._closing

    def _find(self, place: QObject | None) -> None:
        while place is not None and not isinstance(place, QMainWindow):
            place = place.parent()
        if isinstance(place, QMainWindow) and (self._window is None or self._window() is not place):
            self._window = ref(place)
            place.installEventFilter(self)


def leave_box(
    parent: QWidget, training: Sequence[str], embedding: str, may_stay: bool
) -> tuple[QMessageBox, Callable[[], Leave]]:
    """Return a question about running tasks, and a function that reads its answer.

    Parameters
    ----------
    parent
        The window that closes.
    training
        Names of runs that train.
    embedding
        Name of a run whose cells are being embedded; empty for none.
    may_stay
        Whether the window can still stay open.
    """
    box, one = QMessageBox(parent), len(training) == 1
    said, hints = [], []
    if training:
        said.append(f"Still training: {', '.join(training)}.")
        hints.append(
            f"Left running, {'it continues' if one else 'they continue'} without napari and can be watched "
            "again: open the same project, then Training > Runs. Stopped, "
            f"{'it keeps' if one else 'they keep'} a checkpoint and can be resumed."
        )
    if embedding:
        said.append(f"Still embedding the cells of run {embedding}.")
        hints.append("Closing stops the embedding; an earlier one is kept.")
    box.setWindowTitle("Background tasks are still running")
    box.setText("\n".join(said))
    box.setInformativeText("\n\n".join(hints))
    role = QMessageBox.ButtonRole
    leave = box.addButton("Leave running" if training else "Close and stop it", role.AcceptRole)
    stop = box.addButton("Stop it" if one else "Stop them", role.DestructiveRole) if training else None
    stay = box.addButton("Keep napari open", role.RejectRole) if may_stay else None
    box.setDefaultButton(leave if training or stay is None else stay)
    box.setEscapeButton(leave if stay is None else stay)

    def answer() -> Leave:
        clicked = box.clickedButton()
        if stay is not None and clicked is stay:
            return Leave.STAY
        return Leave.STOPPED if stop is not None and clicked is stop else Leave.RUNNING

    return box, answer
