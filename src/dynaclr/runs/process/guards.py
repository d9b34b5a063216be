"""Ends a training that would end as a success though it is none."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from dynaclr.base import keys
from dynaclr.base.errors import TrainingError, problem


class GuardTraining(Callback):
    """Fails on no batches, lost batches, a non-finite loss, and a missing monitored metric.

    Parameters
    ----------
    monitor
        Metric that the best checkpoint is chosen by; None for none.
    patience
        Steps in a row with a non-finite loss before the training ends.
    experiments
        Names of the experiments by the codes that batches hold.
    """

    def __init__(
        self, monitor: str | None = None, patience: int = 3, experiments: Sequence[str] = ()
    ) -> None:
        self._monitor, self._patience, self._experiments = monitor, patience, experiments
        self._bad, self._seen = 0, 0

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse a training that had no batches; Lightning starts none then, and ends well."""
        if trainer.limit_train_batches == 0 or not trainer.num_training_batches:
            raise TrainingError(
                problem(
                    "no training batches",
                    expected="at least one",
                    found=0,
                    fix="Lower batch_size or widen the selection.",
                )
            )

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start counting."""
        self._seen = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch and look at its loss."""
        self._seen = batch_idx + 1  # a resumed epoch goes on counting
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if loss is None or bool(torch.isfinite(loss.detach()).all()):
            self._bad = 0
            return
        self._bad += 1
        if self._bad >= self._patience:
            key = batch.get(keys.BATCH_KEY) if isinstance(batch, dict) else None
            raise TrainingError(
                problem(
                    f"the loss is non-finite at step {trainer.global_step} and {self._bad - 1} steps before",
                    experiment=self._of(batch),
                    found=float(loss.detach()),
                    row=None if key is None else f"batch {key.batch} of epoch {key.epoch}, seed {key.seed}",
                    fix="Lower the learning rate, or look at this batch; the last good checkpoint is kept.",
                )
            )

    def _of(self, batch: Any) -> str | None:
        """Return the names of the experiments of a batch."""
        meta = batch.get(keys.ANCHOR_META, {}) if isinstance(batch, dict) else {}
        codes = sorted({int(code) for code in meta.get(keys.EXPERIMENT, ())})
        return ", ".join(self._experiments[code] for code in codes if code < len(self._experiments)) or None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare the batches of the epoch with what the loader promised."""
        expected = trainer.num_training_batches
        stopped = trainer.should_stop or trainer.global_step >= trainer.max_steps > 0
        if not stopped and math.isfinite(expected) and self._seen != expected:
            raise TrainingError(
                problem(
                    "batches are missing",
                    field="batches of the epoch",
                    expected=expected,
                    found=self._seen,
                )
            )

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Refuse an end with fewer bad steps than the patience: the weights are lost all the same."""
        if self._bad and not trainer.should_stop:
            raise TrainingError(
                problem(
                    f"training ends with a non-finite loss at step {trainer.global_step}",
                    fix="Lower the learning rate; the last good checkpoint is kept.",
                )
            )

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check that the metric which chooses the best checkpoint exists."""
        if trainer.sanity_checking or self._monitor is None or self._monitor in trainer.callback_metrics:
            return
        raise TrainingError(
            problem(
                "metric for the best checkpoint is not logged",
                field="run.monitor",
                expected=f"one of {sorted(trainer.callback_metrics)}",
                found=repr(self._monitor),
            )
        )


STALL_SECONDS = 120.0


class StallWatch:
    """Warns once each time that nothing has moved for long.

    Parameters
    ----------
    warn
        Gets the text.
    clock
        Seconds that only go forwards.
    """

    def __init__(self, warn: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._warn, self._clock = warn, clock
        self._last: float | None = None
        self._told = False
        self._done = ""

    def moved(self, done: str) -> None:
        """Note what was done."""
        self._last, self._told, self._done = self._clock(), False, done

    def rest(self) -> None:
        """Expect nothing until something moves again."""
        self._last = None

    def look(self) -> None:
        """Warn if the last move is too long ago."""
        last = self._last
        if last is None or self._told or self._clock() - last < STALL_SECONDS:
            return
        self._told = True
        self._warn(
            f"nothing has been done for {self._clock() - last:.0f} s since {self._done}. Does the disk that "
            "holds the pixels answer, and the device? A stop waits for the next step; a second one does not."
        )
