"""Writes what happens in a training into its run folder; decides nothing."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from dynaclr.base import keys
from dynaclr.base.files import write_json_atomically
from dynaclr.base.fingerprint import batch_digest
from dynaclr.runs.process.guards import StallWatch
from dynaclr.runs.record.events import EventWriter
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.states import Outcome, State
from dynaclr.runs.record.status import StatusWriter
from dynaclr.training.steps import total_steps


class RunRecorder(Callback):
    """Events, status and previews of a run; rank 0 writes, other ranks note only how they ended.

    Parameters
    ----------
    folder
        The run folder.
    rank
        This process's number.
    every_n_steps
        How often metrics of a step are written.
    previews
        How many batches are described in previews/.

    Attributes
    ----------
    batches
        How many batches were trained on since this start.
    """

    def __init__(self, folder: RunFolder, rank: int = 0, every_n_steps: int = 1, previews: int = 4) -> None:
        self._folder, self._rank = folder, rank
        self._every, self._previews = max(every_n_steps, 1), previews
        self._events = EventWriter(folder.events(rank), folder.path.name)
        self._stalls = StallWatch(self.warn)
        self._status = StatusWriter(folder.status, self._stalls.look) if rank == 0 else None
        self._clock, self._rows = time.monotonic(), 0
        self._asked, self._arrived, self._waited = self._clock, self._clock, 0.0
        self._shown: dict[str, float] = {}
        self.batches = 0
        self._open = threading.Lock()  # whoever ends the run takes it and keeps it

    def observe(self, batch: dict[str, Any]) -> None:
        """Note when the loader hands a batch over; describe it while previews are wanted."""
        self._arrived = time.monotonic()
        if self._previews > 0 and self._rank == 0 and keys.POSITIVE in batch:
            self._previews -= 1
            key = batch[keys.BATCH_KEY]
            name = f"epoch={key.epoch}-batch={key.batch}.json"
            write_json_atomically(self._folder.previews / name, batch_digest(batch))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note where training starts, and how far it is to go."""
        if self._status is None:
            return
        self._clock, self._rows = time.monotonic(), 0
        self._asked, self._waited = self._clock, 0.0
        total = total_steps(trainer)
        facts: dict[str, Any] = {
            "total_steps": int(total) if math.isfinite(total) else None,
            "total_epochs": trainer.max_epochs,
            "world_size": trainer.world_size,
            "batches_per_epoch": int(trainer.num_training_batches),
        }
        step = trainer.global_step
        self._events.write("start", epoch=trainer.current_epoch, step=step, resumed_from_step=step, **facts)
        self._status.update(State.RUNNING, step=step, **facts)
        self._stalls.moved("the training began")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write the metrics of a step."""
        self.batches += 1
        if self._status is None:
            return
        self._stalls.moved(f"step {trainer.global_step}")
        now = time.monotonic()
        self._waited += max(self._arrived - self._asked, 0.0)
        self._asked = now
        if isinstance(batch, dict) and keys.ANCHOR in batch:
            self._rows += int(batch[keys.ANCHOR].shape[0])
        if trainer.global_step % self._every:
            return
        metrics = self._fresh(_numbers(trainer.logged_metrics))
        metrics["lr"] = float(trainer.optimizers[0].param_groups[0]["lr"])
        metrics["samples_per_second"] = self._rows * trainer.world_size / max(now - self._clock, 1e-9)
        metrics["waiting_share"] = min(self._waited / max(now - self._clock, 1e-9), 1.0)
        self._clock, self._rows, self._waited = now, 0, 0.0
        self._events.write("step", epoch=trainer.current_epoch, step=trainer.global_step, m=metrics)
        self._status.update(step=trainer.global_step, epoch=trainer.current_epoch)
        if isinstance(batch, dict) and keys.BATCH_KEY in batch:
            self._status.update(batch=int(batch[keys.BATCH_KEY].batch))  # in its epoch, over all ranks

    def _fresh(self, metrics: dict[str, float]) -> dict[str, float]:
        """Return the loss and what changed: Lightning repeats values that are logged now and then."""
        fresh = {
            name: value
            for name, value in metrics.items()
            if "val" not in name and (name == "loss/train" or self._shown.get(name) != value)
        }
        self._shown |= fresh
        return fresh

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Note that the validation goes on."""
        self._stalls.moved(f"batch {batch_idx} of the validation after step {trainer.global_step}")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Expect no more steps."""
        self._stalls.rest()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the metrics of a validation; its time is no waiting for batches."""
        self._asked = time.monotonic()
        if self._status is None or trainer.sanity_checking:
            return
        metrics = {name: value for name, value in _numbers(trainer.callback_metrics).items() if "val" in name}
        self._events.write("val", epoch=trainer.current_epoch, step=trainer.global_step, m=metrics)

    def checkpoint(self, trainer: Trainer, path: str, reason: str) -> None:
        """Note a checkpoint, its path relative to the run."""
        if self._status is not None:
            self._events.write(
                "ckpt", epoch=trainer.current_epoch, step=trainer.global_step, path=path, reason=reason
            )

    def stopping(self) -> None:
        """Note that a stop was asked for."""
        if self._status is not None and self._status.state is State.RUNNING:
            self._status.update(State.STOPPING)

    def warn(self, text: str) -> None:
        """Note a warning."""
        self._events.write("warn", text=text)

    def end(self, outcome: Outcome) -> None:
        """Write how the run ended, once, and close all files."""
        if not self._open.acquire(blocking=False):
            return
        if self._status is not None:
            if outcome.state is State.FAILED:
                self._events.write("error", text=outcome.reason)
            self._events.write(
                "end", state=outcome.state.value, reason=outcome.reason, exit_code=int(outcome.exit_code)
            )
            self._status.update(outcome.state, reason=outcome.reason, exit_code=int(outcome.exit_code))
            self._status.close()
        elif outcome.state is State.FAILED:
            self._events.write("error", text=outcome.reason)
        self._events.close()


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    """Return metrics as floats; Lightning's per-step and per-epoch twins under one name."""
    values: dict[str, float] = {}
    for name, value in metrics.items():
        plain = name.removesuffix("_step")
        if not name.endswith("_epoch"):
            values[plain] = float(value)
    return values
