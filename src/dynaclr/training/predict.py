"""Writes what a module predicts into an embedding table, batch by batch."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from dynaclr.base import keys
from dynaclr.base.errors import ConfigError, problem
from dynaclr.embedding import EmbeddingWriter

_LINE_SECONDS = 1.0


class PredictionWriter(Callback):
    """Hands every predicted batch to an `EmbeddingWriter`."""

    def __init__(self, writer: EmbeddingWriter) -> None:
        self._writer = writer

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Write a batch."""
        self._writer.write(outputs["features"].numpy(), outputs["projections"].numpy(), outputs[keys.INDEX])


class PredictionPace(Callback):
    """Writes a line a second at most that says how far a prediction is, for who has no progress bar.

    Parameters
    ----------
    write
        Gets the lines, each with its end; None for the terminal.
    """

    def __init__(self, write: Callable[[str], Any] | None = None) -> None:
        self._write, self._due = write or sys.stdout.write, 0.0

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Say how many batches are done."""
        total = int(trainer.num_predict_batches[dataloader_idx])
        if time.monotonic() >= self._due or batch_idx + 1 == total:
            self._due = time.monotonic() + _LINE_SECONDS
            self._write(f"embedded batch {batch_idx + 1} of {total}\n")


def predict_to_file(
    trainer: Trainer, module: LightningModule, datamodule: Any, checkpoint: str | None, output: Path
) -> tuple[int, int]:
    """Embed every observation into a parquet file.

    Returns
    -------
    Number of rows, and of those among them whose vectors hold NaN or Inf.

    Raises
    ------
    ConfigError
        If the trainer has more than one device: one file has one writer.
    """
    if trainer.world_size > 1:
        raise ConfigError(
            problem(
                "prediction writes from one device",
                field="trainer.devices",
                expected=1,
                found=trainer.world_size,
            )
        )
    with EmbeddingWriter(output) as writer:
        callbacks: list[Callback] = [PredictionWriter(writer)]
        if trainer.progress_bar_callback is None:
            callbacks.append(PredictionPace())
        trainer.callbacks.extend(callbacks)  # type: ignore[attr-defined]
        trainer.predict(module, datamodule=datamodule, ckpt_path=checkpoint, return_predictions=False)
    return writer.rows, writer.not_finite
