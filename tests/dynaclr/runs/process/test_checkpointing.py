from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from tests.support.trainers import quiet_trainer

from dynaclr.base.errors import TrainingError
from dynaclr.base.random import BatchKey, KeyedBatch
from dynaclr.runs.process.checkpointing import RunCheckpoints
from dynaclr.runs.process.guards import GuardTraining
from dynaclr.runs.process.stopping import StopOnRequest
from dynaclr.runs.record.checkpoints import AtomicCheckpointIO, load_checkpoint, newest_valid_checkpoint
from dynaclr.sampler.sequential import SequentialBatches
from dynaclr.training.loader import BatchLoader


class Keyed(SequentialBatches):
    """Six batches of eight rows an epoch, other rows together in each epoch."""

    def batch(self, epoch: int, k: int) -> KeyedBatch:
        rows = ((row * 7 + epoch) % self.size for row in super().batch(epoch, k))
        return KeyedBatch(rows, BatchKey(0, epoch, k))


class Rows:
    def __len__(self) -> int:
        return 48

    def __getitems__(self, rows: KeyedBatch) -> dict[str, Any]:
        return {"anchor": torch.tensor(rows, dtype=torch.float32), "key": rows.key}


class Model(LightningModule):
    """One weight with momentum; `val` gives the validation losses in turn."""

    def __init__(self, val: tuple[float, ...] = (), nan_from: int = 10**6) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.val, self.nan_from = val, nan_from
        self.seen: list[tuple[tuple[int, ...], tuple[float, ...]]] = []

    def training_step(self, batch: dict[str, Any], number: int) -> torch.Tensor:
        self.seen.append((tuple(batch["key"]), tuple(batch["anchor"].tolist())))
        loss = ((batch["anchor"].mean() - self.weight) ** 2).sum()
        return loss * float("nan") if self.global_step >= self.nan_from else loss

    def validation_step(self, batch: dict[str, Any], number: int) -> None:
        value = self.val[self.current_epoch] if self.val else 1.0
        self.log("loss/val", value, batch_size=8)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 1e-3, momentum=0.9)


class Notes:
    """Stands for the recorder."""

    def __init__(self) -> None:
        self.written: list[tuple[int, str]] = []

    def checkpoint(self, trainer: Trainer, path: str, reason: str) -> None:
        assert reason
        self.written.append((trainer.global_step, path))


class AsksToStop(Callback):
    def __init__(self, file: Path, step: int) -> None:
        self.file, self.step = file, step

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            self.file.touch()


