"""A training's YAML and command line are judged before anything is built, each fault with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dynaclr.base.errors import ConfigError
from dynaclr.options.checking import check_arguments, checked_file
from dynaclr.options.reader import read_config
from dynaclr.options.spec import RunSpec

EXAMPLE = Path(__file__).parents[3] / "examples" / "train.yaml"
TRAINER = ("max_epochs", "devices", "logger", "num_sanity_val_steps")
OTHERS = ("config", "help", "output", "ckpt_path", "print_config")


def changed(folder: Path, *changes: tuple[str, str]) -> Path:
    """The example with other text in it; its lines stay where they are."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after, 1)
    path = folder / "train.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def line_of(path: Path, word: str) -> int:
    """The first line with a word that the example has otherwise."""
    lines = path.read_text(encoding="utf-8").splitlines()
    before = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if word in line and line not in before)


def told(call: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(ConfigError) as error:
        call(*arguments)
    return str(error.value)


@pytest.mark.parametrize(
    ("before", "after", "field", "message"),
    [
        ("seed_everything", "seed_everythin", "seed_everythin", "Did you mean 'seed_everything'?"),
        ("max_epochs", "max_epoch", "trainer.max_epoch", "Did you mean 'max_epochs'?"),
        ("  previews", "  preview", "run.preview", "Did you mean 'previews'?"),
        ("  batch_size", "  batchsize", "data.batchsize", "Did you mean 'batch_size'?"),
        ("  warmup_steps", "  warm_up_steps", "model.warm_up_steps", "Did you mean 'warmup_steps'?"),
        ("  weight_decay", "  leaky", "model.leaky", "It is written as data.leaky."),
        (
            "in_stack_depth",
            "in_stack_dept",
            "model.encoder.init_args.in_stack_dept",
            "Did you mean 'in_stack_depth'?",
        ),
        (
            "rotation_degrees",
            "rotation_degree",
            "data.augmentations.0.init_args.rotation_degree",
            "Did you mean 'rotation_degrees'?",
        ),
        (
            "transforms.RandomFlip",
            "transforms.RandomFlop",
            "data.augmentations.1.class_path",
            "Did you mean 'dynaclr.transforms.RandomFlip'?",
        ),
        (
            "dynaclr.loss.NTXentHCL",
            "dynaclr.lost.NTXentHCL",
            "model.loss_function.class_path",
            "no class dynaclr.lost.NTXentHCL. Did you mean 'dynaclr.loss.NTXentHCL'?",
        ),
        (
            "rotation_degrees: 180.0",
            "rotation_degrees: abc",
            "data.augmentations.0.init_args.rotation_degrees",
            "expected a finite number within 0..180; found 'abc'.",
        ),
        (
            "scale_range: [0.9, 1.1]",
            "scale_range: [1.1, 0.9]",
            "data.augmentations.0.init_args.scale_range",
            "expected low <= high; found [1.1, 0.9].",
        ),
        (
            "level: fov_statistics",
            "level: fov_statistic",
            "data.normalizations.0.init_args.level",
            "Did you mean 'fov_statistics'?",
        ),
        ("leaky: 0.25", "leaky: 2.50", "data.leaky", "expected a number 0..1; found 2.5."),
        ("batch_size: 16", "batch_size: no", "data.batch_size", "whole number >= 1; found False."),
        ("previews: 4", "previews: -4", "run.previews", "expected a whole number >= 0; found"),
        ("z_range: [0, 2]", "z_range: [-1, 2]", "data.z_range", "2 whole numbers >= 0; found [-1, 2]."),
        ("max_epochs: 20", "max_epochs: -2", "trainer.max_epochs", "whole number >= -1; found -2."),
        ("relation: descendant", "relation: descendent", "data.relation", "Did you mean 'descendant'?"),
        (
            "temperature: 0.2",
            "temperature: 0.0",
            "model.loss_function.init_args.temperature",
            "> 0; found 0.0.",
        ),
        (
            "seed: 0 ",
            "seed: 9223372036854775808 ",
            "data.seed",
            "expected a whole number 0..2**63 - 1; found 9223372036854775808.",
        ),
    ],
)
def test_a_fault_of_a_file_is_told_with_its_line(
    tmp_path: Path, before: str, after: str, field: str, message: str
) -> None:
    path = changed(tmp_path, (before, after))
    line = line_of(path, after)
    text = told(checked_file, path, TRAINER)
    assert text.startswith(f"file {path}, line {line}, field {field}: ") and message in text
    assert text in told(check_arguments, ["--config", str(path)], TRAINER, OTHERS)


def test_the_readers_without_lightning_judge_alike(tmp_path: Path) -> None:
    path = changed(tmp_path, ("  batch_size", "  batchsize"))
    for read in (read_config, RunSpec.read):
        assert "line" in told(read, path) and "Did you mean 'batch_size'?" in told(read, path)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    path = changed(tmp_path, ("leaky: 0.25", "leaky: 25"), ("lr: 0.001", "lr: -1"))
    assert "2 problems" in told(checked_file, path) and "data.leaky" in told(checked_file, path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data.batchsize", "3"], "field data.batchsize: unknown option. Did you mean 'batch_size'?"),
        (["--data.leaky=3"], "field data.leaky: expected a number 0..1; found 3."),
        (["--model.lr", "-1e-3"], "field model.lr: expected a number > 0; found -0.001."),
        (["--trainer.max_epoch=3"], "field trainer.max_epoch: unknown option. Did you mean 'max_epochs'?"),
        (["--outputs", "x"], "field outputs: unknown option."),
        (["--model.encoder.class_path=dynaclr.encoder.Small"], "no class dynaclr.encoder.Small."),
    ],
)
def test_a_fault_of_a_command_line_names_its_option(arguments: list[str], message: str) -> None:
    text = told(check_arguments, arguments, TRAINER, OTHERS)
    assert text.startswith("command line, field ") and message in text


