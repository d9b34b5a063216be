"""Fits through the real command line's parser, in this process, on tiny data."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from tests.support.loaded import Loaded
from tests.support.tiny import MODEL, NORMALIZED

from dynaclr.base.errors import RunError
from dynaclr.cli.training import parse
from dynaclr.cli.verbs import main
from dynaclr.runs.process.session import _told_of_folder, train
from dynaclr.runs.record.checkpoints import load_checkpoint
from dynaclr.runs.record.event_reader import EventReader
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.lock import RunLock
from dynaclr.runs.record.processes import identity
from dynaclr.runs.record.states import ExitCode
from dynaclr.runs.record.status import read_status
from dynaclr.runs.record.watch import RunView

resource = pytest.importorskip("resource", reason="limits of processes are POSIX")
STEPS_OF_AN_EPOCH = 8
CONFIG = {
    "trainer": {"max_epochs": 2, "accelerator": "cpu", "devices": 1, "enable_progress_bar": False},
    "run": {"name": "tiny", "previews": 0},
    "data": NORMALIZED,
    "model": MODEL,
}


@pytest.fixture(scope="module")
def place(coded_source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data and tiny.yaml; statistics are there."""
    folder = tmp_path_factory.mktemp("session")
    shutil.copytree(coded_source.parent, folder / "data")
    data = {**CONFIG["data"], "experiments_yaml": str(folder / "data" / "experiments.yaml")}
    text = yaml.safe_dump({**CONFIG, "data": data})
    (folder / "tiny.yaml").write_text(text, encoding="utf-8")
    assert main(["preprocess", str(folder / "data" / "experiments.yaml")]) == 0
    return folder


@pytest.fixture(scope="module")
def finished(place: Path) -> RunFolder:
    """A run of two epochs; never changed by a test."""
    return fit(place, place / "finished")[1]


