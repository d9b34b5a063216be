"""How the command line of fit, validate and predict reads what it is given."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.loaded import Loaded

from dynaclr.cli.training import parse
from dynaclr.cli.verbs import main
from dynaclr.runs.process.describing import config_text, experiments_text

DATA = {
    "experiments_yaml": "../lists/experiments.yaml",
    "z_range": [0, 1],
    "yx_patch_size": [16, 16],
    "final_yx_patch_size": [12, 12],
    "val_experiments": ["coded1"],
    "tau_range": [0.5, 1.0],
    "batch_size": 8,
    "index_cache": " ~/cache",
}
MODEL = {
    "encoder": {
        "class_path": "dynaclr.encoder.SmallEncoder",
        "init_args": {"in_channels": 2, "in_stack_depth": 1, "widths": [4, 8]},
    },
    "loss_function": {"class_path": "dynaclr.loss.NTXentHCL"},
}


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
    write(tmp_path, {"data": DATA, "model": MODEL, "run": {"root": "../runs"}})
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
    write(project, {"data": "data.yaml", "model": MODEL})
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
    write(project, {"data": {**DATA, "experiments_yaml": "experiments.yaml"}, "model": MODEL})
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
