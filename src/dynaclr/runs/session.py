"""A fit from start to end inside a run folder: lock, record, stop, resume, and how it ended."""

from __future__ import annotations

import logging
import os
import platform
import sys
import traceback
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from dynaclr.atomic import write_text_atomically
from dynaclr.errors import RunError, listing, problem
from dynaclr.runs.checkpointing import RunCheckpoints
from dynaclr.runs.checkpoints import AtomicCheckpointIO, newest_valid_checkpoint
from dynaclr.runs.guards import GuardTraining
from dynaclr.runs.layout import RunFolder, new_run_folder, open_run_folder
from dynaclr.runs.lock import RunLock
from dynaclr.runs.recorder import RunRecorder
from dynaclr.runs.states import Outcome, State, outcome_of
from dynaclr.runs.stopping import StopOnRequest

__all__ = ("RunSettings", "train")

_FOLDER_VARIABLE = "DYNACLR_RUN_FOLDER"
_FREE_TO_CHANGE = ("run", "ckpt_path", "output", "config", "trainer", "seed_everything")
_PACKAGES = ("napari-dynaclr", "torch", "lightning", "monai", "numpy", "tensorstore", "iohub", "timm")


@dataclass
class RunSettings:
    """Where a run is written and what is kept of it.

    Attributes
    ----------
    root
        Folder of run folders.
    name
        Last part of the run folder's name.
    resume
        Run folder to go on with, from its newest checkpoint that loads.
    monitor
        Metric, smaller is better, that chooses best.ckpt.
    checkpoint_every_n_epochs
        How often a checkpoint is kept for good; 0 for never.
    checkpoint_every_n_steps
        How often last.ckpt is written inside an epoch; 0 for the end of epochs only.
    log_every_n_steps
        How often metrics of a step are written to events.jsonl.
    stop_every_n_steps
        How often the stop file and signals are looked at.
    previews
        How many batches are described in previews/.
    nonfinite_patience
        Steps in a row with a loss that is no number before the training ends.
    force
        Resume although the configuration differs, or the lock is of another host.
    """

    root: str = "runs"
    name: str = "run"
    resume: str | None = None
    monitor: str | None = "loss/val"
    checkpoint_every_n_epochs: int = 0
    checkpoint_every_n_steps: int = 0
    log_every_n_steps: int = 1
    stop_every_n_steps: int = 1
    previews: int = 4
    nonfinite_patience: int = 3
    force: bool = False


def train(cli: Any) -> int:
    """Fit what a `TrainingCLI` has put together; return the exit code.

    Raises
    ------
    RunError
        If the run folder cannot be used: locked, not resumable, of another configuration.
    """
    settings = RunSettings(
        **{name: getattr(cli.config.run, name) for name in RunSettings.__dataclass_fields__}
    )
    experiments = _experiments_text(cli)  # a configuration that does not fit its data makes no run
    rank = int(os.environ.get("LOCAL_RANK") or os.environ.get("SLURM_PROCID") or 0)
    folder = _folder(settings, rank)
    if rank:
        return _fit(cli, settings, folder, rank, None)
    with RunLock(folder.lock, settings.force):
        checkpoint = _prepare(cli, settings, folder, experiments)
        sys.stdout.write(f"run folder: {folder.path}\n")
        sys.stdout.flush()
        return _fit(cli, settings, folder, rank, checkpoint)


def _folder(settings: RunSettings, rank: int) -> RunFolder:
    """Return the run folder; ranks started by rank 0 are told by the environment."""
    if settings.resume is not None:
        return open_run_folder(Path(settings.resume).absolute())
    told = os.environ.get(_FOLDER_VARIABLE)
    if rank and told:
        return RunFolder(Path(told))
    job = os.environ.get("SLURM_JOB_ID")
    if job and int(os.environ.get("SLURM_NTASKS", "1")) > 1:
        folder = RunFolder(Path(settings.root).absolute() / f"slurm-{job}-{settings.name}")
        for place in (folder.previews, folder.checkpoints):
            place.mkdir(parents=True, exist_ok=True)
        return folder
    folder = new_run_folder(Path(settings.root).absolute(), settings.name)
    os.environ[_FOLDER_VARIABLE] = str(folder.path)
    return folder


