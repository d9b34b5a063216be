from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from tests.support.loaded import Loaded
from tests.support.trainers import quiet_trainer

from dynaclr.runs.process.alarms import Alarms
from dynaclr.runs.process.stopping import StopOnRequest

NUMBERS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGUSR1") if hasattr(signal, name)]


@pytest.fixture(autouse=True)
def handlers_are_put_back() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    after = {number: signal.getsignal(number) for number in NUMBERS}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert after == before


class Model(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch: torch.Tensor, number: int) -> torch.Tensor:
        return (batch.mean() - self.weight).square().sum()

    def validation_step(self, batch: torch.Tensor, number: int) -> None:
        self.log("loss/val", self.weight.sum(), batch_size=2)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 1e-3)


class At(Callback):
    """Does something in the middle of a step, counted from 1."""

    def __init__(self, step: int, action: Any) -> None:
        self.step, self.action = step, action

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step + 1 == self.step:
            self.action()


def fit(*callbacks: Callback, **options: Any) -> Trainer:
    trainer = quiet_trainer(callbacks=list(callbacks), **options)
    train, val = (torch.utils.data.DataLoader(torch.arange(size), batch_size=2) for size in (20.0, 6.0))
    trainer.fit(Model(), train, val)
    return trainer


def test_nobody_asks(tmp_path: Path) -> None:
    stopper = StopOnRequest(tmp_path / "stop")
    assert fit(stopper).global_step == 20
    assert stopper.reason is None


def test_the_stop_file(tmp_path: Path) -> None:
    stopper = StopOnRequest(tmp_path / "stop")
    assert fit(At(4, (tmp_path / "stop").touch), stopper).global_step == 4
    assert stopper.reason == "stop file"


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_ends_the_step_and_the_training(tmp_path: Path, number: int) -> None:
    with Alarms() as alarms:
        stopper = StopOnRequest(tmp_path / "stop", alarms)
        trainer = fit(At(4, lambda: os.kill(os.getpid(), number)), stopper)
    assert trainer.global_step == 4
    assert stopper.reason == f"signal {signal.Signals(number).name}"


def test_a_stop_is_told_at_once_and_is_not_followed_by_a_validation(tmp_path: Path) -> None:
    happened: list[str] = []

    class Notes(Callback):
        def on_validation_start(self, trainer: Trainer, *_: Any) -> None:
            happened.append(f"validation at {trainer.global_step}")

        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            happened.append(f"step {trainer.global_step}")

    stopper = StopOnRequest(tmp_path / "stop", on_stop=lambda: happened.append("stopping"))
    fit(Notes(), At(14, (tmp_path / "stop").touch), stopper, num_sanity_val_steps=0)
    expected = [*(f"step {step}" for step in range(1, 11)), "validation at 10"]
    assert happened == [*expected, *(f"step {step}" for step in range(11, 15)), "stopping"]


def test_a_stop_at_the_end_of_an_epoch_validates_what_is_whole(tmp_path: Path) -> None:
    seen: list[int] = []

    class Notes(Callback):
        def on_validation_start(self, trainer: Trainer, *_: Any) -> None:
            seen.append(trainer.global_step)

    fit(Notes(), At(10, (tmp_path / "stop").touch), StopOnRequest(tmp_path / "stop"), num_sanity_val_steps=0)
    assert seen == [10]


def test_only_every_third_step_looks(tmp_path: Path) -> None:
    stopper = StopOnRequest(tmp_path / "stop", every_n_steps=3)
    assert fit(At(4, (tmp_path / "stop").touch), stopper).global_step == 6


def test_a_least_number_of_epochs_does_not_hold_it(tmp_path: Path) -> None:
    stopper = StopOnRequest(tmp_path / "stop")
    trainer = fit(At(4, (tmp_path / "stop").touch), stopper, min_epochs=2, min_steps=15)
    assert trainer.global_step == 4


