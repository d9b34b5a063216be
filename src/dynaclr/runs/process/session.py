"""A fit from start to end inside a run folder: lock, record, stop, resume, and how it ended."""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import LambdaCallback

from dynaclr.base.errors import ConfigError, DynaclrError, TrainingError, problem
from dynaclr.options.settings import RunSettings
from dynaclr.runs.process.alarms import Alarms, Mode
from dynaclr.runs.process.asking import AskedNow, why_ended
from dynaclr.runs.process.checkpointing import RunCheckpoints
from dynaclr.runs.process.cluster import process_rank, started_by_srun
from dynaclr.runs.process.describing import config_text, describe, experiments_text
from dynaclr.runs.process.guards import GuardTraining
from dynaclr.runs.process.measuring import is_memory, memory_message
from dynaclr.runs.process.recorder import RunRecorder
from dynaclr.runs.process.resuming import checkpoint_to_resume
from dynaclr.runs.process.stopping import StopOnRequest
from dynaclr.runs.record.checkpoints import AtomicCheckpointIO
from dynaclr.runs.record.layout import (
    RunFolder,
    claim_folder,
    folder_gone,
    is_gone,
    made_folder,
    new_run_folder,
    open_run_folder,
)
from dynaclr.runs.record.lock import RunLock
from dynaclr.runs.record.notices import notices_to
from dynaclr.runs.record.states import ExitCode, Outcome, State, outcome_of

__all__ = ("RunSettings", "train")

_FOLDER_VARIABLE = "DYNACLR_RUN_FOLDER"


def train(cli: Any) -> int:
    """Fit what a `TrainingCLI` has put together; return the exit code.

    Raises
    ------
    RunError
        If the run folder cannot be used: locked, not resumable, of another configuration.
    Interrupted
        If a signal came before there was a run folder that could tell of it.
    """
    settings = RunSettings(
        **{name: getattr(cli.config.run, name) for name in RunSettings.__dataclass_fields__}
    )
    if settings.resume is not None and settings.folder is not None:
        what = "a run resumes in its own folder"
        raise ConfigError(problem(what, field="run.folder", found=settings.folder, fix="Leave it out."))
    with Alarms() as alarms:
        experiments = experiments_text(cli)  # a configuration that does not fit its data makes no run
        alarms.set_mode(Mode.LATER)  # a folder that is made gets its description
        rank = process_rank()
        folder = _folder(settings, rank)
        with RunLock(folder.lock, settings.force) if rank == 0 else nullcontext():
            start = None
            if settings.resume is not None:
                best = settings.resume_from == "best"
                start = checkpoint_to_resume(folder, config_text(cli), settings.force, best)
            elif rank == 0:
                claim_folder(folder)
                describe(cli, folder, experiments)
            if rank == 0:
                if settings.folder is None or settings.resume is not None:  # else nobody asked an earlier run
                    folder.stop.unlink(missing_ok=True)
                sys.stdout.write(f"run folder: {folder.path}\n")
                sys.stdout.flush()
            if start is not None and rank == 0:  # told once it trains: a start may be refused still
                begins = LambdaCallback(on_train_start=lambda *_: describe(cli, folder, experiments))
                cli.trainer.callbacks.append(begins)
            return _recorded(cli, settings, folder, rank, alarms, start)


def _folder(settings: RunSettings, rank: int) -> RunFolder:
    """Return the run folder; ranks started by rank 0 are told by the environment."""
    if settings.resume is not None:
        return open_run_folder(Path(settings.resume))
    told = os.environ.get(_FOLDER_VARIABLE)
    if rank and told:
        return RunFolder(Path(told))
    if settings.folder is not None:
        folder = made_folder(Path(settings.folder))
    elif started_by_srun():
        job = os.environ.get("SLURM_JOB_ID", "job")
        return made_folder(Path(settings.root) / f"slurm-{job}-{settings.name}")
    else:
        folder = new_run_folder(Path(settings.root), settings.name)
    os.environ[_FOLDER_VARIABLE] = str(folder.path)
    return folder


