"""fit, validate and predict: Lightning's command line on our classes, and the run folder of a fit."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jsonargparse import ArgumentError
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from dynaclr.base import keys
from dynaclr.base.errors import ConfigError, RunError, problem
from dynaclr.base.paths import absolute_path, is_file, path_in_file, paths_in_training
from dynaclr.base.yaml_reader import load_yaml, without_lines
from dynaclr.datamodule import MultiExperimentDataModule
from dynaclr.engine import ContrastiveModule
from dynaclr.options.catalogue import fixed_parameters
from dynaclr.options.checking import check_arguments
from dynaclr.runs.process.cluster import leave_scheduler_alone, started_by_srun
from dynaclr.runs.process.session import RunSettings, train
from dynaclr.runs.record.checkpoints import AtomicCheckpointIO, newest_valid_checkpoint
from dynaclr.runs.record.layout import open_run_folder
from dynaclr.runs.record.states import ExitCode
from dynaclr.training.predict import predict_to_file

_RANDOM = "random weights"
_SECTIONS = ("trainer", "data", "model", "run")
_FILES = ("--config", *(f"--{name}" for name in _SECTIONS))
_TRAINER_DEFAULTS = {
    "use_distributed_sampler": False,
    "logger": False,
    "enable_checkpointing": False,
    "enable_model_summary": False,
    "max_epochs": 10,
    "deterministic": False,
    "log_every_n_steps": 1,
}


class TrainingCLI(LightningCLI):
    """Lightning's command line with the sections model, data, trainer and run."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the run's options, and hand `data.hcl_beta` to the model."""
        parser.add_class_arguments(RunSettings, "run")
        parser.add_argument("--ckpt_path", type=str | None, default=None, help="Checkpoint to start from.")
        parser.add_argument("--output", type=str | None, default=None, help="predict: output parquet file.")
        parser.add_argument(
            "--untrained", action="store_true", help="validate, predict: allow random weights."
        )
        parser.link_arguments("data.hcl_beta", "model.hcl_beta")
        known = fixed_parameters()
        for action in parser._actions:
            if action.dest in known:
                action.help = known[action.dest].help

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Check names and values, then parse; make paths absolute: in a file from its folder, else from here.

        Raises
        ------
        ConfigError
            If an option is unknown, missing, of another type or out of bounds.
        """
        names = [action.dest for action in parser._actions]
        trainer = [name.split(".")[1] for name in names if name.startswith("trainer.")]
        others = {name for name in names if "." not in name and name not in fixed_parameters()}
        checked = check_arguments(args, trainer, others - set(_SECTIONS))
        try:
            super().parse_arguments(parser, list(_with_paths(checked)))
        except ArgumentError as error:
            raise ConfigError(str(error)) from error
        for name, text in list(paths_in_training(self.config.as_dict())):
            self.config[name] = str(absolute_path(text))

    def _set_seed(self) -> None:
        """Seed the weights; of a seed beyond the 32 bits that Lightning and torch take, all bits count."""
        seed = self.config.seed_everything
        if isinstance(seed, bool) or seed < 2**32:
            super()._set_seed()
        else:
            seed_everything(int(np.random.SeedSequence(seed).generate_state(1)[0]), workers=True)

    def before_instantiate_classes(self) -> None:
        """Give the loss the weight of hard negatives that is meant: what is recorded then agrees."""
        arguments = getattr(self.config.model.loss_function, "init_args", None)
        if arguments is not None and hasattr(arguments, "beta"):
            arguments.beta = self.config.data.hcl_beta

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Return the trainer; a job's scheduler is asked for its tasks only, never to requeue."""
        srun = started_by_srun() and not TorchElasticEnvironment.detect()
        leave_scheduler_alone()
        if srun:
            given = self._get(self.config_init, "trainer", default={}).get("plugins") or []
            plugins = list(given) if isinstance(given, list) else [given]
            kwargs["plugins"] = [*plugins, SLURMEnvironment(auto_requeue=False)]
        return super().instantiate_trainer(**kwargs)


