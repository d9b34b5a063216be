"""Background tasks for widgets: the newest wins, tasks can be canceled, errors are reported in words."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from napari.qt.threading import FunctionWorker, create_worker
from napari.utils import progress
from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, QTimer, Signal

from dynaclr.base.errors import ConfigError, DynaclrError

_LONG_MS, _DRAW_MS = 500, 250  # when the bar comes, and how often it changes
_TELL_S = 0.05
Tell = Callable[[str, int, int], None]
"""Called with (step, done, all); raises `Cancelled` if the work is no longer wanted."""


class Cancelled(Exception):
    """The task was canceled."""


class _Relay(QObject):
    """Carries progress from the thread of the work to the thread of the window."""

    told = Signal(str, int, int)


class _Job:
    """One piece of work: whether it is still wanted, and its bar in napari's activity dock.

    The bar comes only when the work takes long and changes a few times a second: whenever napari draws
    one, it lets other events in.
    """

    def __init__(self, title: str) -> None:
        self.title, self.wanted = title, True
        self.relay = _Relay()
        self.relay.told.connect(self._keep)
        self._bar: Any = None
        self._news: tuple[str, int, int] | None = None
        self._last = ("", 0.0)  # what was told last, and when
        self._drawing = False
        self._timer = QTimer(self.relay)
        self._timer.timeout.connect(self._draw)
        self._timer.start(_LONG_MS)

    def tell(self, step: str, done: int, total: int) -> None:
        """Report from the thread of the work."""
        if not self.wanted:
            raise Cancelled
        now = time.monotonic()
        if step != self._last[0] or now - self._last[1] > _TELL_S or done >= total:
            self._last = step, now
            self.relay.told.emit(step, done, total)

    def _keep(self, step: str, done: int, total: int) -> None:
        self._news = step, done, total

    def _draw(self) -> None:
        news, self._news = self._news, None
        self._timer.setInterval(_DRAW_MS)
        if news is None or not self.wanted or self._drawing:
            return
        self._drawing = True
        step, done, total = news
        bar = self._bar or progress(total=total, desc=self.title)
        if self.wanted:
            self._bar = bar
            bar.total, bar.n = total, done
            bar.set_description(f"{self.title}: {step}")
        else:  # it ended while napari drew
            bar.close()
        self._drawing = False

    def close(self) -> None:
        """Take the bar away."""
        self.wanted = False
        self._timer.stop()
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _Guarded:
    """Work whose ends are told in words; napari calls it by its title when it asks about it."""

    def __init__(self, title: str, work: Callable[[Tell], Any], tell: Tell) -> None:
        self._title, self._work, self._tell = title, work, tell

    def __call__(self) -> tuple[Any, str | None, bool]:
        """Return result, text of an error, and whether the work is still wanted."""
        try:
            return self._work(self._tell), None, True
        except Cancelled:
            return None, None, False
        except DynaclrError as error:
            return None, str(error), True

    def __str__(self) -> str:
        return self._title


class Jobs(QObject):
    """The background tasks of a window. Of one kind, only the newest counts.

    `changed` tells the kind of work that started or ended, and whether it is running.
    """

    changed = Signal(str, bool)
    told = Signal(str, str, int, int)
    """(kind, step, done, all) of work that is going on."""

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, _Job] = {}
        self._workers: set[Any] = set()
        self._closed = False

    def running(self, kind: str) -> bool:
        """Whether work of a kind is going on."""
        return kind in self._jobs

    def start(
        self,
        kind: str,
        work: Callable[[Tell], Any],
        done: Callable[[Any], None],
        failed: Callable[[str], None] | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        """Do work in a thread and hand its result to the thread of the window.

        Parameters
        ----------
        kind
            What it is, in the user's words; what of this kind is under way is given up.
        work
            Gets a function to report with; must not touch the window or the viewer.
        done
            Gets the result.
        failed
            Gets the text of an error that was written for the user; it is shown as a notification too.
        quiet
            Whether errors need no notification, and the window closes without a question: nobody asked for
            the work yet.
        """
        if self._closed:
            return
        self.cancel(kind)
        job = self._jobs[kind] = _Job(kind)
        job.relay.told.connect(lambda step, n, total: self.told.emit(kind, step, n, total))

        def deliver(outcome: tuple[Any, str | None, bool]) -> None:
            value, text, ended = outcome
            wanted = job.wanted and ended
            self._end(kind, job)
            if not wanted:
                return
            if text is None:
                done(value)
            else:
                if not quiet:
                    show_error(text)
                if failed is not None:
                    failed(text)

        def broken(error: BaseException) -> None:
            self._end(kind, job)
            if failed is not None:
                failed(f"{type(error).__name__}: {error}")

        guarded = _Guarded(kind, work, job.tell)
        # napari asks about the work that it knows of before a window closes
        worker = FunctionWorker(guarded) if quiet else create_worker(guarded, _start_thread=False)
        self._workers.add(worker)
        worker.returned.connect(deliver)
        worker.errored.connect(broken)
        worker.finished.connect(lambda: self._workers.discard(worker))
        self.changed.emit(kind, True)
        worker.start()

    def cancel(self, kind: str) -> None:
        """Cancel the task of a kind: it ends at its next report, and its result is dropped."""
        job = self._jobs.get(kind)
        if job is not None:
            self._end(kind, job)

    def _end(self, kind: str, job: _Job) -> None:
        job.close()
        if self._jobs.get(kind) is job:
            del self._jobs[kind]
            self.changed.emit(kind, False)

    def leave(
        self,
        *kinds: str,
        changed: Callable[[str, bool], None] | None = None,
        told: Callable[[str, str, int, int], None] | None = None,
    ) -> None:
        """Tell a listener no more, and give its kinds of work up; for one that ends.

        Qt may have deleted this already, as it does when an application ends: then there is nothing to do.
        """
        with suppress(RuntimeError):
            if changed is not None:
                self.changed.disconnect(changed)
            if told is not None:
                self.told.disconnect(told)
            for kind in kinds:
                self.cancel(kind)

    def close(self) -> None:
        """Cancel all tasks, for good."""
        for kind in list(self._jobs):
            self.cancel(kind)
        self._closed = True


def telling_errors(work: Callable[[Tell], Any]) -> Callable[[Tell], Any]:
    """Return work whose errors of the disk are written for the user."""

    def told(tell: Tell) -> Any:
        try:
            return work(tell)
        except OSError as error:
            raise ConfigError(f"{error.filename}: cannot be written: {error.strerror}") from error

    return told
