"""Measures a few steps of a real training: time, memory, waiting for data; writes no run folder."""

from __future__ import annotations

import sys
import time
from typing import Any

import psutil
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from dynaclr.base.errors import TrainingError, problem

STEPS = 8
_VAL_BATCHES = 4
_GIB = 2**30


class StepClock(Callback):
    """Times the steps of a fit; each is over when its device has done it.

    Parameters
    ----------
    warm_up
        Steps at the beginning that do not count: batches read ahead meanwhile cost them no waiting.
    """

    def __init__(self, warm_up: int) -> None:
        self._warm_up, self._before = warm_up, 0.0
        self._arrived = 0.0
        self.seconds: list[float] = []
        self.waited: list[float] = []

    def observe(self, batch: dict[str, Any]) -> None:
        """Note when a batch is handed over."""
        self._arrived = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note when a step is done."""
        if trainer.strategy.root_device.type == "cuda":
            torch.cuda.synchronize(trainer.strategy.root_device)
        now = time.perf_counter()
        if trainer.global_step > self._warm_up:
            self.seconds.append(now - self._before)
            self.waited.append(self._arrived - self._before)
        self._before = now


def measure(cli: Any, steps: int = STEPS) -> dict[str, Any]:
    """Return what some steps of a training cost.

    Parameters
    ----------
    cli
        A `TrainingCLI` on one device, without validation and callbacks of its own.
    steps
        How many are measured, after a warm-up.

    Raises
    ------
    ConfigError, DataError
        If the training cannot be set up.
    TrainingError
        If memory does not suffice; what to lower is said.
    """
    began = time.perf_counter()
    data, trainer = cli.datamodule, cli.trainer
    data.setup("fit")
    set_up = time.perf_counter() - began
    warm_up = 2 + data.num_workers + data.prefetch_batches
    clock = StepClock(warm_up)
    trainer.callbacks.append(clock)
    trainer.fit_loop.epoch_loop.max_steps = warm_up + steps
    data.observer = clock.observe
    device = trainer.strategy.root_device
    try:
        trainer.fit(cli.model, datamodule=data)
        validation = _validation_seconds(cli)
    except (RuntimeError, MemoryError) as error:
        if not is_memory(error):
            raise
        raise TrainingError(memory_message(data.config, device, error)) from error
    seconds, waited = sum(clock.seconds), sum(clock.waited)
    return {
        "seconds_per_step": seconds / len(clock.seconds),
        "steps_measured": len(clock.seconds),
        "waiting_share": waited / seconds,
        "setup_seconds": set_up,
        "validation_seconds": validation,
        "batch_size": data.config.sampling.batch_size,
        "batches_per_epoch": int(trainer.num_training_batches),
        "peak_process_bytes": _peak_bytes(),
        **_device_facts(device),
    }


def _validation_seconds(cli: Any) -> float:
    """Return what a whole validation costs, from its first batches; 0 if nothing validates."""
    if cli.datamodule.pipeline.val_dataset is None:
        return 0.0
    count = len(cli.datamodule.pipeline.val_batches())
    cli.trainer.limit_val_batches = min(_VAL_BATCHES, count)
    began = time.perf_counter()
    cli.trainer.validate(cli.model, datamodule=cli.datamodule, verbose=False)
    return (time.perf_counter() - began) * count / min(_VAL_BATCHES, count)


def is_memory(error: BaseException) -> bool:
    """Return whether an error says that memory of the device or the host ran out."""
    text = str(error)
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        "can't allocate memory" in text or "out of memory" in text
    )


def memory_message(config: Any, device: torch.device, error: BaseException) -> str:
    """Return what was asked of which memory, and what to lower."""
    size, patch = config.sampling.batch_size, list(config.data.yx_patch_size)
    depth = config.data.stack_depth
    facts = _device_facts(device)
    free, total = facts["device_free_bytes"], facts["device_total_bytes"]
    smaller = max(size // 2, 1)
    return problem(
        "not enough memory for a training step",
        field="data.batch_size",
        expected=f"less than the {free / _GIB:.1f} GiB free of {total / _GIB:.1f} GiB on {facts['device']}",
        found=f"{size} pairs of {depth} slices of {patch} px; {str(error).splitlines()[0] or 'MemoryError'}",
        fix=f"Lower data.batch_size to {smaller}, then the patch or the slices; a smaller encoder or "
        "trainer.precision bf16-mixed also needs less.",
    )


def _peak_bytes() -> int:
    """Return the most memory that this process has had."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _device_facts(device: torch.device) -> dict[str, Any]:
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        name, peak = torch.cuda.get_device_name(device), torch.cuda.max_memory_reserved(device)
    else:
        memory = psutil.virtual_memory()
        free, total, name, peak = memory.available, memory.total, device.type, 0
    return {
        "device": name,
        "device_total_bytes": int(total),
        "device_free_bytes": int(free),
        "peak_device_bytes": int(peak),
    }
