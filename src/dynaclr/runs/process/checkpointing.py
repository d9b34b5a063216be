"""Which checkpoints a run keeps: last, best, and every so often."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from dynaclr.runs.process.recorder import RunRecorder


class RunCheckpoints(Checkpoint):
    """Writes last.ckpt, best.ckpt and epoch=E-step=S.ckpt; never non-finite weights.

    Stands after the callbacks that ask for a stop: a fit that is stopped inside an epoch is saved at
    that batch. Later, at the end Lightning gives the epoch, its progress counts the epoch as done and a
    resume would skip what was left of it. Lightning calls it, as a `Checkpoint`, after the callbacks whose
    state it writes.

    Parameters
    ----------
    folder
        Where.
    recorder
        Told about each.
    monitor
        Metric, smaller is better, that chooses best.ckpt; None for no best.
    every_n_epochs
        How often a checkpoint is kept for good; 0 for never.
    every_n_steps
        How often last.ckpt is written inside an epoch; 0 for its end only.
    """

    def __init__(
        self,
        folder: Path,
        recorder: RunRecorder,
        monitor: str | None = "loss/val",
        every_n_epochs: int = 0,
        every_n_steps: int = 0,
    ) -> None:
        self._folder, self._recorder, self._monitor = folder, recorder, monitor
        self._every_n_epochs, self._every_n_steps = every_n_epochs, every_n_steps
        self._best = math.inf
        self._last_step, self._seen_step = -1, 0

    def state_dict(self) -> dict[str, Any]:
        """Return the best value so far, and of what."""
        return {"best": self._best, "monitor": self._monitor}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the best value of the run that is resumed, unless another metric chooses now."""
        if state_dict.get("monitor", self._monitor) == self._monitor:
            self._best = float(state_dict["best"])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note how many steps are done."""
        self._seen_step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write last.ckpt in the middle of an epoch if it is time, or if the fit stops here."""
        stepped, self._seen_step = trainer.global_step != self._seen_step, trainer.global_step
        if _ends_here(trainer) and not _epoch_is_whole(trainer):
            self._last(trainer, "stop")
        elif stepped and self._every_n_steps and trainer.global_step % self._every_n_steps == 0:
            self._last(trainer, "steps")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the weights of a validation inside an epoch; its end is another moment."""
        if not trainer.sanity_checking and "val" in (self._monitor or "") and not _epoch_is_whole(trainer):
            self._best_of(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the checkpoints of the end of a whole epoch; validation has run."""
        if not _epoch_is_whole(trainer):
            return
        self._best_of(trainer)
        self._last(trainer, "epoch")
        number = trainer.current_epoch + 1
        if self._every_n_epochs and number % self._every_n_epochs == 0:
            self._save(trainer, f"epoch={trainer.current_epoch}-step={trainer.global_step}.ckpt", "kept")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write last.ckpt if nothing has been written at this step."""
        self._last(trainer, "end")

    def _best_of(self, trainer: Trainer) -> None:
        value = trainer.callback_metrics.get(self._monitor) if self._monitor else None
        if value is not None and math.isfinite(float(value)) and float(value) < self._best:
            self._best = float(value)
            self._save(trainer, "best.ckpt", f"{self._monitor} {self._best:.6g}")

    def _last(self, trainer: Trainer, reason: str) -> None:
        if trainer.global_step != self._last_step or reason == "epoch":
            self._last_step = trainer.global_step
            self._save(trainer, "last.ckpt", reason)

    def _save(self, trainer: Trainer, name: str, reason: str) -> None:
        if not all(bool(torch.isfinite(weight).all()) for weight in trainer.lightning_module.parameters()):
            return
        trainer.save_checkpoint(self._folder / name, weights_only=False)
        self._recorder.checkpoint(trainer, f"{self._folder.name}/{name}", reason)


def _ends_here(trainer: Trainer) -> bool:
    """Whether no batch follows, as far as is known when a batch ends."""
    return trainer.should_stop or 0 < trainer.max_steps <= trainer.global_step


def _epoch_is_whole(trainer: Trainer) -> bool:
    """Whether the batch that ran last is the last of its epoch."""
    return trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
