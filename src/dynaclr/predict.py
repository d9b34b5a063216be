"""Writes what a module predicts into an embedding table, batch by batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from dynaclr import keys
from dynaclr.embeddings import EmbeddingWriter
from dynaclr.errors import ConfigError, problem

__all__ = ("PredictionWriter", "predict_to_file")


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


def predict_to_file(
    trainer: Trainer, module: LightningModule, datamodule: Any, checkpoint: str | None, output: Path
) -> int:
    """Embed every observation into a parquet file; return the number of rows.

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
        trainer.callbacks.append(PredictionWriter(writer))  # type: ignore[attr-defined]
        trainer.predict(module, datamodule=datamodule, ckpt_path=checkpoint, return_predictions=False)
    return writer.rows