def _recorded(
    cli: Any,
    settings: RunSettings,
    folder: RunFolder,
    rank: int,
    alarms: Alarms,
    start: tuple[Path, list[str]] | None,
) -> int:
    """Run the fit, and write what happens and how it ended; return the exit code."""
    recorder = RunRecorder(folder, rank, settings.log_every_n_steps, settings.previews)
    stopper = StopOnRequest(folder.stop, alarms, settings.stop_every_n_steps, recorder.stopping)
    alarms.last_resort = lambda number: _leave(recorder, folder, rank, number)
    error: BaseException | None = None
    with notices_to(folder.log, recorder.warn):
        try:
            try:
                alarms.set_mode(Mode.AT_ONCE)
                for reason in start[1] if start else ():
                    _say(f"checkpoint skipped: {reason}")
                _fit(cli, settings, folder, recorder, stopper, start[0] if start else cli.config.ckpt_path)
            finally:
                alarms.set_mode(Mode.LATER)
        except BaseException as caught:  # noqa: BLE001 - every end is written down, then told by the exit code
            error = _told_of_folder(caught, folder)
        signal_name = f"signal {alarms.received.name}" if alarms.received and error is not None else None
        end = "" if error is not None else why_ended(cli.trainer, recorder.batches)
        outcome = outcome_of(error, stopper.reason or signal_name, end)
        _tell(error, outcome)
    recorder.end(outcome)
    if rank and outcome.state is State.STOPPED:
        return 0  # Lightning kills all processes at once when one ends with another code
    return int(outcome.exit_code)


def _fit(
    cli: Any,
    settings: RunSettings,
    folder: RunFolder,
    recorder: RunRecorder,
    stopper: StopOnRequest,
    checkpoint: Path | str | None,
) -> None:
    """Run the fit with all callbacks."""
    monitor = _monitor(cli, settings)
    checkpoints = RunCheckpoints(
        folder.checkpoints,
        recorder,
        monitor,
        settings.checkpoint_every_n_epochs,
        settings.checkpoint_every_n_steps,
    )
    names = cli.datamodule.pipeline.registry.names
    cli.trainer.callbacks += [
        AskedNow(list(cli.trainer.callbacks)),
        GuardTraining(monitor, settings.nonfinite_patience, names),
        recorder,
        stopper,
        checkpoints,
    ]
    cli.trainer.strategy.checkpoint_io = AtomicCheckpointIO()
    cli.datamodule.observer = recorder.observe
    if not cli.datamodule.config.split.holds_out:
        cli.trainer.limit_val_batches = 0  # Lightning asks whether no batches are meant
    start = None if checkpoint is None else os.fspath(checkpoint)
    try:
        cli.trainer.fit(cli.model, datamodule=cli.datamodule, ckpt_path=start)
    except MisconfigurationException as error:
        if "restored a checkpoint" not in str(error):  # more epochs are done than asked for: nothing to do
            raise
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, DynaclrError) or not is_memory(error):
            raise
        device = cli.trainer.strategy.root_device
        raise TrainingError(memory_message(cli.datamodule.config, device, error)) from error


def _told_of_folder(error: BaseException, folder: RunFolder) -> BaseException:
    """Return an error that says that the run folder is gone, if that is why a file could not be written."""
    if not (isinstance(error, FileNotFoundError) and is_gone(folder.path)):
        return error
    told = folder_gone(folder.path)
    told.__cause__ = error
    return told


def _monitor(cli: Any, settings: RunSettings) -> str | None:
    """Return the metric that chooses best.ckpt; None, and say so, where it will never be there."""
    monitor, trainer = settings.monitor, cli.trainer
    if monitor is None or "val" not in monitor:
        return monitor
    every, last = trainer.check_val_every_n_epoch, trainer.max_epochs
    if not cli.datamodule.config.split.holds_out:
        why = "no validation data"
    elif trainer.limit_val_batches == 0:
        why = "trainer.limit_val_batches is 0"
    elif every is not None and last is not None and 0 <= last < every:
        why = f"validation is due every {every} epochs and there are {last}"
    else:
        return monitor
    _say(
        problem(
            f"no best.ckpt will be written: {why}",
            field="run.monitor",
            found=repr(monitor),
            fix="Give data.val_experiments or data.val_fov_fraction, or set run.monitor to null.",
        )
    )
    return None


def _say(text: str) -> None:
    """Warn in the events, the log and the terminal."""
    logging.getLogger(__name__).warning(text)
    sys.stdout.write(f"dynaclr fit: {text}\n")
    sys.stdout.flush()


def _leave(recorder: RunRecorder, folder: RunFolder, rank: int, number: int) -> None:
    """End a run whose main thread hangs in foreign code and does not heed a signal."""
    name = signal.Signals(number).name
    recorder.end(Outcome(State.STOPPED, f"signal {name}, while nothing moved", ExitCode.STOPPED))
    if rank == 0:
        folder.lock.unlink(missing_ok=True)
    os._exit(0 if rank else int(ExitCode.STOPPED))


def _tell(error: BaseException | None, outcome: Outcome) -> None:
    """Say how the run ended: errors made for people in one message, others with their traceback."""
    if outcome.state is State.FAILED and error is not None:
        logging.getLogger(__name__).error("".join(traceback.format_exception(error)))
        if not isinstance(error, DynaclrError):
            traceback.print_exception(error)
    stream = sys.stderr if outcome.state is State.FAILED else sys.stdout
    stream.write(f"dynaclr fit: {outcome.state}: {outcome.reason}\n")
    stream.flush()