def parse(arguments: list[str], verb: str) -> TrainingCLI:
    """Return trainer, model and data as a command line asks for them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "LightningCLI's args parameter")  # the verb is not Lightning's
        return TrainingCLI(
            ContrastiveModule,
            MultiExperimentDataModule,
            args=arguments,
            run=False,
            save_config_callback=None,
            auto_configure_optimizers=False,
            seed_everything_default=0,
            trainer_defaults=_TRAINER_DEFAULTS,
            parser_kwargs={"prog": f"python -m dynaclr {verb}", "exit_on_error": False},
        )


def run(verb: str, arguments: Sequence[str]) -> int:
    """Run fit, validate or predict; return the exit code."""
    arguments, folder = _from_run(list(arguments))
    cli = parse(arguments, verb)
    if verb == "fit":
        return train(cli)
    warnings.filterwarnings("ignore", "Be aware that when using `ckpt_path`")  # callbacks of fit have no part
    named = folder is None or _value(arguments, "--ckpt_path")  # else what a run began with is no answer
    checkpoint = cli.config.ckpt_path if named else _checkpoint_of(folder)
    cli.trainer.strategy.checkpoint_io = AtomicCheckpointIO()
    if verb == "validate":
        results = cli.trainer.validate(
            cli.model, datamodule=cli.datamodule, ckpt_path=checkpoint, verbose=False
        )
        lines = [f"{name}  {value:.6g}" for name, value in results[0].items()]
        sys.stdout.write("\n".join([*lines, f"validated with {checkpoint or _RANDOM}"]) + "\n")
        return _code(cli, checkpoint)
    output = Path(cli.config.output or (folder / "embedding.parquet" if folder else "embedding.parquet"))
    rows, strange = predict_to_file(cli.trainer, cli.model, cli.datamodule, checkpoint, output)
    sys.stdout.write(f"{rows} observations embedded with {checkpoint or _RANDOM}: {output}\n")
    if strange:
        what = f"{strange} of {rows} vectors hold NaN or Inf; the column {keys.FINITE} is false there"
        fix = "Look for NaN and Inf in the pixels of these observations."
        sys.stderr.write(f"dynaclr: {problem(what, file=output, fix=fix)}\n")
    return _code(cli, checkpoint)


def _code(cli: TrainingCLI, checkpoint: str | None) -> int:
    """Return the exit code of what was done with these weights."""
    if checkpoint is not None or cli.config.untrained:
        return int(ExitCode.FINISHED)
    fix = "Give --from_run or --ckpt_path, or pass --untrained."
    sys.stderr.write(f"dynaclr: {problem('the weights are random: no checkpoint given', fix=fix)}\n")
    return int(ExitCode.UNTRAINED)


def _with_paths(arguments: Sequence[str]) -> Iterator[str]:
    """Yield arguments; after each configuration file its paths follow, made absolute."""
    name = ""
    for item in arguments:
        yield item
        name, equals, value = item.partition("=") if item.startswith("--") else (name, "=", item)
        if equals and name in _FILES:
            section = name.removeprefix("--").removeprefix("config")
            for path, place in _paths_in(absolute_path(value), section):
                yield f"--{path}={place}"
            name = ""


def _paths_in(file: Path, section: str = "") -> Iterator[tuple[str, str]]:
    """Yield the paths that a configuration file, or one of a section, or one that it names, holds."""
    if not is_file(file):  # the options of a section themselves, or what the parser will miss
        return
    content = without_lines(load_yaml(file))
    for path, text in paths_in_training({section: content} if section else content):
        yield path, str(path_in_file(text, file, path))
    for name in () if section else _SECTIONS:
        if isinstance(content.get(name), str):
            yield from _paths_in(path_in_file(content[name], file, name), name)


def _from_run(arguments: list[str]) -> tuple[list[str], Path | None]:
    """Replace `--from_run FOLDER` by the run's config; for --run.resume add the config if none is given."""
    folder = _take(arguments, "--from_run")
    resumed = _value(arguments, "--run.resume")
    place = folder or resumed
    if place is None:
        return arguments, None
    run_folder = open_run_folder(absolute_path(place))
    if not any(item == "--config" or item.startswith("--config=") for item in arguments):
        arguments = ["--config", str(run_folder.config), *arguments]
    return arguments, run_folder.path


def _value(arguments: list[str], name: str) -> str | None:
    for place, item in enumerate(arguments):
        if item.startswith(f"{name}="):
            return item.partition("=")[2]
        if item == name and place + 1 < len(arguments):
            return arguments[place + 1]
    return None


def _take(arguments: list[str], name: str) -> str | None:
    """Return the value of an option and remove both from the list."""
    value = _value(arguments, name)
    for place, item in enumerate(arguments):
        if item.startswith(f"{name}="):
            del arguments[place]
            break
        if item == name:
            del arguments[place : place + 2]
            break
    return value


def _checkpoint_of(folder: Path | None) -> str | None:
    """Return the best checkpoint of a run, else the newest that loads."""
    if folder is None:
        return None
    checkpoints = open_run_folder(folder).checkpoints
    best = checkpoints / "best.ckpt"
    if best.is_file():
        return os.fspath(best)
    newest, refused = newest_valid_checkpoint(checkpoints)
    if newest is None:
        found = "; ".join(refused) or "none"
        raise RunError(problem("run has no loadable checkpoint", file=checkpoints, found=found))
    return os.fspath(newest)
