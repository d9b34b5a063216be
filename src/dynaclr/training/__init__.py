"""What the training process adds to the pipeline: loader, health of embeddings, predict.

`dynaclr.engine` and `dynaclr.datamodule` are its doors for users.
"""

__all__ = (
    "draws",
    "health",
    "loader",
    "predict",
    "steps",
)
