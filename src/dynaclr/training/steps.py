"""How many optimizer steps a fit has from its beginning to its end, with what is asked of it now."""

from __future__ import annotations

import math

from lightning.pytorch import Trainer


def total_steps(trainer: Trainer) -> float:
    """Return the steps that are done and those that are left; infinity for no end.

    Lightning's own estimate multiplies epochs by steps, as if a resumed run had had the batches of an
    epoch that it has now.

    Parameters
    ----------
    trainer
        A trainer that starts to train: progress is restored, loaders are there.
    """
    loop = trainer.fit_loop
    if trainer.max_epochs in (None, -1):
        return float(trainer.max_steps) if trainer.max_steps != -1 else math.inf
    assert trainer.max_epochs is not None
    window = trainer.accumulate_grad_batches
    batches = loop.epoch_loop.batch_progress
    inside = batches.current.ready if loop.restarted_mid_epoch and not batches.is_last_batch else 0
    epochs = max(trainer.max_epochs, 1) - loop.epoch_progress.current.processed  # type: ignore[attr-defined]
    left = epochs * math.ceil(trainer.num_training_batches / window) - inside // window
    total = trainer.global_step + max(left, 0)
    return float(total if trainer.max_steps == -1 else min(total, trainer.max_steps))