class Keeps(Callback):
    """Saves after every step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        trainer.save_checkpoint(self.folder / f"{trainer.global_step}.ckpt", weights_only=False)


def fit(
    folder: Path,
    model: Model,
    *more: Callback,
    ckpt_path: Path | None = None,
    stop_at: int = -1,
    kept: int = 0,
    steps: int = 0,
    **options: Any,
) -> list[tuple[int, str]]:
    notes, file = Notes(), folder / "stop"
    file.unlink(missing_ok=True)
    callbacks = [
        *more,
        AsksToStop(file, stop_at),
        GuardTraining("loss/val"),
        StopOnRequest(file),
        RunCheckpoints(folder, notes, "loss/val", kept, steps),  # type: ignore[arg-type]
    ]
    trainer = quiet_trainer(
        **{
            "max_epochs": 3,
            "num_sanity_val_steps": 0,
            "plugins": [AtomicCheckpointIO()],
            **options,
        }
    )
    trainer.callbacks += callbacks  # type: ignore[attr-defined]
    train, val = BatchLoader(Rows(), Keyed(48, 8), 2), BatchLoader(Rows(), Keyed(16, 8))
    trainer.fit(model, train, val, ckpt_path=ckpt_path)
    return notes.written


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Path]:
    """A training that nobody stopped, and its state after every step."""
    folder = tmp_path_factory.mktemp("whole")
    model = Model()
    fit(tmp_path_factory.mktemp("run"), model, Keeps(folder))
    assert len(model.seen) == 18
    return model, folder


@pytest.mark.parametrize("step", [1, 4, 5, 6, 7, 12, 15])
def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(
    tmp_path: Path, whole: tuple[Model, Path], step: int
) -> None:
    first, second = Model(), Model()
    fit(tmp_path, first, stop_at=step)
    assert len(first.seen) == step
    newest, refused = newest_valid_checkpoint(tmp_path)
    assert refused == []
    assert newest is not None
    fit(tmp_path, second, ckpt_path=newest)
    assert first.seen + second.seen == whole[0].seen
    assert torch.equal(second.weight, whole[0].weight)


def test_resume_after_every_step(tmp_path: Path, whole: tuple[Model, Path]) -> None:
    for step in range(1, 19):
        model = Model()
        fit(tmp_path, model, ckpt_path=whole[1] / f"{step}.ckpt")
        assert model.seen == whole[0].seen[step:], step
        assert torch.equal(model.weight, whole[0].weight), step


def test_a_limit_of_steps_is_a_stop_too(tmp_path: Path, whole: tuple[Model, Path]) -> None:
    first, second = Model(), Model()
    fit(tmp_path, first, max_steps=4)
    fit(tmp_path, second, ckpt_path=tmp_path / "last.ckpt")
    assert first.seen + second.seen == whole[0].seen


def test_stopped_twice_in_one_epoch(tmp_path: Path, whole: tuple[Model, Path]) -> None:
    parts = [Model(), Model(), Model()]
    for model, step, source in zip(parts, (2, 4, -1), (None, "last.ckpt", "last.ckpt"), strict=True):
        fit(tmp_path, model, stop_at=step, ckpt_path=tmp_path / source if source else None)
    assert [len(model.seen) for model in parts] == [2, 2, 14]
    assert [batch for model in parts for batch in model.seen] == whole[0].seen


def test_files_and_when(tmp_path: Path) -> None:
    written = fit(tmp_path, Model((3.0, 1.0, 2.0)), kept=2, steps=4)
    assert written == [
        (4, f"{tmp_path.name}/last.ckpt"),
        (6, f"{tmp_path.name}/best.ckpt"),
        (6, f"{tmp_path.name}/last.ckpt"),
        (8, f"{tmp_path.name}/last.ckpt"),
        (12, f"{tmp_path.name}/last.ckpt"),  # by steps, then for the end of the epoch
        (12, f"{tmp_path.name}/best.ckpt"),
        (12, f"{tmp_path.name}/last.ckpt"),
        (12, f"{tmp_path.name}/epoch=1-step=12.ckpt"),
        (16, f"{tmp_path.name}/last.ckpt"),
        (18, f"{tmp_path.name}/last.ckpt"),
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best.ckpt",
        "epoch=1-step=12.ckpt",
        "last.ckpt",
    ]
    assert load_checkpoint(tmp_path / "best.ckpt")["global_step"] == 12
    assert load_checkpoint(tmp_path / "last.ckpt")["global_step"] == 18


def test_best_outlives_a_resume(tmp_path: Path) -> None:
    fit(tmp_path, Model((3.0, 1.0, 2.0)), stop_at=14)
    fit(tmp_path, Model((3.0, 1.0, 2.0)), ckpt_path=tmp_path / "last.ckpt")
    assert load_checkpoint(tmp_path / "best.ckpt")["global_step"] == 12


def test_a_stop_inside_an_epoch_makes_no_best(tmp_path: Path) -> None:
    fit(tmp_path, Model((3.0, 1.0, 2.0)), stop_at=8)  # Lightning validates once more before it stops
    assert load_checkpoint(tmp_path / "best.ckpt")["global_step"] == 6


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_best_is_never_chosen_by_no_number(tmp_path: Path, bad: float) -> None:
    fit(tmp_path, Model((bad, 2.0, bad)))
    assert load_checkpoint(tmp_path / "best.ckpt")["global_step"] == 12
    other = tmp_path / "other"
    other.mkdir()
    fit(other, Model((bad, bad, bad)))
    assert not (other / "best.ckpt").exists()
    assert (other / "last.ckpt").exists()


def test_the_last_good_weights_are_kept(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="non-finite"):
        fit(tmp_path, Model(nan_from=8), steps=1)
    last = load_checkpoint(tmp_path / "last.ckpt")
    assert last["global_step"] == 8
    assert torch.isfinite(last["state_dict"]["weight"]).all()


def test_an_error_leaves_the_checkpoint_before_it(tmp_path: Path) -> None:
    class Fails(Callback):
        def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
            if trainer.global_step == 9:
                raise OSError("chunk is damaged")

    with pytest.raises(OSError, match="damaged"):
        fit(tmp_path, Model(), Fails())
    assert load_checkpoint(tmp_path / "last.ckpt")["global_step"] == 6


def test_a_checkpoint_holds_the_place_of_the_loader(tmp_path: Path) -> None:
    fit(tmp_path, Model(), stop_at=9)
    state = load_checkpoint(tmp_path / "last.ckpt")["loops"]["fit_loop"]["state_dict"]["combined_loader"][0]
    assert {name: state[name] for name in ("epoch", "done", "batch_size")} == {
        "epoch": 1,
        "done": 3,
        "batch_size": 8,
    }


class Turns(Model):
    """Gives a validation loss of each validation in turn, and notes the weight that was validated."""

    def __init__(self, *values: float) -> None:
        super().__init__()
        self.left, self.validated = list(values), {}

    def validation_step(self, batch: dict[str, Any], number: int) -> None:
        if number == 0:
            self.validated[self.trainer.global_step] = self.weight.detach().clone(), self.left.pop(0)
        self.log("loss/val", self.validated[self.trainer.global_step][1], batch_size=8)


@pytest.mark.parametrize(("best", "step"), [(1, 6), (2, 9), (3, 12), (4, 15)])
def test_best_holds_the_weights_that_were_validated(
    tmp_path: Path, whole: tuple[Model, Path], best: int, step: int
) -> None:
    values = [float(abs(place - best) + 1) for place in range(6)]
    model = Turns(*values)
    fit(tmp_path, model, val_check_interval=0.5)
    content = load_checkpoint(tmp_path / "best.ckpt")
    assert content["global_step"] == step
    assert torch.equal(content["state_dict"]["weight"], model.validated[step][0])
    again = Turns(*values[best + 1 :])
    fit(tmp_path, again, ckpt_path=tmp_path / "best.ckpt", val_check_interval=0.5)
    assert again.seen == whole[0].seen[step:]
    assert torch.equal(again.weight, whole[0].weight)
    assert again.left == []


def test_validations_beside_the_end_of_an_epoch_choose_no_later_weights(tmp_path: Path) -> None:
    fit(tmp_path, Turns(*range(1, 4)), val_check_interval=4)  # of 6 batches
    assert load_checkpoint(tmp_path / "best.ckpt")["global_step"] == 4


def test_another_metric_begins_with_no_best_value(tmp_path: Path) -> None:
    before, after = (RunCheckpoints(tmp_path, Notes(), name) for name in ("loss/val", "health/val"))  # type: ignore[arg-type]
    before._best = 1.0
    after.load_state_dict(before.state_dict())
    assert after._best == float("inf")
    same = RunCheckpoints(tmp_path, Notes(), "loss/val")  # type: ignore[arg-type]
    same.load_state_dict(before.state_dict())
    assert same._best == 1.0


class Asks(Callback):
    """Asks for an end in some way while a batch is under way, counted over all epochs."""

    def __init__(self, batch: int, action: Any) -> None:
        self.left, self.action = batch, action

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self.left -= 1
        if self.left == 0:
            self.action(trainer)


@pytest.mark.parametrize("batch", [2, 4, 5, 8, 15])
@pytest.mark.parametrize("way", ["stop file", "callback"])
def test_a_stop_waits_for_the_optimizer_where_gradients_are_gathered(
    tmp_path: Path, batch: int, way: str
) -> None:
    def ask(trainer: Trainer) -> None:
        if way == "callback":
            trainer.should_stop = True
        else:
            (tmp_path / "stop").touch()

    # an epoch has 6 batches: the optimizer steps after the 4th and the 6th
    unstopped, first, second = Model(), Model(), Model()
    options = {
        "accumulate_grad_batches": 4,
        "limit_val_batches": 0,
    }
    fit(tmp_path, unstopped, **options)
    fit(tmp_path, first, Asks(batch, ask), steps=1, **options)
    assert len(first.seen) == next(end for end in (4, 6, 10, 12, 16, 18) if end >= batch)
    fit(tmp_path, second, ckpt_path=tmp_path / "last.ckpt", **options)
    assert first.seen + second.seen == unstopped.seen
    assert torch.equal(second.weight, unstopped.weight)
