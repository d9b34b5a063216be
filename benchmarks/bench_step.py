"""A training step of Lightning with our callbacks and loader against a bare torch loop, same network."""

from __future__ import annotations

import tempfile
import time
import warnings
from pathlib import Path

import torch
from runner import Result, finish

from dynaclr.datamodule import MultiExperimentDataModule
from dynaclr.encoder.small_encoder import SmallEncoder
from dynaclr.engine import ContrastiveModule
from dynaclr.loss import NTXentHCL
from dynaclr.pipeline import Stage
from dynaclr.runs.process.checkpointing import RunCheckpoints
from dynaclr.runs.process.guards import GuardTraining
from dynaclr.runs.process.recorder import RunRecorder
from dynaclr.runs.process.stopping import StopOnRequest
from dynaclr.runs.record.layout import new_run_folder
from dynaclr.testing import synthetic_experiments

STEPS, BATCH = 30, 64


def data(experiments: Path) -> MultiExperimentDataModule:
    """Return the data of both loops."""
    return MultiExperimentDataModule(
        str(experiments), (0, 2), (48, 48), (48, 48), [], batch_size=BATCH, no_validation=True, num_workers=0
    )


def module() -> ContrastiveModule:
    """Return the network of both loops."""
    torch.manual_seed(0)
    return ContrastiveModule(SmallEncoder(2, 2), NTXentHCL(0.2), lr=1e-3, health_every_n_steps=0)


def bare(experiments: Path) -> float:
    """Return the seconds of a plain loop over the same batches."""
    source, model = data(experiments), module()
    source.setup("fit")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    pipeline, sampler, done = source.pipeline, source.pipeline.sampler(), 0
    start = 0.0
    while done < STEPS + 3:
        if done == 3:
            start = time.perf_counter()
        rows = sampler.batch(done // len(sampler), done % len(sampler))
        batch = pipeline.prepare(pipeline.train_dataset.__getitems__(rows), Stage.TRAIN)
        projections = model.encoder(torch.cat([batch["anchor"], batch["positive"]]))[1]
        loss = model.loss_function(projections, torch.arange(BATCH).repeat(2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        done += 1
    return time.perf_counter() - start


def with_lightning(experiments: Path, folder: Path) -> float:
    """Return the seconds of the same steps with trainer, callbacks and run folder."""
    from lightning.pytorch import Callback, Trainer

    class Clock(Callback):
        start, end, seen = 0.0, 0.0, 0

        def on_train_batch_end(self, *_: object) -> None:
            self.seen += 1
            self.end = time.perf_counter()
            if self.seen == 3:
                self.start = self.end

    clock, run = Clock(), new_run_folder(folder, "bench")
    recorder = RunRecorder(run)
    trainer = Trainer(
        accelerator="cpu",
        max_steps=STEPS + 3,
        max_epochs=-1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[
            GuardTraining(),
            recorder,
            StopOnRequest(run.stop),
            RunCheckpoints(run.checkpoints, recorder, None),
            clock,
        ],
    )
    trainer.fit(module(), datamodule=data(experiments))
    return clock.end - clock.start


def main() -> None:
    torch.set_num_threads(2)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        experiments = synthetic_experiments(Path(temporary), size="tiny")
        times = [
            (with_lightning(experiments, Path(temporary) / "runs"), bare(experiments)) for _ in range(4)
        ][1:]
    ratios = tuple(own / other for own, other in times)
    result = Result(f"{STEPS} steps of {BATCH} pairs", ratios, 1.03, times[-1][0], times[-1][1])
    print(result)
    finish([result])


if __name__ == "__main__":
    main()
