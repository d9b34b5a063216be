"""None"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from tests.support.trainers import quiet_trainer

from dynaclr.base.errors import TrainingError
from dynaclr.base.random import BatchKey, KeyedBatch
from dynaclr.runs.process.guards import STALL_SECONDS, GuardTraining, StallWatch
from dynaclr.sampler.sequential import SequentialBatches
from dynaclr.training.loader import BatchLoader


class Keyed(SequentialBatches):
    def batch(self, epoch: int, k: int) -> KeyedBatch:
        return KeyedBatch(super().batch(epoch, k), BatchKey(11, epoch, k))


class Rows:
    def __init__(self, fails_at: int | None = None) -> None:
        self.fails_at = fails_at

    def __len__(self) -> int:
        return 48

    def __getitems__(self, rows: KeyedBatch) -> dict[str, Any]:
        if self.fails_at == rows.key.batch:
            raise OSError("chunk 7 of A/1/0 is damaged")
        return {"anchor": torch.tensor(rows, dtype=torch.float32), "key": rows.key}


class Model(LightningModule):
    """A loss that is no number at the given steps, without harm to the weight."""

    def __init__(self, bad_steps: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.bad_steps, self.steps = bad_steps, 0

    def training_step(self, batch: dict[str, Any], number: int) -> torch.Tensor:
        loss = ((batch["anchor"].mean() - self.weight) ** 2).sum()
        bad = self.steps in self.bad_steps
        self.steps += 1
        return loss + float("nan") if bad else loss

    def validation_step(self, batch: dict[str, Any], number: int) -> None:
        self.log("loss/val", self.weight.sum(), batch_size=8)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 1e-3)


def fit(
    model: Model, guard: GuardTraining, train: Any = None, val: Any = None, *more: Callback, **options: Any
) -> Trainer:
    trainer = quiet_trainer(**{"num_sanity_val_steps": 0} | options, callbacks=[*more, guard])
    trainer.fit(model, BatchLoader(Rows(), Keyed(48, 8), 2) if train is None else train, val)
    return trainer


class Swallows:
    """What a loader does whose buffer thread dies: a normal end, too early."""

    def __init__(self, batches: int) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return 6

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for place, rows in enumerate(Keyed(48, 8)):
            if place < self.batches:
                yield Rows().__getitems__(rows)


def test_a_good_training_passes() -> None:
    model = Model()
    fit(model, GuardTraining("loss/val"), val=BatchLoader(Rows(), Keyed(16, 8)))
    assert model.steps == 12


@pytest.mark.parametrize("batches", [1, 5])
def test_lost_batches(batches: int) -> None:
    with pytest.raises(TrainingError, match=f"batches are missing.*expected 6; found {batches}"):
        fit(Model(), GuardTraining(), Swallows(batches))


@pytest.mark.parametrize("workers", [0, 3])
def test_the_error_of_the_dataset_ends_the_training(workers: int) -> None:
    model = Model()
    with pytest.raises(OSError, match="chunk 7 of A/1/0 is damaged"):
        fit(model, GuardTraining(), BatchLoader(Rows(fails_at=4), Keyed(48, 8), workers))
    assert model.steps == 4


class StopsAt(Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        trainer.should_stop = trainer.global_step >= self.step


def test_a_stop_and_limits_lose_nothing() -> None:
    stopped = fit(Model(), GuardTraining(), None, None, StopsAt(3))
    assert stopped.global_step == 3
    assert fit(Model(), GuardTraining(), max_steps=8, max_epochs=-1).global_step == 8
    assert fit(Model(), GuardTraining(), limit_train_batches=2).global_step == 4


@pytest.mark.filterwarnings("ignore:Total length of")
@pytest.mark.parametrize("options", [{}, {"limit_train_batches": 0}])
def test_no_batches(options: dict[str, Any]) -> None:
    class Empty(Keyed):
        def __len__(self) -> int:
            return 6 if options else 0

    with pytest.raises(TrainingError, match="no training batches"):
        fit(Model(), GuardTraining(), BatchLoader(Rows(), Empty(48, 8)), **options)


def test_a_finished_run_that_is_resumed_is_no_run_without_batches(tmp_path: Path) -> None:
    fit(Model(), GuardTraining()).save_checkpoint(tmp_path / "last.ckpt")
    model = Model()
    trainer = quiet_trainer(callbacks=[GuardTraining()])
    trainer.fit(model, BatchLoader(Rows(), Keyed(48, 8)), ckpt_path=tmp_path / "last.ckpt")
    assert model.steps == 0


def test_bad_losses_in_a_row() -> None:
    model = Model(bad_steps=(1, 2, 4, 7, 8, 9, 10))
    with pytest.raises(TrainingError, match=r"batch 3 of epoch 1, seed 11.*step 10.*found nan"):
        fit(model, GuardTraining(patience=3))
    assert model.steps == 10


def test_the_experiments_of_a_bad_batch_are_named() -> None:
    class OfExperiments(Rows):
        def __getitems__(self, rows: KeyedBatch) -> dict[str, Any]:
            codes = np.array([2, 0]) if rows.key.batch == 4 else np.array([1])
            return {**super().__getitems__(rows), "anchor_meta": {"experiment": codes}}

    guard = GuardTraining(patience=1, experiments=("hela_may", "hela_june", "a549"))
    with pytest.raises(TrainingError, match=r"^experiment hela_may, a549, row batch 4 of epoch 0, seed 11"):
        fit(Model(bad_steps=(4,)), guard, BatchLoader(OfExperiments(), Keyed(48, 8)))


def test_bad_losses_at_the_end_of_the_training() -> None:
    with pytest.raises(TrainingError, match="non-finite"):
        fit(Model(bad_steps=(11,)), GuardTraining(patience=3))


def test_a_missing_monitor_is_found_at_the_first_validation() -> None:
    model = Model()
    with pytest.raises(TrainingError, match=r"'loss/val'.*found 'loss/vall'"):
        fit(
            model,
            GuardTraining("loss/vall"),
            val=BatchLoader(Rows(), Keyed(16, 8)),
            num_sanity_val_steps=2,
        )
    assert model.steps == 6


def test_a_stall_is_told_once_and_again_after_it_moved() -> None:
    told: list[str] = []
    now = [0.0]
    watch = StallWatch(told.append, lambda: now[0])
    now[0] = 10 * STALL_SECONDS
    watch.look()
    assert told == []  # nothing has begun
    watch.moved("step 12")
    now[0] += STALL_SECONDS - 1
    watch.look()
    assert told == []
    for _ in range(3):
        now[0] += 2
        watch.look()
    assert len(told) == 1
    assert told[0].startswith(f"nothing has been done for {STALL_SECONDS + 1:.0f} s since step 12.")
    watch.moved("step 13")
    now[0] += STALL_SECONDS
    watch.look()
    assert "since step 13." in told[1]
    watch.moved("step 14")
    watch.rest()
    now[0] += 2 * STALL_SECONDS
    watch.look()
    assert len(told) == 2