def test_what_is_right_passes_unchanged(tmp_path: Path) -> None:
    arguments = [
        *("--config", str(changed(tmp_path, ("lr: 0.001", "lr: 1e-3"))), "--data.val_experiments", "[a]"),
        *("--run.name", "5", "--data.seed=9223372036854775807", "--seed_everything=true", "--output", "x"),
        *("--trainer.max_epochs=-1", "--trainer.logger.save_dir=x", "--model.encoder.in_channels=3"),
        *("--data.val_experiments+", "b", "--print_config", "--model.lr", "1e-4"),
    ]
    assert check_arguments(arguments, TRAINER, OTHERS)[: len(arguments)] == arguments
    assert checked_file(tmp_path / "train.yaml")["model"]["lr"] == 1e-3


def long_form(folder: Path, model: str = "dynaclr.engine.ContrastiveModule") -> Path:
    """The example with its sections written as class_path and init_args."""
    content = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    data = "dynaclr.datamodule.MultiExperimentDataModule"
    content |= {
        "data": {"class_path": data, "init_args": content["data"]},
        "model": {"class_path": model, "init_args": content["model"]},
    }
    path = folder / "long.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def test_sections_may_be_written_as_the_classes_that_they_stand_for(tmp_path: Path) -> None:
    path = long_form(tmp_path)
    assert checked_file(path) == checked_file(EXAMPLE)
    assert read_config(path).sampling == read_config(EXAMPLE).sampling
    name, text, *_ = check_arguments(["--config", str(path)], TRAINER, OTHERS)
    plain = yaml.safe_load(text)
    assert name == "--config" and plain["model"] == yaml.safe_load(EXAMPLE.read_text())["model"]
    assert plain["data"]["experiments_yaml"] == str(tmp_path / "experiments.yaml")


def test_a_fault_in_such_a_section_has_its_line(tmp_path: Path) -> None:
    path = long_form(tmp_path)
    path.write_text(path.read_text().replace("batch_size: 16", "batch_size: 0"), encoding="utf-8")
    assert f"line {line_of(path, 'batch_size')}, field data.batch_size" in told(checked_file, path)


def test_a_section_of_another_class_is_told_how_to_be_written(tmp_path: Path) -> None:
    text = told(checked_file, long_form(tmp_path, "lightning.pytorch.demos.ContrastiveModule"))
    assert "expected the arguments of dynaclr's ContrastiveModule" in text
    assert "Write its arguments directly under 'model:'." in text


def beta(folder: Path, hcl: float | None, loss: float | None) -> Path:
    of_loss = "" if loss is None else f", beta: {loss}"
    of_data = "# " if hcl is None else f"  hcl_beta: {hcl} # "
    return changed(folder, ("temperature: 0.2", f"temperature: 0.2{of_loss}"), ("  hcl_beta: 0.5", of_data))


@pytest.mark.parametrize(("hcl", "loss", "meant"), [(2.0, None, 2.0), (None, 3.0, 3.0), (2.0, 2.0, 2.0)])
def test_the_weight_of_hard_negatives_is_set_at_either_place(
    tmp_path: Path, hcl: float | None, loss: float | None, meant: float
) -> None:
    path = beta(tmp_path, hcl, loss)
    arguments = check_arguments(["--config", str(path)], TRAINER, OTHERS)
    assert arguments[2:] == [f"--data.hcl_beta={meant}"]
    spec = RunSpec.read(path)
    assert spec.get("data.hcl_beta") == meant
    assert "beta" not in spec.get("model.loss_function")["init_args"]


def test_two_weights_of_hard_negatives_name_both_lines(tmp_path: Path) -> None:
    path = beta(tmp_path, 0.5, 3.0)
    text = told(checked_file, path)
    for word in ("hcl_beta", "temperature"):
        assert f"line {line_of(path, word)}" in text
    text = told(
        check_arguments, ["--config", str(beta(tmp_path, None, 3.0)), "--data.hcl_beta=2"], TRAINER, OTHERS
    )
    assert "(command line, field data.hcl_beta)" in text


def test_a_later_weight_replaces_two_that_agree(tmp_path: Path) -> None:
    """As when a recorded configuration is used with one option more."""
    path = beta(tmp_path, 0.5, 0.5)
    arguments = check_arguments(["--config", str(path), "--data.hcl_beta", "2"], TRAINER, OTHERS)
    assert arguments[-1] == "--data.hcl_beta=2"
