"""estimate: what a training will cost, as one line of JSON."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Sequence

_ONE_DEVICE = (
    "--trainer.devices=1",
    "--trainer.num_nodes=1",
    "--trainer.strategy=auto",
    "--trainer.max_epochs=-1",
    "--trainer.limit_val_batches=0",
    "--trainer.num_sanity_val_steps=0",
    "--trainer.enable_progress_bar=false",
    "--trainer.callbacks=null",
)


def run(verb: str, arguments: Sequence[str]) -> int:
    """Measure a few steps, print the result and return 0."""
    from dynaclr.cli.training import parse
    from dynaclr.runs.process.measuring import STEPS, measure

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore", UserWarning)  # a fit tells them again
    steps = f"--trainer.max_steps={100 * STEPS}"  # any number; the measurement sets its own
    cli = parse([*arguments, *_ONE_DEVICE, steps], verb)
    sys.stdout.write(json.dumps(measure(cli)) + "\n")
    return 0
