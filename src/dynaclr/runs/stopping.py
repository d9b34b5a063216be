"""Stops a training gracefully: at a step, on all ranks together, whoever asked."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

__all__ = ("StopOnRequest",)

_SIGNALS = ("SIGTERM", "SIGINT", "SIGUSR1", "SIGBREAK")


class StopOnRequest(Callback):
    """Ends the fit after the running step if the stop file is there or a signal came.

    A second signal interrupts at once. Handlers are installed when training starts, after
    Lightning's own, and put back when the fit ends.

    Parameters
    ----------
    stop_file
        Its presence asks for a stop.
    every_n_steps
        How often ranks agree and the file is looked for.
    """

    def __init__(self, stop_file: Path, every_n_steps: int = 1) -> None:
        self._file, self._every = stop_file, max(every_n_steps, 1)
        self._signal: str | None = None
        self._previous: dict[int, Any] = {}
        self.reason: str | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Install the handlers; off the main thread there are none to install."""
        if threading.current_thread() is not threading.main_thread():
            return
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is not None:
                self._previous[number] = signal.signal(number, self._note)

    def _note(self, number: int, frame: Any) -> None:
        if self._signal is not None:
            raise KeyboardInterrupt(f"second signal ({signal.Signals(number).name})")
        self._signal = signal.Signals(number).name

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Agree on whether to stop."""
        if self.reason is not None or trainer.global_step % self._every:
            return
        asked = self._signal is not None or self._file.exists()
        if trainer.strategy.reduce_boolean_decision(asked, all=False):
            self.reason = f"signal {self._signal}" if self._signal else "stop file"
            trainer.should_stop = True
            # Lightning goes on to min_epochs otherwise
            trainer.fit_loop.min_epochs = 0
            trainer.fit_loop.epoch_loop.min_steps = 0

    def restore(self) -> None:
        """Put the handlers back that were there before."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the handlers back while Lightning's own are still due; later it has removed them."""
        self.restore()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Put the handlers back."""
        self.restore()