@pytest.fixture
def copied(finished: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of the finished run that a test may damage."""
    return RunFolder(Path(shutil.copytree(finished.path, tmp_path / "copied")))


@pytest.fixture(autouse=True)
def nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("DYNACLR_RUN_FOLDER", raising=False)
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)]
    yield
    os.environ.pop("DYNACLR_RUN_FOLDER", None)
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)] == before


class Does(Callback):
    """Calls `action` once, at the n-th call of a hook."""

    def __init__(self, hook: str, action: Callable[[Trainer], Any], calls: int = 1) -> None:
        self.left = calls

        def call(trainer: Trainer, *_: Any, **__: Any) -> None:
            self.left -= 1
            if self.left == 0:
                action(trainer)

        setattr(self, hook, call)


def fit(place: Path, root: Path, *arguments: str, does: Callback | None = None) -> tuple[int, RunFolder]:
    """Fit; return exit code and run folder."""
    cli = parse(["--config", str(place / "tiny.yaml"), "--run.root", str(root), *arguments], "fit")
    if does is not None:
        cli.trainer.callbacks.append(does)
    code = train(cli)
    (path,) = root.iterdir()
    return code, RunFolder(path)


def events(folder: RunFolder, kind: str | None = None) -> list[dict[str, Any]]:
    found = EventReader(folder.events()).read_all()
    return [event for event in found if kind is None or event["kind"] == kind]


def test_a_finished_run(finished: RunFolder) -> None:
    seen = events(finished)
    assert seen[0]["kind"] == "start"
    assert [event["kind"] for event in seen[-2:]] == ["ckpt", "end"]
    assert (seen[-1]["state"], seen[-1]["exit_code"]) == ("finished", 0)
    assert not finished.lock.exists()
    assert not events(finished, "warn")
    assert (finished.checkpoints / "best.ckpt").is_file()


def test_a_stop_shows_while_it_is_under_way(place: Path, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []

    def ask(trainer: Trainer) -> None:
        (folder,) = (tmp_path / "runs").iterdir()
        RunFolder(folder).stop.touch()

    class Watches(Does):
        def on_train_end(self, trainer: Trainer, *_: Any) -> None:
            (folder,) = (tmp_path / "runs").iterdir()
            seen.append(read_status(RunFolder(folder)))

    code, folder = fit(place, tmp_path / "runs", does=Watches("on_train_batch_start", ask, 3))
    assert code == ExitCode.STOPPED
    assert seen[0]["state"] == "stopping"
    status = read_status(folder)
    assert (status["state"], status["reason"], status["step"]) == ("stopped", "stop file", 3)
    assert events(folder, "val") == []
    assert [event["reason"] for event in events(folder, "ckpt")] == ["stop"]


def kill(trainer: Trainer) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("hook", "calls", "steps"),
    [
        ("setup", 1, 0),
        ("on_fit_start", 1, 0),
        ("on_sanity_check_start", 1, 0),
        ("on_validation_batch_start", 2, 0),  # the second batch of the first look at the validation data
        ("on_train_start", 1, 0),
        ("on_before_zero_grad", 1, 1),  # signals end a step from here on
        ("on_train_batch_start", 3, 3),
        ("on_train_epoch_end", 1, STEPS_OF_AN_EPOCH + 1),
        ("on_train_end", 1, 2 * STEPS_OF_AN_EPOCH),
    ],
)
def test_a_signal_at_any_time_ends_the_run_with_a_record(
    place: Path, tmp_path: Path, hook: str, calls: int, steps: int
) -> None:
    code, folder = fit(place, tmp_path / "runs", does=Does(hook, kill, calls))
    end = events(folder)[-1]
    finished = hook == "on_train_end"
    expected = ("finished", "all epochs done", 0) if finished else ("stopped", "signal SIGTERM", 3)
    assert (end["state"], end["reason"], code) == expected
    status = read_status(folder)
    assert (status["state"], status["exit_code"], status["step"]) == (end["state"], code, steps)
    assert not folder.lock.exists()
    assert (folder.checkpoints / "last.ckpt").exists() == (steps > 0)


def test_a_signal_before_there_is_a_run_leaves_none(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import dynaclr.runs.process.session as session

    def killed(cli: Any) -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal was not heeded")

    monkeypatch.setattr(session, "experiments_text", killed)
    code = main(["fit", "--config", str(place / "tiny.yaml"), "--run.root", str(tmp_path / "runs")])
    assert code == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "dynaclr fit: ended by signal SIGTERM\n"
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--data.val_experiments=[]", "--data.no_validation=true"], "no validation data"),
        (["--trainer.limit_val_batches=0"], "trainer.limit_val_batches is 0"),
        (["--trainer.check_val_every_n_epoch=5"], "validation is due every 5 epochs and there are 1"),
    ],
)
def test_a_monitor_that_will_never_be_there_is_said_at_the_start(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    code, folder = fit(place, tmp_path / "runs", "--trainer.max_epochs=1", *arguments)
    assert code == 0
    (warning,) = (event for event in events(folder, "warn") if "best.ckpt" in event["text"])
    assert why in warning["text"]
    assert warning["seq"] < events(folder, "start")[0]["seq"]
    assert warning["text"] in capsys.readouterr().out
    assert warning["text"] in folder.log.read_text(encoding="utf-8")
    assert [path.name for path in folder.checkpoints.iterdir()] == ["last.ckpt"]
    view = RunView(folder)
    view.update()
    assert any("no best.ckpt" in line for line in view.lines())


def test_no_monitor_is_no_warning(place: Path, tmp_path: Path) -> None:
    arguments = ["--trainer.max_epochs=1", "--trainer.limit_val_batches=0", "--run.monitor=null"]
    assert events(fit(place, tmp_path / "runs", *arguments)[1], "warn") == []


@pytest.mark.filterwarnings("always:sampler")
def test_draws_with_replacement_become_a_warning(place: Path, tmp_path: Path) -> None:
    arguments = ["--data.batch_size=64", "--trainer.max_epochs=1", "--data.include_wells=[A/1]"]
    _, folder = fit(place, tmp_path / "runs", *arguments, "--run.monitor=null")
    assert any("anchors repeat" in event["text"] for event in events(folder, "warn"))


def test_a_truncated_checkpoint_is_passed_over_and_said(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stop = Does("on_train_batch_start", kill, STEPS_OF_AN_EPOCH + 3)
    _, run = fit(place, tmp_path / "runs", "--run.checkpoint_every_n_epochs=1", does=stop)
    last = run.checkpoints / "last.ckpt"
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    assert main(["fit", "--run.resume", str(run.path)]) == 0
    (warning,) = events(run, "warn")
    assert "checkpoint skipped" in warning["text"]
    assert "last.ckpt" in warning["text"]
    assert warning["text"] in capsys.readouterr().out
    starts = events(run, "start")
    assert [event["resumed_from_step"] for event in starts] == [0, STEPS_OF_AN_EPOCH]
    assert read_status(run)["state"] == "finished"


@pytest.mark.parametrize(
    ("arguments", "difference"),
    [
        (["--data.batch_size=4"], "data.batch_size: 8 then, 4 now"),
        (["--data.seed=7"], "data.seed: 0 then, 7 now"),
        (
            ["--model.encoder.init_args.in_channels=3"],
            "model.encoder.init_args.in_channels: 2 then, 3 now",
        ),
    ],
)
def test_another_configuration_is_refused_with_its_differences(
    copied: RunFolder, capsys: pytest.CaptureFixture[str], arguments: list[str], difference: str
) -> None:
    before = {path: path.read_bytes() for path in copied.path.rglob("*") if path.is_file()}
    assert main(["fit", "--run.resume", str(copied.path), *arguments]) == ExitCode.CONFIG
    message = capsys.readouterr().err
    assert difference in message
    assert "--run.force=true" in message
    assert {path: path.read_bytes() for path in copied.path.rglob("*") if path.is_file()} == before


def test_force_does_not_load_half_a_checkpoint(copied: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data.batch_size=4", "--run.force=true", "--trainer.max_epochs=3"]
    assert main(["fit", "--run.resume", str(copied.path), *arguments]) == ExitCode.FAILED
    assert "batch_size 8 there, 4 here" in capsys.readouterr().err
    assert read_status(copied)["state"] == "failed"


def test_a_second_process_is_refused_with_who_and_since_when(
    copied: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    me = identity()
    with RunLock(copied.lock):
        assert main(["fit", "--run.resume", str(copied.path)]) == ExitCode.CONFIG
        assert copied.lock.exists()
    message = capsys.readouterr().err
    assert f"process {me['pid']} on {me['host']}, started 20" in message
    assert read_status(copied)["state"] == "finished"


def test_a_run_of_a_newer_version_is_refused(copied: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    facts = json.loads(copied.facts.read_text(encoding="utf-8"))
    copied.facts.write_text(json.dumps({**facts, "schema": 99}), encoding="utf-8")
    assert main(["fit", "--run.resume", str(copied.path)]) == ExitCode.CONFIG
    assert "newer version" in capsys.readouterr().err


def test_a_run_without_a_checkpoint_that_loads_is_refused(
    copied: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in copied.checkpoints.iterdir():
        path.write_bytes(b"")
    assert main(["fit", "--run.resume", str(copied.path)]) == ExitCode.CONFIG
    message = capsys.readouterr().err
    assert "run has no loadable checkpoint" in message
    assert "checkpoint is empty" in message


def test_more_epochs_get_a_schedule_that_ends_with_them(copied: RunFolder) -> None:
    before = copied.config.read_bytes()
    assert main(["fit", "--run.resume", str(copied.path), "--trainer.max_epochs=3"]) == 0
    rates = {event["step"]: event["m"]["lr"] for event in events(copied, "step")}
    total = 3 * STEPS_OF_AN_EPOCH
    for step in range(2 * STEPS_OF_AN_EPOCH + 1, total + 1):
        assert rates[step] == pytest.approx(1e-3 * 0.5 * (1 + math.cos(math.pi * step / total)))
    assert events(copied, "start")[1]["total_steps"] == total
    assert events(copied)[-1]["reason"] == "all epochs done"
    assert yaml.safe_load(copied.config.read_text())["trainer"]["max_epochs"] == 3
    assert (copied.path / "config.1.yaml").read_bytes() == before
    facts = copied.read_facts()
    assert [len(facts["earlier_starts"]), facts["parent"]] == [1, None]
    assert not (copied.path / "experiments.1.yaml").exists()


def test_what_is_asked_of_the_optimizer_wins_over_the_checkpoint(copied: RunFolder) -> None:
    asked = ["--model.lr=5e-4", "--model.weight_decay=0.3", "--model.schedule=constant"]
    assert main(["fit", "--run.resume", str(copied.path), *asked, "--trainer.max_epochs=3"]) == 0
    rates = [event["m"]["lr"] for event in events(copied, "step")]
    assert rates[2 * STEPS_OF_AN_EPOCH :] == [5e-4] * STEPS_OF_AN_EPOCH
    state = load_checkpoint(copied.checkpoints / "last.ckpt")["optimizer_states"][0]
    assert [group["weight_decay"] for group in state["param_groups"]] == [0.3, 0.0]
    # and the next start, asked for nothing, goes on with it
    assert main(["fit", "--run.resume", str(copied.path), "--trainer.max_epochs=4"]) == 0
    assert events(copied, "step")[-1]["m"]["lr"] == 5e-4


def test_the_rest_of_an_epoch_of_other_length_counts_in_the_schedule(place: Path, tmp_path: Path) -> None:
    short = ["--trainer.limit_train_batches=3", "--trainer.max_epochs=2", "--run.previews=99"]
    _, run = fit(place, tmp_path / "runs", *short)
    longer = ["--trainer.limit_train_batches=null", "--trainer.max_epochs=3", "--run.previews=99"]
    assert main(["fit", "--run.resume", str(run.path), *longer]) == 0
    assert events(run, "start")[1]["total_steps"] == 6 + STEPS_OF_AN_EPOCH
    batches = {path.name for path in run.previews.iterdir()}  # of each epoch from its beginning
    assert batches == {f"epoch={e}-batch={k}.json" for e, n in ((0, 3), (1, 3), (2, 8)) for k in range(n)}
    assert events(run, "step")[-1]["m"]["lr"] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("asked", [[], ["--trainer.max_epochs=1"]])
def test_nothing_to_do_is_said_and_changes_nothing(
    copied: RunFolder, capsys: pytest.CaptureFixture[str], asked: list[str]
) -> None:
    before = {path: path.read_bytes() for path in copied.checkpoints.iterdir()}
    assert main(["fit", "--run.resume", str(copied.path), *asked]) == 0
    assert "finished: nothing to do: all epochs done. What decides is trainer.max_epochs" in (
        capsys.readouterr().out
    )
    assert read_status(copied)["reason"].startswith("nothing to do")
    assert {path: path.read_bytes() for path in copied.checkpoints.iterdir()} == before
    assert len(events(copied, "step")) == 2 * STEPS_OF_AN_EPOCH
    assert not (copied.path / "config.1.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["--seed_everything=4"], "seed_everything: 0 then, 4 now"),
        (["--run.name=other"], "run.name: 'tiny' then, 'other' now"),
        (["--run.folder=elsewhere"], "field run.folder: a run resumes in its own folder"),
        (["--ckpt_path=a.ckpt"], "ckpt_path: None then, '"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_name(
    copied: RunFolder, capsys: pytest.CaptureFixture[str], arguments: list[str], field: str
) -> None:
    before = copied.config.read_bytes()
    assert main(["fit", "--run.resume", str(copied.path), *arguments]) == ExitCode.CONFIG
    assert field in capsys.readouterr().err
    assert copied.config.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "reason", "steps"),
    [
        (["--trainer.max_steps=3"], "trainer.max_steps: 3 steps done", 3),
        (["--trainer.max_time=00:00:00:00"], "nothing to do: trainer.max_time is over", 0),
        (["--trainer.fast_dev_run=2"], "trainer.fast_dev_run: 2 steps done", 2),
    ],
)
def test_what_ended_a_run_is_said(
    place: Path, tmp_path: Path, arguments: list[str], reason: str, steps: int
) -> None:
    code, run = fit(place, tmp_path / "runs", *arguments)
    end = events(run)[-1]
    assert (code, end["state"], len(events(run, "step"))) == (0, "finished", steps)
    assert end["reason"].startswith(reason)


def test_an_early_stop_is_said_and_its_patience_is_that_of_now(place: Path, tmp_path: Path) -> None:
    def early(patience: int) -> Any:
        return EarlyStopping("loss/val", min_delta=100.0, patience=patience)

    def resume(run: RunFolder, patience: int) -> int:
        cli = parse(["--config", str(run.config), "--run.resume", str(run.path)], "fit")
        cli.trainer.callbacks.append(early(patience))
        return train(cli)

    code, run = fit(place, tmp_path / "runs", "--trainer.max_epochs=6", does=early(1))
    assert (code, read_status(run)["step"]) == (0, 2 * STEPS_OF_AN_EPOCH)
    assert events(run)[-1]["reason"].startswith("stopped early: Monitored metric loss/val did not improve")
    assert resume(run, 1) == 0
    assert events(run)[-1]["reason"].startswith("nothing to do: stopped early: Monitored metric loss/val")
    assert resume(run, 3) == 0
    assert read_status(run)["step"] == 4 * STEPS_OF_AN_EPOCH
    assert events(run)[-1]["reason"].startswith("stopped early")


def test_the_same_batches_again_are_overfitted(place: Path, tmp_path: Path) -> None:
    options = ["--trainer.overfit_batches=2", "--trainer.max_epochs=25", "--model.lr=0.01"]
    code, run = fit(place, tmp_path / "runs", *options, "--run.previews=100", "--model.schedule=constant")
    assert code == 0
    assert {path.name for path in run.previews.iterdir()} == {
        "epoch=0-batch=0.json",
        "epoch=0-batch=1.json",
    }
    losses = [event["m"]["loss/train"] for event in events(run, "step")]
    assert len(losses) == 50
    assert sum(losses[-4:]) < 0.5 * sum(losses[:4])


def test_a_batch_without_negatives_is_refused(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(place, tmp_path / "runs", "--data.batch_size=1")[0] == ExitCode.CONFIG
    assert "field data.batch_size: a batch of one pair has no negatives" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["validate", "predict"])
def test_random_weights_are_said_by_text_and_code(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    asked = [verb, "--config", str(place / "tiny.yaml"), "--output", str(tmp_path / "e.parquet")]
    assert main(asked) == ExitCode.UNTRAINED
    told = capsys.readouterr()
    assert "with random weights" in told.out
    assert "the weights are random" in told.err
    assert main([*asked, "--untrained"]) == 0
    assert "the weights are random" not in capsys.readouterr().err


def test_a_run_that_began_with_a_checkpoint_is_embedded_by_its_own(
    copied: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    content = yaml.safe_load(copied.config.read_text())
    copied.config.write_text(yaml.safe_dump({**content, "ckpt_path": "/before/last.ckpt"}))
    assert main(["validate", "--from_run", str(copied.path)]) == 0
    assert f"validated with {copied.best}" in capsys.readouterr().out
    last = copied.checkpoints / "last.ckpt"
    assert main(["validate", "--from_run", str(copied.path), "--ckpt_path", str(last)]) == 0
    assert f"validated with {last}" in capsys.readouterr().out


def test_what_an_encoder_draws_is_the_same_after_a_stop(place: Path, tmp_path: Path) -> None:
    encoder = "--model.encoder=dynaclr.encoder.ContrastiveEncoder"
    drops = [encoder, "--model.encoder.backbone=convnext_atto", "--model.encoder.drop_path_rate=0.5"]
    drops += ["--model.encoder.stem_kernel_size=[1,4,4]", "--trainer.max_epochs=1"]
    drops += ["--model.encoder.in_stack_depth=1", "--model.encoder.in_channels=2"]
    drops += ["--data.yx_patch_size=[32,32]", "--data.final_yx_patch_size=[32,32]"]
    _, whole = fit(place, tmp_path / "whole", *drops)
    stop = Does("on_train_batch_start", kill, 3)
    code, stopped = fit(place, tmp_path / "stopped", *drops, does=stop)
    assert code == ExitCode.STOPPED
    torch.manual_seed(99)
    assert main(["fit", "--run.resume", str(stopped.path)]) == 0
    losses = [[event["m"]["loss/train"] for event in events(run, "step")] for run in (whole, stopped)]
    assert losses[0] == losses[1]
    assert len(losses[0]) == STEPS_OF_AN_EPOCH


SLURM = {
    "SLURM_JOB_ID": "12345",
    "SLURM_JOB_NAME": "desktop",
    "SLURM_NTASKS": "4",
    "SLURM_NTASKS_PER_NODE": "4",
    "SLURM_NNODES": "1",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "0",
    "SLURM_JOB_NODELIST": "node[1]",
}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_fit_in_a_desktop_job_is_no_task_of_it(
    place: Path, tmp_path: Path, loaded: Loaded, until: Callable[..., Any]
) -> None:
    """Nothing of the job is requeued, and no foreign checkpoint is resumed."""
    (tmp_path / "hpc_ckpt_3.ckpt").write_bytes(b"of another program")
    scheduler = tmp_path / "bin" / "scontrol"
    scheduler.parent.mkdir()
    scheduler.write_text(f"#!/bin/sh\ntouch {tmp_path}/requeued\n", encoding="utf-8")
    scheduler.chmod(0o755)
    arguments = ["fit", "--config", str(place / "tiny.yaml"), "--trainer.max_epochs=9999"]
    path = f"{scheduler.parent}:{os.environ['PATH']}"
    with loaded.running(tmp_path, *arguments, **SLURM, PATH=path) as process:
        told = until(lambda: process.output.startswith("run folder: ") and process.output.splitlines()[0])
        run = RunFolder(Path(told.removeprefix("run folder: ")))
        until(lambda: process.poll() is not None or read_status(run).get("step", 0) >= 3)
        process.send_signal(signal.SIGUSR1)
        assert process.wait(150) == ExitCode.STOPPED, process.errors
    assert events(run)[-1]["reason"] == "signal SIGUSR1"
    assert "slurm-12345" not in run.path.name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "hpc_ckpt_3.ckpt", "runs"]


@pytest.mark.parametrize(
    ("variables", "environment"),
    [
        ({}, "LightningEnvironment"),
        (SLURM, "LightningEnvironment"),  # a desktop, a shell, or a batch script without srun
        ({**SLURM, "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "1"}, "LightningEnvironment"),
        ({**SLURM, "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4"}, "SLURMEnvironment"),
    ],
)
def test_who_starts_the_processes(
    place: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], environment: str
) -> None:
    monkeypatch.setenv("SLURM_JOB_NAME", "")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    arguments = ["--config", str(place / "tiny.yaml")]
    if environment == "SLURMEnvironment":
        arguments += ["--trainer.devices=4", "--trainer.strategy=ddp"]
    trainer = parse(arguments, "fit").trainer
    found = trainer._accelerator_connector.cluster_environment
    assert type(found).__name__ == environment
    assert getattr(found, "auto_requeue", False) is False


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_full_disk_leaves_the_checkpoint_before_it(copied: RunFolder, loaded: Loaded) -> None:
    """The largest file the process may write is smaller than a checkpoint."""
    last = copied.checkpoints / "last.ckpt"
    before, limit = last.read_bytes(), last.stat().st_size - 1
    arguments = ["fit", "--run.resume", str(copied.path), "--trainer.max_epochs=4"]
    done = loaded.run(copied.path, *arguments, largest_file=limit)
    assert done.returncode == ExitCode.FAILED, done.stderr
    assert "checkpoint cannot be written" in done.stderr
    assert "bytes free" in done.stderr
    assert "Traceback" not in done.stderr
    assert last.read_bytes() == before
    assert not list(copied.checkpoints.glob(".*"))
    end = events(copied)[-1]
    assert (end["state"], end["exit_code"]) == ("failed", 1)
    assert "checkpoint cannot be written" in read_status(copied)["reason"]


def test_events_that_cannot_be_written_stop_nothing(place: Path, tmp_path: Path) -> None:
    """A file size limit below what the events need; checkpoints are not written here."""

    def limit(trainer: Trainer) -> None:
        (path,) = (tmp_path / "runs").iterdir()
        size = RunFolder(path).events().stat().st_size + 50
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    class Limits(Does):
        def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    try:
        arguments = ["--trainer.max_epochs=1", "--run.monitor=null"]
        code, folder = fit(
            place, tmp_path / "runs", *arguments, does=Limits("on_train_batch_start", limit, 3)
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert code == 0
    steps = [event["step"] for event in events(folder, "step")]
    assert steps[:2] == [1, 2]
    assert len(steps) < STEPS_OF_AN_EPOCH
    assert events(folder)[-1]["state"] == "finished"
    assert "training goes on" in folder.log.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_as_the_folder_is_gone_says_so(tmp_path: Path) -> None:
    """Whatever was about to write when somebody moved the folder."""
    folder, missing = RunFolder(tmp_path / "moved"), FileNotFoundError("previews/x.json")
    told = _told_of_folder(missing, folder)
    assert isinstance(told, RunError)
    assert "the run folder has been deleted or moved" in str(told)
    assert told.__cause__ is missing
    folder.path.mkdir()
    assert _told_of_folder(missing, folder) is missing
