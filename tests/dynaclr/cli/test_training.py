"""How the command line of fit, validate and predict reads what it is given."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tests.support import tiny
from tests.support.loaded import Loaded

from dynaclr.cli.training import parse
from dynaclr.cli.verbs import main
from dynaclr.options.catalogue import fixed_parameters
from dynaclr.runs.process.describing import config_text, experiments_text

DATA = {"experiments_yaml": "../lists/experiments.yaml", **tiny.DATA, "index_cache": " ~/cache"}


@pytest.fixture
def project(coded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Plates in store/, experiments in lists/, the training in conf/; here/ is the current folder."""
    (tmp_path / "lists").mkdir()
    content = yaml.safe_load(coded.read_text())
    for entry in content["experiments"]:
        for name in ("data_path", "tracks_path"):
            entry[name] = f"../store/{Path(entry[name]).name}"
    shutil.move(coded.parent, tmp_path / "store")
    (tmp_path / "lists" / "experiments.yaml").write_text(yaml.safe_dump(content))
    (tmp_path / "conf").mkdir()
    (tmp_path / "here").mkdir()
    write(tmp_path, {"data": DATA, "model": tiny.MODEL, "run": {"root": "../runs"}})
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


def write(project: Path, content: dict[str, Any], name: str = "train.yaml") -> None:
    (project / "conf" / name).write_text(yaml.safe_dump(content))


def test_paths_of_a_file_are_relative_to_it_and_typed_ones_to_this_folder(project: Path) -> None:
    cli = parse(["--config", "../conf/train.yaml"], "fit")
    written = yaml.safe_load(config_text(cli))
    assert written["data"]["experiments_yaml"] == str(project / "lists" / "experiments.yaml")
    assert written["data"]["index_cache"] == str(project / "home" / "cache")
    assert written["run"]["root"] == str(project / "runs")
    plates = [entry["data_path"] for entry in yaml.safe_load(experiments_text(cli))["experiments"]]
    assert plates == [str(project / "store" / f"coded{number}.zarr") for number in (0, 1)]
    assert cli.datamodule.config.data.options.cache_dir == project / "home" / "cache"

    typed = ["--run.root=runs", "--ckpt_path", "../a.ckpt", "--data.curation=marks.csv"]
    cli = parse(["--config=../conf/train.yaml", *typed], "fit")
    assert cli.config.run.root == str(project / "here" / "runs")
    assert cli.config.ckpt_path == str(project / "a.ckpt")
    assert cli.datamodule.config.data.options.curation == project / "here" / "marks.csv"

    before = parse(["--run.root=runs", "--config", "../conf/train.yaml"], "fit")  # the later one wins
    assert before.config.run.root == str(project / "runs")


def test_paths_of_the_files_that_a_file_names(project: Path) -> None:
    write(project, DATA, "data.yaml")
    write(project, {"root": "mine"}, "run.yaml")
    write(project, {"data": "data.yaml", "model": tiny.MODEL})
    arguments = ["--config", "../conf/train.yaml", "--run", "../conf/run.yaml"]
    cli = parse(arguments, "fit")
    assert cli.config.data.experiments_yaml == str(project / "lists" / "experiments.yaml")
    assert cli.config.run.root == str(project / "conf" / "mine")


def test_what_lies_here_under_that_name_is_not_taken_and_told(project: Path) -> None:
    (project / "here" / "lists").mkdir()
    other = project / "lists" / "here"
    other.mkdir()
    (project / "conf" / "experiments.yaml").write_text("experiments: []\n")
    (project / "here" / "experiments.yaml").write_text("experiments: [1]\n")
    write(project, {"data": {**DATA, "experiments_yaml": "experiments.yaml"}, "model": tiny.MODEL})
    with pytest.warns(UserWarning, match=r"conf/experiments\.yaml is taken, not .*here/experiments\.yaml"):
        cli = parse(["--config", "../conf/train.yaml"], "fit")
    assert cli.config.data.experiments_yaml == str(project / "conf" / "experiments.yaml")


@pytest.mark.slow
def test_stores_above_the_file_are_read(project: Path, loaded: Loaded) -> None:
    here = project / "here"
    done = loaded.run(here, "inspect", "--config", "../conf/train.yaml", "--batches=1", "--output", "../look")
    assert done.returncode == 0, done.stderr
    assert (project / "look" / "composition.png").is_file()
    assert main(["preprocess", "../lists/experiments.yaml"]) == 0


def test_an_unknown_option_is_told_without_the_usage(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--config", "../conf/train.yaml", "--trainer.max_epoch=3", "--modle.lr=1"]
    assert main(["fit", *arguments]) == 2
    told = capsys.readouterr().err
    assert "field trainer.max_epoch: unknown option. Did you mean 'max_epochs'?" in told
    assert "field modle: unknown option. Did you mean 'model'?" in told
    assert "usage" not in told
    write(project, {"data": {**DATA, "z_range": "all"}, "model": tiny.MODEL}, "wrong.yaml")
    assert main(["fit", "--config", "../conf/wrong.yaml"]) == 2
    assert (
        "field data.z_range: expected a list of 2 whole numbers >= 0; found 'all'" in capsys.readouterr().err
    )


def test_what_only_lightning_knows_is_told_without_the_usage(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "--config", "../conf/train.yaml", "--trainer.log_every_n_steps=often"]) == 2
    told = capsys.readouterr().err
    assert "trainer.log_every_n_steps" in told and "usage" not in told


def test_the_whole_help_has_a_line_for_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["fit", "--help", "all"])
    assert end.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for path, item in fixed_parameters().items():
        assert f"--{path} " in shown and item.help in shown, path


def test_sections_written_as_classes_are_understood(project: Path) -> None:
    plain = parse(["--config", "../conf/train.yaml"], "fit")
    data = {"class_path": "dynaclr.datamodule.MultiExperimentDataModule", "init_args": DATA}
    model = {"class_path": "dynaclr.engine.ContrastiveModule", "init_args": tiny.MODEL}
    write(project, {"data": data, "model": model, "run": {"root": "../runs"}}, "long.yaml")
    long = parse(["--config", "../conf/long.yaml"], "fit")
    assert config_text(long) == config_text(plain)


def test_the_weight_of_hard_negatives_is_recorded_as_one(project: Path) -> None:
    loss = {"class_path": "dynaclr.loss.NTXentHCL", "init_args": {"beta": 3.0}}
    write(project, {"data": DATA, "model": {**tiny.MODEL, "loss_function": loss}}, "beta.yaml")
    cli = parse(["--config", "../conf/beta.yaml"], "fit")
    assert cli.model.loss_function.beta == 3.0
    (project / "conf" / "config.yaml").write_text(config_text(cli))
    again = parse(["--config", "../conf/config.yaml"], "fit")
    assert again.model.loss_function.beta == again.config.data.hcl_beta == 3.0
    other = parse(["--config", "../conf/config.yaml", "--data.hcl_beta=2"], "fit")
    assert other.model.loss_function.beta == 2.0


def test_seeds_have_63_bits(project: Path) -> None:
    seed = 2**63 - 1
    weights = []
    for asked in (seed, seed, seed - 2**32):
        cli = parse(
            ["--config", "../conf/train.yaml", f"--seed_everything={asked}", f"--data.seed={seed}"], "fit"
        )
        assert (cli.config.seed_everything, cli.datamodule.config.sampling.seed) == (asked, seed)
        weights.append(next(cli.model.parameters()).detach().clone())
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
