"""What goes wrong around a training, in real processes of the command line."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
import yaml
from tests.support.loaded import Loaded
from tests.support.tiny import MODEL, NORMALIZED

from dynaclr.runs.record.checkpoints import load_checkpoint
from dynaclr.runs.record.event_reader import EventReader
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.observing import observe
from dynaclr.runs.record.states import ExitCode, State
from dynaclr.runs.record.status import read_status

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CONFIG: dict[str, Any] = {
    "trainer": {"max_epochs": 2000, "accelerator": "cpu", "devices": 1, "enable_progress_bar": False},
    "run": {"name": "tiny", "previews": 0, "checkpoint_every_n_steps": 1},
    "data": {"experiments_yaml": "data/experiments.yaml", **NORMALIZED},
    "model": {**MODEL, "schedule": "constant"},
}
LOSSES = """
import torch
from dynaclr.loss import NTXentLoss


class Breaks(NTXentLoss):
    '''A loss that works for ten calls in training.'''

    calls = 0

    def forward(self, *arguments):
        loss = super().forward(*arguments)
        self.calls += torch.is_grad_enabled()
        return self.broken(loss) if self.calls > 10 else loss


class NoNumber(Breaks):
    def broken(self, loss):
        return loss * float("nan")


class NoMemory(Breaks):
    def broken(self, loss):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
"""


@pytest.fixture(scope="module")
def source(coded_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, its statistics, train.yaml, and losses that break."""
    from dynaclr.cli.verbs import main

    folder = tmp_path_factory.mktemp("faults")
    shutil.copytree(coded_source.parent, folder / "data")
    assert main(["preprocess", str(folder / "data" / "experiments.yaml")]) == 0
    (folder / "losses_that_break.py").write_text(LOSSES, encoding="utf-8")
    (folder / "train.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    return folder


def only_run(root: Path) -> RunFolder:
    (path,) = root.iterdir()
    return RunFolder(path)


def weights_are_good(run: RunFolder) -> bool:
    state = load_checkpoint(run.checkpoints / "last.ckpt")["state_dict"]
    return all(bool(torch.isfinite(weight).all()) for weight in state.values())


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (
            "NoNumber",
            ("the loss is non-finite at step 13 and 2 steps before", "last good checkpoint is kept"),
        ),
        (
            "NoMemory",
            (
                "not enough memory",
                "Tried to allocate 20.00 GiB",
                "8 pairs of 1 slices of [16, 16] px",
                "Lower data.batch_size to 4",
                "trainer.precision bf16-mixed",
            ),
        ),
    ],
)
def test_a_loss_that_breaks_ends_the_run_and_keeps_what_was_good(
    source: Path, tmp_path: Path, loaded: Loaded, loss: str, words: tuple[str, ...]
) -> None:
    arguments = ["fit", "--trust-config", "--config", "train.yaml", f"--run.root={tmp_path / 'runs'}"]
    done = loaded.run(source, *arguments, f"--model.loss_function=losses_that_break.{loss}")
    assert done.returncode == ExitCode.TRAINING, done.stderr
    run = only_run(tmp_path / "runs")
    assert "Traceback" not in done.stderr
    status = read_status(run)
    assert (status["state"], status["exit_code"]) == ("failed", ExitCode.TRAINING)
    for text in (done.stderr, status["reason"], observe(run).reason):
        for part in words:
            assert part in text
    assert weights_are_good(run)
    written = [event["step"] for event in EventReader(run.events()).read_all() if event["kind"] == "ckpt"]
    assert max(written) == load_checkpoint(run.checkpoints / "last.ckpt")["global_step"] >= 10
    assert not run.lock.exists()


def test_a_second_start_is_refused_and_a_folder_that_is_deleted_ends_the_run(
    source: Path, tmp_path: Path, loaded: Loaded, until: Callable[..., Any]
) -> None:
    run = RunFolder(tmp_path / "run")
    arguments = ["fit", "--config", "train.yaml", f"--run.folder={run.path}"]
    with loaded.running(source, *arguments) as first:
        until(lambda: first.poll() is not None or observe(run).state is State.RUNNING)
        second = loaded.run(source, *arguments)
        assert second.returncode == ExitCode.CONFIG, first.errors
        assert "another training is writing to this run folder" in second.stderr
        assert f"process {first.pid} on" in second.stderr
        assert first.poll() is None

        trash = tmp_path / "moved"
        run.path.rename(trash)
        assert first.wait(60) == ExitCode.FAILED
    assert "the run folder has been deleted or moved" in first.errors
    assert "Traceback" not in first.errors
    assert not run.path.exists()  # nothing of it is made anew
    assert weights_are_good(RunFolder(trash))


def test_a_configuration_that_became_nonsense_is_refused_and_harms_nothing(
    source: Path, tmp_path: Path, loaded: Loaded
) -> None:
    limit = ["--trainer.max_epochs=1", "--trainer.limit_train_batches=2", "--trainer.limit_val_batches=1"]
    run = RunFolder(tmp_path / "run")
    done = loaded.run(source, "fit", "--config", "train.yaml", f"--run.folder={run.path}", *limit)
    assert done.returncode == 0, done.stderr
    text = run.config.read_text(encoding="utf-8")
    assert "batch_size: 8" in text
    kept = {path: path.read_bytes() for path in run.checkpoints.iterdir()}
    for wrong, message in (
        (text.replace("batch_size: 8", "batch_size: many"), "batch_size"),
        (text.replace("batch_size: 8", "batch_size: -8"), "batch_size"),
        (text.replace("batch_size: 8", "btach_size: 8"), "btach_size"),
        (text.replace("batch_size: 8", "batch_size: [8"), str(run.config)),
        ("", str(run.config)),
    ):
        run.config.write_text(wrong, encoding="utf-8")
        done = loaded.run(source, "fit", "--run.resume", str(run.path))
        assert done.returncode == ExitCode.CONFIG, done.stdout
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert {path: path.read_bytes() for path in run.checkpoints.iterdir()} == kept
        assert not run.lock.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="a disk that nobody may write, root neither")
def test_a_read_only_disk_is_refused_before_anything_is_read(source: Path, loaded: Loaded) -> None:
    done = loaded.run(source, "fit", "--config", "train.yaml", "--run.root=/sys/runs")
    assert done.returncode == ExitCode.CONFIG
    assert "run folder cannot be created" in done.stderr
    assert "file /sys/runs" in done.stderr
    assert "Traceback" not in done.stderr


def test_kill_9_is_a_crash_with_its_last_words_and_resumes(
    source: Path, tmp_path: Path, loaded: Loaded, until: Callable[..., Any]
) -> None:
    run = RunFolder(tmp_path / "run")
    with loaded.running(source, "fit", "--config", "train.yaml", f"--run.folder={run.path}") as first:
        until(lambda: first.poll() is not None or any(run.checkpoints.glob("last.ckpt")))
        psutil.Process(first.pid).kill()
        assert first.wait() < 0
    assert observe(run).state is State.CRASHED
    assert "crashed" in loaded.run(source, "watch", str(run.path)).stdout
    assert run.lock.exists()
    reached = load_checkpoint(run.checkpoints / "last.ckpt")["global_step"]
    done = loaded.run(source, "fit", "--run.resume", str(run.path), f"--trainer.max_steps={reached + 3}")
    assert done.returncode == 0, done.stderr
    starts = [event for event in EventReader(run.events()).read_all() if event["kind"] == "start"]
    assert [event["resumed_from_step"] for event in starts] == [0, reached]
    assert observe(run).state is State.FINISHED