def _prepare(cli: Any, settings: RunSettings, folder: RunFolder, experiments: str) -> str | None:
    """Write what describes the run; return the checkpoint to start from."""
    folder.stop.unlink(missing_ok=True)
    text = _config_text(cli)
    if settings.resume is not None:
        _compare(text, folder, settings.force)
        newest, refused = newest_valid_checkpoint(folder.checkpoints)
        for reason in refused:
            logging.getLogger(__name__).warning("checkpoint passed over: %s", reason)
        if newest is None:
            raise RunError(
                problem(
                    "run has no checkpoint that loads",
                    file=folder.checkpoints,
                    found=listing(refused) or "none",
                )
            )
        return os.fspath(newest)
    write_text_atomically(folder.config, text)
    write_text_atomically(folder.experiments, experiments)
    folder.write_facts(
        {
            "versions": {name: version(name) for name in _PACKAGES},
            "python": platform.python_version(),
            "command": [sys.executable, *sys.orig_argv[1:]],
            "seed": cli.config.seed_everything,
            "device": str(cli.trainer.strategy.root_device),
            "parent": cli.config.ckpt_path,
        }
    )
    checkpoint: str | None = cli.config.ckpt_path
    return checkpoint


def _config_text(cli: Any) -> str:
    """Return the complete configuration, with the paths of experiments.yaml and marks made absolute."""
    content = yaml.safe_load(cli.parser.dump(cli.config, skip_none=False, skip_link_targets=True))
    content.pop("config", None)
    content["run"]["resume"] = None
    for name in ("experiments_yaml", "curation"):
        if content["data"][name] is not None:
            content["data"][name] = str(Path(content["data"][name]).absolute())
    return yaml.safe_dump(content, sort_keys=False)


def _experiments_text(cli: Any) -> str:
    """Return the list of experiments with absolute paths."""
    entries = []
    for config in cli.datamodule.pipeline.registry.experiments:
        entry = {name: getattr(config, name) for name in config.__dataclass_fields__ if name != "line"}
        entry |= {name: str(Path(entry[name]).absolute()) for name in ("data_path", "tracks_path")}
        entry |= {name: list(entry[name]) for name in ("channel_names", "source_channel")}
        entries.append(entry)
    return yaml.safe_dump({"experiments": entries}, sort_keys=False)


def _compare(text: str, folder: RunFolder, force: bool) -> None:
    """Refuse to resume with another configuration of data or model."""
    now, then = (_flat(yaml.safe_load(item)) for item in (text, folder.config.read_text(encoding="utf-8")))
    different = [
        f"{name}: {then.get(name)!r} then, {now.get(name)!r} now"
        for name in sorted({*now, *then})
        if now.get(name) != then.get(name) and name.split(".")[0] not in _FREE_TO_CHANGE
    ]
    if different and not force:
        raise RunError(
            problem(
                "run was made with another configuration",
                file=folder.config,
                found=listing(different),
                fix="Start a new run, or pass --run.force=true.",
            )
        )


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, item in value.items():
        flat |= _flat(item, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _fit(cli: Any, settings: RunSettings, folder: RunFolder, rank: int, checkpoint: str | None) -> int:
    """Run the fit with all callbacks, and write how it ended."""
    handler = logging.FileHandler(folder.log, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    logging.captureWarnings(True)
    recorder = RunRecorder(folder, rank, settings.log_every_n_steps, settings.previews)
    stopper = StopOnRequest(folder.stop, settings.stop_every_n_steps)
    monitor = settings.monitor if cli.datamodule.config.split.holds_out else None
    checkpoints = RunCheckpoints(
        folder.checkpoints,
        recorder,
        monitor,
        settings.checkpoint_every_n_epochs,
        settings.checkpoint_every_n_steps,
    )
    cli.trainer.callbacks += [
        GuardTraining(monitor, settings.nonfinite_patience),
        recorder,
        stopper,
        checkpoints,
    ]
    cli.trainer.strategy.checkpoint_io = AtomicCheckpointIO()
    cli.datamodule.observer = recorder.observe
    error: BaseException | None = None
    try:
        cli.trainer.fit(cli.model, datamodule=cli.datamodule, ckpt_path=checkpoint)
    except BaseException as caught:  # noqa: BLE001 - every end is written down, then told by the exit code
        error = caught
    finally:
        stopper.restore()
    outcome = outcome_of(error, stopper.reason)
    _tell(error, outcome)
    recorder.end(outcome)
    logging.captureWarnings(False)
    root.removeHandler(handler)
    handler.close()
    return int(outcome.exit_code)


def _tell(error: BaseException | None, outcome: Outcome) -> None:
    """Say how the run ended: errors made for people in one message, others with their traceback."""
    if outcome.state is State.FAILED and error is not None:
        logging.getLogger(__name__).error("".join(traceback.format_exception(error)))
        if outcome.exit_code == 1:
            traceback.print_exception(error)
    stream = sys.stderr if outcome.state is State.FAILED else sys.stdout
    stream.write(f"dynaclr fit: {outcome.state}: {outcome.reason}\n")
    stream.flush()
