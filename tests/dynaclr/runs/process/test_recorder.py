from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from tests.support.trainers import quiet_trainer

from dynaclr.base.errors import TrainingError
from dynaclr.base.fingerprint import batch_digest
from dynaclr.base.random import BatchKey
from dynaclr.runs.process.recorder import RunRecorder
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.states import State, outcome_of
from dynaclr.runs.record.status import read_status
from dynaclr.sampler.sequential import SequentialBatches
from dynaclr.training.loader import BatchLoader


class Rows:
    def __len__(self) -> int:
        return 32

    def __getitems__(self, rows: list[int]) -> dict[str, Any]:
        images = torch.tensor(rows, dtype=torch.float32).reshape(-1, 1, 1, 1, 1)
        return {
            "key": BatchKey(3, 0, rows[0] // 8),
            "anchor": images,
            "positive": images + 1,
            "anchor_meta": {"row": np.array(rows)},
            "positive_meta": {"row": np.array(rows) + 1, "tau_frames": np.ones(len(rows), dtype=int)},
        }


class Model(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.losses: list[float] = []

    def training_step(self, batch: dict[str, Any], number: int) -> torch.Tensor:
        loss = ((batch["anchor"].mean() - self.weight) ** 2).sum()
        self.losses.append(loss.item())
        self.log("loss/train", loss, on_step=True, on_epoch=True, batch_size=8)
        return loss

    def validation_step(self, batch: dict[str, Any], number: int) -> None:
        self.log("loss/val", self.weight.sum(), batch_size=8)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.25)


def run_folder(path: Path) -> RunFolder:
    folder = RunFolder(path)
    folder.previews.mkdir()
    folder.checkpoints.mkdir()
    return folder


def events(folder: RunFolder, kind: str | None = None, rank: int = 0) -> list[dict[str, Any]]:
    lines = folder.events(rank).read_text(encoding="utf-8").splitlines()
    return [event for event in map(json.loads, lines) if kind is None or event["kind"] == kind]


def fit(
    recorder: RunRecorder, model: Model, *more: Callback, rows: Rows | None = None, **options: Any
) -> Trainer:
    trainer = quiet_trainer(callbacks=[recorder, *more], **options)
    batches = SequentialBatches(32, 8)
    train = BatchLoader(rows or Rows(), batches, 2, observer=recorder.observe)
    trainer.fit(model, train, BatchLoader(Rows(), SequentialBatches(16, 8)))
    return trainer


def test_what_a_training_leaves(tmp_path: Path) -> None:
    folder, model = run_folder(tmp_path), Model()
    recorder = RunRecorder(folder, previews=3)
    fit(recorder, model)
    recorder.end(outcome_of(None, None))

    kinds = [event["kind"] for event in events(folder)]
    assert kinds == ["start", *["step"] * 4, "val", *["step"] * 4, "val", "end"]
    assert [event["seq"] for event in events(folder)] == list(range(len(kinds)))
    start = events(folder, "start")[0]
    assert (start["resumed_from_step"], start["total_steps"], start["total_epochs"]) == (0, 8, 2)
    assert (start["batches_per_epoch"], start["world_size"]) == (4, 1)
    assert events(folder, "end")[0]["state"] == "finished"
    assert events(folder, "end")[0]["exit_code"] == 0

    status = read_status(folder)
    assert (status["state"], status["step"], status["epoch"]) == ("finished", 8, 1)
    assert status["batch"] == 3


def test_numbers_of_a_step_are_those_of_that_step(tmp_path: Path) -> None:
    folder, model = run_folder(tmp_path), Model()
    recorder = RunRecorder(folder)
    fit(recorder, model)
    recorder.end(outcome_of(None, None))
    steps = events(folder, "step")
    assert [(event["epoch"], event["step"]) for event in steps] == [
        (step // 4, step + 1) for step in range(8)
    ]
    assert [event["m"]["loss/train"] for event in steps] == pytest.approx(model.losses)
    for event in steps:
        assert set(event["m"]) == {"loss/train", "lr", "samples_per_second", "waiting_share"}
        assert 0 <= event["m"]["waiting_share"] <= 1
        assert event["m"]["lr"] == 0.25
        assert event["m"]["samples_per_second"] > 0


@pytest.mark.parametrize("slow", ["rows", "model"])
def test_waiting_is_told_from_computing(tmp_path: Path, slow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two pauses in a row, that of the loader is waiting, and that of the model is not."""
    pause, folder = threading.Event(), run_folder(tmp_path)
    recorder, read, step = RunRecorder(folder), Rows.__getitems__, Model.training_step

    def paused(function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            pause.wait(0.05)
            return function(*arguments)

        return call

    if slow == "rows":
        monkeypatch.setattr(Rows, "__getitems__", paused(read))
    else:
        monkeypatch.setattr(Model, "training_step", paused(step))
    fit(recorder, Model(), limit_val_batches=0)
    recorder.end(outcome_of(None, None))
    shares = [event["m"]["waiting_share"] for event in events(folder, "step")]
    mean = sum(shares) / len(shares)
    assert mean > 0.3 if slow == "rows" else mean < 0.3, shares


def test_validation_is_written_once_an_epoch_with_its_numbers_only(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    recorder = RunRecorder(folder)
    values: list[float] = []

    class Notes(Callback):
        def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
            if not trainer.sanity_checking:
                values.append(module.weight.item())

    fit(recorder, Model(), Notes(), num_sanity_val_steps=2)
    recorder.end(outcome_of(None, None))
    assert [(event["epoch"], event["step"]) for event in events(folder, "val")] == [(0, 4), (1, 8)]
    assert [event["m"] for event in events(folder, "val")] == [
        {"loss/val": pytest.approx(value)} for value in values
    ]


def test_every_third_step(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    recorder = RunRecorder(folder, every_n_steps=3)
    fit(recorder, Model())
    recorder.end(outcome_of(None, None))
    assert [event["step"] for event in events(folder, "step")] == [3, 6]


def test_previews_are_the_first_training_batches(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    recorder = RunRecorder(folder, previews=2)
    fit(recorder, Model())
    recorder.end(outcome_of(None, None))
    names = sorted(path.name for path in folder.previews.iterdir())
    assert names == ["epoch=0-batch=0.json", "epoch=0-batch=1.json"]
    for number, name in enumerate(names):
        expected = batch_digest(Rows().__getitems__(list(range(8 * number, 8 * number + 8))))
        assert json.loads((folder.previews / name).read_text(encoding="utf-8")) == expected


def test_a_failure_is_written_with_its_reason(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    recorder = RunRecorder(folder)

    class Fails(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            if trainer.global_step == 3:
                raise TrainingError("the loss is non-finite")

    with pytest.raises(TrainingError) as caught:
        fit(recorder, Model(), Fails())
    recorder.end(outcome_of(caught.value, None))
    assert events(folder, "error")[0]["text"] == "the loss is non-finite"
    assert events(folder)[-1]["state"] == "failed"
    status = read_status(folder)
    assert (status["state"], status["exit_code"], status["step"]) == ("failed", 4, 3)


def test_a_checkpoint_is_noted_relative_to_the_run(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    recorder = RunRecorder(folder)

    class Saves(Callback):
        def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
            recorder.checkpoint(trainer, "checkpoints/last.ckpt", "epoch")

    fit(recorder, Model(), Saves())
    recorder.end(outcome_of(None, None))
    noted = [(event["step"], event["path"], event["reason"]) for event in events(folder, "ckpt")]
    assert noted == [(4, "checkpoints/last.ckpt", "epoch"), (8, "checkpoints/last.ckpt", "epoch")]


def test_a_stop_shows_in_the_status_at_once(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    recorder = RunRecorder(folder)

    class Stops(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            recorder.stopping()
            assert read_status(folder)["state"] == State.STOPPING
            trainer.should_stop = True

    fit(recorder, Model(), Stops())
    recorder.end(outcome_of(None, "stop file"))
    assert events(folder)[-1]["state"] == "stopped"
    assert events(folder)[-1]["reason"] == "stop file"
    assert read_status(folder)["state"] == "stopped"


def test_another_rank_writes_its_failure_only(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    recorder = RunRecorder(folder, rank=1)
    fit(recorder, Model())
    recorder.end(outcome_of(OSError("chunk is damaged"), None))
    assert not folder.events().exists()
    assert not folder.status.exists()
    assert list(folder.previews.iterdir()) == []
    assert [event["kind"] for event in events(folder, rank=1)] == ["error"]
    assert events(folder, rank=1)[0]["text"] == "OSError: chunk is damaged"


def test_a_disk_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynaclr.runs.record.status.HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr("dynaclr.runs.process.guards.STALL_SECONDS", 0.5)
    folder = run_folder(tmp_path)

    class Stuck(Rows):
        def __getitems__(self, rows: list[int]) -> dict[str, Any]:
            end = time.monotonic() + 60
            while rows[0] == 16 and not events(folder, "warn") and time.monotonic() < end:
                time.sleep(0.01)
            return super().__getitems__(rows)

    recorder = RunRecorder(folder)
    fit(recorder, Model(), rows=Stuck(), max_epochs=1)
    recorder.end(outcome_of(None, None))
    assert "nothing has been done for" in events(folder, "warn")[0]["text"]
    assert len(events(folder, "step")) == 4
