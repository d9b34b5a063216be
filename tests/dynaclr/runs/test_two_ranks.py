"""Two processes through the real command line: they share the work, end together, and go on together."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.loaded import Child, Loaded

from dynaclr.options.reader import read_config
from dynaclr.pipeline import Pipeline
from dynaclr.pipeline.inspector import BatchInspector
from dynaclr.runs.record.event_reader import EventReader
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.observing import observe
from dynaclr.runs.record.states import ExitCode, State
from dynaclr.runs.record.status import read_status

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CONFIG = """
trainer:
  {accelerator: cpu, devices: 2, strategy: ddp, max_epochs: 2000, enable_progress_bar: false,
   callbacks: [spy.Spy]}
run: {root: runs, name: two, previews: 12}
data:
  experiments_yaml: data/experiments.yaml
  z_range: [0, 1]
  yx_patch_size: [16, 16]
  final_yx_patch_size: [12, 12]
  val_experiments: [coded1]
  tau_range: [0.5, 1.0]
  batch_size: 8
  missing_statistics: compute
  normalizations: [{class_path: dynaclr.transforms.NormalizeByStatistics}]
model:
  encoder:
    class_path: dynaclr.encoder.SmallEncoder
    init_args: {in_channels: 2, in_stack_depth: 1, widths: [4, 8]}
  loss_function: {class_path: dynaclr.loss.NTXentHCL}
  schedule: constant
"""

SPY = """
import json
from pathlib import Path

from lightning.pytorch import Callback


class Spy(Callback):
    '''Notes the batches of each process; the second one fails if it is told to.'''

    def on_train_batch_start(self, trainer, module, batch, number):
        if trainer.global_rank and trainer.global_step == 5 and Path("broken").exists():
            raise OSError("chunk is damaged")
        facts = [trainer.global_step, *batch["key"][1:], batch["anchor_meta"]["row"].tolist()]
        with Path(f"rank{trainer.global_rank}.jsonl").open("a") as stream:
            stream.write(json.dumps(facts) + "\\n")

    def on_train_batch_end(self, trainer, module, outputs, batch, number):
        with Path(f"loss{trainer.global_rank}.jsonl").open("a") as stream:
            stream.write(json.dumps([trainer.global_step, float(outputs["loss"])]) + "\\n")
"""


@contextmanager
def training(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a fit as the leader of its own group; nothing of it outlives the test."""
    command = [sys.executable, "-m", "dynaclr", "fit", "--trust-config", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (folder / "output.txt").open("ab") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def seen(folder: Path, rank: int, what: str = "rank") -> list[list[Any]]:
    path = folder / f"{what}{rank}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def wait_for(folder: Path, process: Child, steps: int) -> RunFolder:
    deadline = time.monotonic() + 300
    while len(seen(folder, 0)) < steps or len(seen(folder, 1)) < steps:
        assert process.poll() is None, process.errors
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (run,) = (folder / "runs").iterdir()
    return RunFolder(run)


def group_is_gone(leader: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        members = [p for p in psutil.process_iter(["pid"]) if _group(p.pid) == leader]
        if all(p.status() == psutil.STATUS_ZOMBIE for p in members if p.is_running()):
            return True
        time.sleep(0.05)
    return False


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return -1


def both_ranks() -> list[dict[str, str]]:
    """Return the names by which processes that are started one by one find each other."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    return [{**common, "WORLD_SIZE": "2", "NODE_RANK": "0", "LOCAL_RANK": str(rank)} for rank in range(2)]


def project(source: Path, folder: Path) -> Path:
    """Return a folder with data, a training of two processes and what it needs."""
    shutil.copytree(source.parent, folder / "data")
    (folder / "train.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "spy.py").write_text(SPY, encoding="utf-8")
    return folder


def test_an_error_of_one_process_ends_both(coded_source: Path, tmp_path: Path) -> None:
    folder = project(coded_source, tmp_path / "one")
    (folder / "broken").touch()
    with training(folder, "--config", "train.yaml") as process:
        assert process.wait(300) != 0
        assert group_is_gone(process.pid, 60)
    assert "chunk is damaged" in (folder / "output.txt").read_text(encoding="utf-8")
    (run,) = (folder / "runs").iterdir()
    assert observe(RunFolder(run)).state in (State.FAILED, State.CRASHED)
    assert len(seen(folder, 1)) == 5


def test_two_ranks_share_stop_and_go_on(coded_source: Path, tmp_path: Path, loaded: Loaded) -> None:
    tmp_path = project(coded_source, tmp_path / "two")

    # both are started as a cluster starts them, and asked to stop at once
    with ExitStack() as stack:
        fit = ("fit", "--trust-config", "--config", "train.yaml", "--run.folder", "runs/two")
        ranks = [stack.enter_context(loaded.running(tmp_path, *fit, **names)) for names in both_ranks()]
        run = wait_for(tmp_path, ranks[0], 6)
        for rank in ranks:
            rank.send_signal(signal.SIGTERM)
        assert [rank.wait(120) for rank in ranks] == [ExitCode.STOPPED, 0], ranks[0].errors
    status = read_status(run)
    assert (status["state"], status["reason"], status["world_size"]) == ("stopped", "signal SIGTERM", 2)
    first = [seen(tmp_path, rank) for rank in range(2)]
    assert len(first[0]) == len(first[1]) == status["step"]

    # both go on where they were, then one is killed
    go_on = ("fit", "--trust-config", "--run.resume", str(run.path))
    with ExitStack() as stack:
        ranks = [stack.enter_context(loaded.running(tmp_path, *go_on, **names)) for names in both_ranks()]
        wait_for(tmp_path, ranks[0], status["step"] + 6)
        ranks[1].kill()
        assert ranks[0].wait(120) != 0
    assert observe(run).state in (State.FAILED, State.CRASHED)
    told = EventReader(run.events()).read_all()
    starts = [event for event in told if event["kind"] == "start"]
    assert [event["resumed_from_step"] for event in starts] == [0, status["step"]]

    batches = [seen(tmp_path, rank) for rank in range(2)]
    count = min(len(batches[0]), len(batches[1]))
    per_epoch = starts[0]["batches_per_epoch"]
    for rank in range(2):
        expected = [[step, step // per_epoch, 2 * (step % per_epoch) + rank] for step in range(count)]
        assert [entry[:3] for entry in batches[rank][:count]] == expected
    assert all(a[3] != b[3] for a, b in zip(batches[0][:count], batches[1][:count], strict=True))

    # the loss is that of both
    recorded = {event["step"]: event["m"]["loss/train"] for event in told if event["kind"] == "step"}
    of_each = [dict(seen(tmp_path, rank, "loss")) for rank in range(2)]
    for step in range(1, 7):
        losses = [losses[step] for losses in of_each]
        assert losses[0] != losses[1]
        assert recorded[step] == pytest.approx(sum(losses) / 2)

    # what rank 0 recorded is what a viewer draws from the run's configuration
    pipeline = Pipeline(read_config(run.path))
    pipeline.setup()
    agreement = BatchInspector(pipeline).compare(run.previews)
    assert agreement.identical, agreement
    numbers = [int(file.stem.partition("batch=")[2]) for file in run.previews.iterdir()]
    assert len(numbers) >= 6
    assert all(number % 2 == 0 for number in numbers)