def test_a_second_signal_interrupts_at_once(tmp_path: Path) -> None:
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)

    steps: list[int] = []

    class Counts(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            steps.append(trainer.global_step)

    with pytest.raises(SystemExit), Alarms() as alarms:  # what Lightning makes of a KeyboardInterrupt
        fit(Counts(), At(4, twice), StopOnRequest(tmp_path / "stop", alarms))
    assert steps == [1, 2, 3]


def test_an_error_puts_the_handlers_back(tmp_path: Path) -> None:
    def fail() -> None:
        raise OSError("damaged")

    with pytest.raises(OSError, match="damaged"), Alarms() as alarms:
        fit(At(4, fail), StopOnRequest(tmp_path / "stop", alarms))


def test_off_the_main_thread_the_file_still_works(tmp_path: Path) -> None:
    stopper = StopOnRequest(tmp_path / "stop", Alarms())
    trainers: list[Trainer] = []
    thread = threading.Thread(
        target=lambda: trainers.append(fit(At(4, (tmp_path / "stop").touch), stopper)), daemon=True
    )
    thread.start()
    thread.join(60)
    assert trainers[0].global_step == 4
    assert stopper.reason == "stop file"


SCRIPT = """
    import json, os, socket, sys
    from pathlib import Path
    import torch
    from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
    from lightning.pytorch.strategies import DDPStrategy
    from dynaclr.base.random import BatchKey, KeyedBatch
    from dynaclr.training.loader import BatchLoader
    from dynaclr.runs.process.checkpointing import RunCheckpoints
    from dynaclr.runs.record.checkpoints import AtomicCheckpointIO
    from dynaclr.runs.process.guards import GuardTraining
    from dynaclr.runs.process.stopping import StopOnRequest
    from dynaclr.sampler.sequential import SequentialBatches

    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    for mode in ("stop", "resume"):  # in processes that have loaded everything
        turn = os.fork()
        if not turn:
            break
        assert os.waitpid(turn, 0)[1] == 0
        for file in folder.glob("stop.?"):
            file.unlink()
    else:
        sys.exit()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    other = os.fork()
    rank = 0 if other else 1  # Lightning starts no more ranks where it finds these names
    os.environ |= {"LOCAL_RANK": str(rank), "NODE_RANK": "0", "WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    seen = []

    class Keyed(SequentialBatches):
        def batch(self, epoch, k):
            return KeyedBatch(super().batch(epoch, k), BatchKey(0, epoch, k))

    class Rows:
        def __len__(self):
            return 160

        def __getitems__(self, rows):
            return {"anchor": torch.tensor(rows, dtype=torch.float32), "key": rows.key}

    class Model(LightningModule):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def training_step(self, batch, number):
            seen.append(list(batch["key"])[1:])
            return (batch["anchor"].mean() - self.weight).square().sum()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 1e-3)

    class Asks(Callback):  # rank 1 alone sees the file
        def on_train_batch_end(self, trainer, *_):
            if mode == "stop" and rank == 1 and trainer.global_step == 4:
                (folder / "stop.1").touch()

    class Notes:
        def checkpoint(self, trainer, path, reason):
            pass

    stopper = StopOnRequest(folder / f"stop.{rank}", every_n_steps=3)
    trainer = Trainer(
        accelerator="cpu", devices=2, strategy=DDPStrategy(process_group_backend="gloo"), max_epochs=2,
        logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        use_distributed_sampler=False, plugins=[AtomicCheckpointIO()],
        callbacks=[Asks(), GuardTraining(), stopper],
    )
    trainer.callbacks.append(RunCheckpoints(folder, Notes(), None))

    class Data(LightningDataModule):
        def train_dataloader(self):
            batches = Keyed(160, 8, trainer.world_size, trainer.global_rank)
            return BatchLoader(Rows(), batches, 2)

    last = folder / "last.ckpt"
    trainer.fit(Model(), datamodule=Data(), ckpt_path=last if mode == "resume" else None)
    (folder / f"{mode}.{rank}.json").write_text(json.dumps([stopper.reason, seen]))
    if other:
        assert os.waitpid(other, 0)[1] == 0
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_ranks_stop_at_one_step_and_go_on(tmp_path: Path, loaded: Loaded) -> None:
    ended = loaded.run(tmp_path, str(tmp_path), code=SCRIPT)
    assert ended.returncode == 0, ended.stderr[-3000:]
    first = [json.loads((tmp_path / f"stop.{rank}.json").read_text(encoding="utf-8")) for rank in range(2)]
    assert [reason for reason, _ in first] == ["another process was asked to stop", "stop file"]
    assert [seen for _, seen in first] == [[[0, 2 * step + rank] for step in range(6)] for rank in range(2)]
    for rank in range(2):
        reason, seen = json.loads((tmp_path / f"resume.{rank}.json").read_text(encoding="utf-8"))
        assert reason is None
        assert first[rank][1] + seen == [[epoch, 2 * step + rank] for epoch in range(2) for step in range(10)]
