"""What was asked of a fit against what a checkpoint restores, and why a fit came to its end."""

from __future__ import annotations

import inspect
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, Timer
from lightning.pytorch.callbacks.early_stopping import EarlyStoppingReason

_PLAIN = (bool, int, float, str, type(None))


class AskedNow(Callback):
    """Gives other callbacks the options back that they were made with.

    Lightning puts some of them into the state of a callback (the patience of `EarlyStopping`), and so a
    checkpoint would win over what is asked when a run is gone on with.

    Parameters
    ----------
    callbacks
        Callbacks as they were made, before a checkpoint is read.
    """

    def __init__(self, callbacks: list[Callback]) -> None:
        self._asked = [(item, _options(item)) for item in callbacks]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set the options; a fit that was stopped early, and would be with them again, is not begun."""
        for callback, options in self._asked:
            for name, value in options.items():
                setattr(callback, name, value)
            if not isinstance(callback, EarlyStopping):
                continue
            if (
                callback.stopping_reason is EarlyStoppingReason.PATIENCE_EXHAUSTED
                and callback.wait_count >= callback.patience
            ):
                trainer.should_stop = True
            else:
                callback.stopping_reason = EarlyStoppingReason.NOT_STOPPED


def _options(callback: Callback) -> dict[str, Any]:
    """Return the arguments of a callback that it keeps under their names."""
    names = inspect.signature(type(callback).__init__).parameters
    kept = vars(callback)
    return {name: kept[name] for name in names if name in kept and isinstance(kept[name], _PLAIN)}


def why_ended(trainer: Trainer, batches: int) -> str:
    """Return why a fit that nobody stopped is over.

    Parameters
    ----------
    trainer
        The trainer of the fit.
    batches
        How many batches it had.
    """
    reason, option = _end(trainer)
    return reason if batches else f"nothing to do: {reason}. What decides is {option}."


def _end(trainer: Trainer) -> tuple[str, str]:
    """Return why a fit is over, and the option that says so."""
    epochs, steps = trainer.max_epochs, trainer.max_steps
    if trainer.fast_dev_run:  # type: ignore[attr-defined]
        return f"trainer.fast_dev_run: {steps} steps done", "trainer.fast_dev_run"
    if epochs is not None and 0 <= epochs <= trainer.fit_loop.epoch_progress.current.processed:  # type: ignore[attr-defined]
        return "all epochs done", f"trainer.max_epochs, now {epochs}"
    if 0 <= steps <= trainer.global_step:
        return f"trainer.max_steps: {steps} steps done", f"trainer.max_steps, now {steps}"
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        left = callback.time_remaining() if isinstance(callback, Timer) else None
        if left is not None and left <= 0:
            return "trainer.max_time is over", "trainer.max_time"
        if isinstance(callback, EarlyStopping) and (
            callback.stopping_reason is not EarlyStoppingReason.NOT_STOPPED
        ):
            told = str(callback.stopping_reason_message).removesuffix(" Signaling Trainer to stop.")
            return f"stopped early: {told.rstrip('.')}", "the patience of EarlyStopping"
    return "a callback ended the training", "trainer.callbacks"
