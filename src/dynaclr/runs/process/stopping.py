"""Stops a training gracefully: at a step, on all ranks together, whoever asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from dynaclr.runs.process.alarms import Alarms, Mode
from dynaclr.runs.record.layout import folder_gone, is_gone


class StopOnRequest(Callback):
    """Ends the fit after the running step if the stop file is there or a signal came.

    Inside an epoch no validation follows: who asks for an end does not wait for one. Whoever asks, an end
    waits for the optimizer where gradients are gathered: they are in no checkpoint.

    Parameters
    ----------
    stop_file
        Its presence asks for a stop.
    alarms
        Who notes signals; None for the stop file only.
    every_n_steps
        How often ranks agree and the file is looked for.
    on_stop
        Called when a stop has been agreed on.
    """

    def __init__(
        self,
        stop_file: Path,
        alarms: Alarms | None = None,
        every_n_steps: int = 1,
        on_stop: Callable[[], None] | None = None,
    ) -> None:
        self._file, self._alarms, self._every = stop_file, alarms, max(every_n_steps, 1)
        self._on_stop = on_stop
        self.reason: str | None = None
        self._step, self._gathers, self._held = 0, False, False

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals: Lightning has set handlers of its own."""
        if self._alarms is not None:
            self._alarms.take_signals()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals, and let them end the step that runs instead of interrupting it."""
        if self._alarms is not None:
            self._alarms.take_signals()
            self._alarms.set_mode(Mode.AT_STEP)
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Agree on whether to stop.

        Raises
        ------
        RunError
            If the run folder is not there any more.
        """
        self._gathers, self._step = trainer.global_step == self._step, trainer.global_step
        if self._gathers:
            self._hold(trainer)
            return
        trainer.should_stop, self._held = trainer.should_stop or self._held, False
        if self.reason is not None or trainer.global_step % self._every:
            return
        received = None if self._alarms is None else self._alarms.received
        if is_gone(self._file.parent):
            raise folder_gone(self._file.parent)
        asked = received is not None or _is_there(self._file)
        if trainer.strategy.reduce_boolean_decision(asked, all=False):
            found = "stop file" if _is_there(self._file) else "another process was asked to stop"
            self.reason = f"signal {received.name}" if received else found
            _stop(trainer)
            if self._on_stop is not None:
                self._on_stop()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Hold back what a validation between two steps of the optimizer asks for."""
        if self._gathers:
            self._hold(trainer)

    def _hold(self, trainer: Trainer) -> None:
        self._held, trainer.should_stop = self._held or trainer.should_stop, False


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:  # a network disk that does not answer just now
        return False


def _stop(trainer: Trainer) -> None:
    trainer.should_stop = True
    # Lightning goes on to min_epochs otherwise
    trainer.fit_loop.min_epochs = 0
    trainer.fit_loop.epoch_loop.min_steps = 0
    if not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
        trainer.limit_val_batches = 0
